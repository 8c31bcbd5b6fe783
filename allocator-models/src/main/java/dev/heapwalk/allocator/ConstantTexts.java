// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.allocator;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import java.util.stream.Stream;

/** Searches what a module can't change for a text that tells what is linked into it. */
public final class ConstantTexts {
    private static final int STEP = 1 << 20;
    private static final long MOST = 64L << 20;

    private ConstantTexts() {}

    /**
     * Knows a text.
     *
     * @param <T> what it tells
     */
    public interface Search<T> {
        /**
         * Looks for the text in a part of the module.
         *
         * @param bytes the part
         * @param length how many bytes of it were read
         * @return what the text tells, empty if it is not there
         */
        Optional<T> in(byte[] bytes, int length);
    }

    /**
     * Finds a text.
     *
     * @param target an open target
     * @param module where to look
     * @param longest no text is longer, in bytes
     * @param search knows the text
     * @param <T> what it tells
     * @return what the first one tells, empty if none is found
     */
    public static <T> Optional<T> find(Target target, ElfModule module, int longest, Search<T> search) {
        byte[] bytes = new byte[STEP];
        long searched = 0;
        // Constant texts lie behind the code, or before it where it has a mapping of its own.
        for (Mapping mapping : Stream.concat(
                        module.mappings().stream().filter(one -> !one.executable()),
                        module.mappings().stream().filter(Mapping::executable))
                .toList()) {
            if (!mapping.readable() || mapping.writable()) {
                continue;
            }
            for (long at = mapping.start(); at < mapping.end() && searched < MOST; at += STEP - longest) {
                int length = (int) Math.min(STEP, mapping.end() - at);
                int got = (int)
                        target.memory().read(at, MemorySegment.ofArray(bytes).asSlice(0, length));
                searched += length;
                Optional<T> found = search.in(bytes, got);
                if (found.isPresent()) {
                    return found;
                }
            }
        }
        return Optional.empty();
    }
}
