// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.raw;

import dev.heapwalk.memory.TargetException;

/** What a JVM may refuse: to call the C library, and to read memory that is not its own by address. */
public final class NativeAccess {
    private NativeAccess() {}

    /**
     * The failure where this JVM was started so that it refuses.
     *
     * @param what what it may not do
     * @param cause what was thrown
     * @return an exception that names the flag
     */
    public static TargetException refused(String what, Throwable cause) {
        Module module = NativeAccess.class.getModule();
        return new TargetException(
                TargetException.Reason.NATIVE_ACCESS,
                "this JVM may not %s: start it with --enable-native-access=%s"
                        .formatted(what, module.isNamed() ? module.getName() : "ALL-UNNAMED"),
                cause);
    }
}
