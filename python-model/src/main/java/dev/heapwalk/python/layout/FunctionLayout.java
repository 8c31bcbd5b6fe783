// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C name {@code PyFunctionObject}.
 *
 * @param code {@code func_code}
 * @param globals {@code func_globals}
 * @param defaults {@code func_defaults}
 * @param closure {@code func_closure}
 * @param name {@code func_name}
 * @param qualname {@code func_qualname}, or -1
 * @param dict {@code func_dict}
 */
public record FunctionLayout(int code, int globals, int defaults, int closure, int name, int qualname, int dict) {
    /** How much of a function is read, in bytes. */
    public static final int BYTES = 112;
    /** How much of a function of 2.7 there is, in bytes. */
    private static final int OLD_BYTES = 88;

    /**
     * How much of a function is read.
     *
     * @return bytes
     */
    public int bytes() {
        return qualname < 0 ? OLD_BYTES : BYTES;
    }

    static FunctionLayout of(int version) {
        if (version < 300) {
            return new FunctionLayout(16, 24, 32, 40, 56, -1, 64);
        }
        return version < 310
                ? new FunctionLayout(16, 24, 32, 48, 64, 104, 72)
                : new FunctionLayout(48, 16, 56, 72, 32, 40, 88);
    }
}
