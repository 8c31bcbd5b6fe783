// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.jemalloc;

import dev.heapwalk.allocator.ConstantTexts;
import dev.heapwalk.heap.Source;
import dev.heapwalk.jemalloc.layout.TreeShape;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A program or library that has jemalloc, as it seems.
 *
 * @param module the module
 * @param basis what tells so, for people
 * @param source the same for code
 */
record JemallocModule(ElfModule module, String basis, Source source) {
    /** What each jemalloc offers to programs, with the prefixes of Debian, of its own build and of Rust's. */
    private static final List<String> EXPORTS = List.of("mallctl", "je_mallctl", "_rjem_mallctl");

    /** What {@code mallctl("version")} says. */
    private static final Pattern VERSION = Pattern.compile("([0-9]+\\.[0-9]+\\.[0-9]+)-[0-9]+-g[0-9a-f]{40}");
    /** A commit's hash and what may stand before it. */
    private static final int LONGEST = 64;

    private static final int HASH = 40;
    /** Variables that are not as large as the smallest root are not looked at. */
    private static final long LEAST = TreeShape.GROUPS.stream()
            .flatMap(List::stream)
            .mapToLong(TreeShape::rootBytes)
            .min()
            .orElseThrow();

    /** The modules of a target that have jemalloc, the program first. */
    static List<JemallocModule> of(Target target) {
        List<JemallocModule> found = new ArrayList<>();
        for (ElfModule module : target.modules()) {
            of(target, module).ifPresent(found::add);
        }
        return List.copyOf(found);
    }

    private static Optional<JemallocModule> of(Target target, ElfModule module) {
        Optional<String> export = EXPORTS.stream()
                .filter(name -> module.exported(name).isPresent())
                .findFirst();
        if (export.isPresent()) {
            return Optional.of(new JemallocModule(module, "it exports " + export.get(), Source.SYMBOL));
        }
        // One that is linked in may have lost its names, but not its tree, and hardly its version.
        return module.writableSegments().stream().anyMatch(range -> range.length() >= LEAST)
                ? version(target, module)
                        .map(version -> new JemallocModule(module, "it has the text " + version, Source.BANNER))
                : Optional.empty();
    }

    String file() {
        return module.path().substring(module.path().lastIndexOf('/') + 1);
    }

    /**
     * The version that a text in the module names, such as {@code 5.3.0-0-g54eaed1d8b56b1aa528be3bdd1877e59c56fa90c}.
     */
    Optional<String> version(Target target) {
        return version(target, module);
    }

    /** Such as {@code 5.3.0} of a text that names a version. */
    static String number(String version) {
        Matcher matcher = VERSION.matcher(version);
        return matcher.matches() ? matcher.group(1) : version;
    }

    private static Optional<String> version(Target target, ElfModule module) {
        return ConstantTexts.find(target, module, LONGEST, JemallocModule::version);
    }

    private static Optional<String> version(byte[] bytes, int length) {
        for (int i = 1; i < length - HASH; i++) {
            if (bytes[i] == 'g' && bytes[i - 1] == '-') {
                int from = Math.max(0, i - LONGEST + HASH);
                Matcher matcher =
                        VERSION.matcher(new String(bytes, from, i + 1 + HASH - from, StandardCharsets.ISO_8859_1));
                if (matcher.find()) {
                    return Optional.of(matcher.group());
                }
            }
        }
        return Optional.empty();
    }
}
