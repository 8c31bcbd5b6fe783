// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.ConstantTexts;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.LongStream;
import java.util.stream.Stream;

/**
 * A module that may have musl's malloc.
 *
 * @param module the module
 * @param library whether it is musl's library; else it may be a program with musl in itself
 * @param version what a text in the library says, empty if none does
 */
record MuslModule(ElfModule module, boolean library, Optional<String> version) {
    /** The third part of musl's dynamic linker, which is its library as well. */
    private static final String MUSL = "__dls3";
    /** Each glibc has it, and nobody else. */
    private static final String GLIBC = "gnu_get_libc_version";

    /** {@code __libc_version}. */
    private static final Pattern VERSION = Pattern.compile("1\\.[0-9]{1,2}\\.[0-9]{1,3}");

    private static final int LONGEST = 12;

    /** How far behind the beginning of the last function its code may reach. */
    private static final long LAST_FUNCTION = 64;

    /** The modules that are musl's library. Where there is no C library, all that may be a program with musl in it. */
    static List<MuslModule> of(Target target) {
        List<ElfModule> modules = target.modules();
        List<MuslModule> libraries = modules.stream()
                .filter(module -> module.exported(MUSL).isPresent())
                .map(module -> new MuslModule(module, true, version(target, module)))
                .toList();
        if (!libraries.isEmpty()
                || modules.stream().anyMatch(module -> module.exported(GLIBC).isPresent())) {
            return libraries;
        }
        return modules.stream()
                .filter(module -> !module.writableSegments().isEmpty())
                .map(module -> new MuslModule(module, false, Optional.empty()))
                .toList();
    }

    private static Optional<String> version(Target target, ElfModule module) {
        return ConstantTexts.find(target, module, LONGEST + 2, (bytes, length) -> {
            for (int i = 0; i < length - LONGEST; i++) {
                if (bytes[i] == 0 && bytes[i + 1] == '1' && bytes[i + 2] == '.') {
                    int end = i + 1;
                    while (end < length && end - i < LONGEST && bytes[end] != 0) {
                        end++;
                    }
                    Matcher matcher =
                            VERSION.matcher(new String(bytes, i + 1, end - i - 1, StandardCharsets.ISO_8859_1));
                    if (matcher.matches()) {
                        return Optional.of(matcher.group());
                    }
                }
            }
            return Optional.empty();
        });
    }

    /** Whether its version is one that had another malloc. */
    boolean old() {
        return version.filter(text -> {
                    String[] parts = text.split("\\.");
                    int minor = Integer.parseInt(parts[1]);
                    return minor < 2 || minor == 2 && Integer.parseInt(parts[2]) < 1;
                })
                .isPresent();
    }

    String file() {
        return module.path().substring(module.path().lastIndexOf('/') + 1);
    }

    /** Where the code of malloc begins: its functions lie side by side in the library. 0 if that is not known. */
    long codeStart() {
        return exported("free", "malloc").min().orElse(0);
    }

    /** Where the code of malloc ends, 0 if that is not known. */
    long codeEnd() {
        OptionalLong last =
                exported("realloc", "reallocarray", "posix_memalign").max();
        return last.isPresent() ? last.getAsLong() + LAST_FUNCTION : 0;
    }

    private LongStream exported(String... names) {
        return !library
                ? LongStream.empty()
                : Stream.of(names)
                        .map(module::exported)
                        .filter(OptionalLong::isPresent)
                        .mapToLong(OptionalLong::getAsLong);
    }
}
