// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.tcmalloc;

import dev.heapwalk.allocator.ConstantTexts;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.tcmalloc.layout.MapShape;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A program or library that has a tcmalloc, as it seems.
 *
 * @param module the module
 * @param kind whose tcmalloc it is
 * @param version what a text in the module says, empty if none does
 * @param basis what tells that there is one, for people
 * @param source the same for code
 */
record TcmallocModule(ElfModule module, Kind kind, Optional<String> version, String basis, Source source) {
    /** Which of the two allocators of this name. */
    enum Kind {
        /** The one of gperftools, with a cache for each thread. */
        GPERFTOOLS,
        /** The one of Google's own, with a cache for each processor. */
        GOOGLE
    }

    /** What gperftools' offers to programs. */
    private static final String EXPORT = "tc_malloc";
    /** What Google's has, where its names are left. */
    private static final String GOOGLE_SYMBOL = "TCMallocInternalMalloc";
    /** The name of a property of Google's, which the other does not have. */
    private static final String GOOGLE_TEXT = "tcmalloc.per_cpu_caches_active";

    private static final String NAME = "gperftools ";
    /** What {@code tc_version} returns. */
    private static final Pattern VERSION =
            Pattern.compile("gperftools ([0-9]{1,3}\\.[0-9]{1,3}(?:\\.[0-9]{1,3})?)\\x00");
    /** What is looked for is no longer. */
    private static final int LONGEST = 64;

    /** Variables that are not as large as the smallest root are not looked at. */
    private static final long LEAST =
            MapShape.ALL.stream().mapToLong(MapShape::rootBytes).min().orElseThrow();

    /** The modules of a target that have a tcmalloc, the program first. */
    static List<TcmallocModule> of(Target target) {
        List<TcmallocModule> found = new ArrayList<>();
        for (ElfModule module : target.modules()) {
            of(target, module).ifPresent(found::add);
        }
        return List.copyOf(found);
    }

    private static Optional<TcmallocModule> of(Target target, ElfModule module) {
        if (module.exported(EXPORT).isPresent()) {
            return Optional.of(new TcmallocModule(
                    module,
                    Kind.GPERFTOOLS,
                    text(target, module).flatMap(Text::version),
                    "it exports " + EXPORT,
                    Source.SYMBOL));
        }
        // One that is linked in may have lost its names, but not its map, and hardly its texts.
        if (module.writableSegments().stream().noneMatch(range -> range.length() >= LEAST)) {
            return Optional.empty();
        }
        if (module.program() && module.symbol(GOOGLE_SYMBOL).isPresent()) {
            return Optional.of(new TcmallocModule(
                    module, Kind.GOOGLE, Optional.empty(), "it has " + GOOGLE_SYMBOL, Source.SYMBOL));
        }
        return text(target, module)
                .map(text -> new TcmallocModule(
                        module, text.kind, text.version, "it has the text " + text.text, Source.BANNER));
    }

    String file() {
        return module.path().substring(module.path().lastIndexOf('/') + 1);
    }

    /** A text that only one of them has. */
    private record Text(String text, Kind kind, Optional<String> version) {}

    private static Optional<Text> text(Target target, ElfModule module) {
        return ConstantTexts.find(target, module, LONGEST, TcmallocModule::text);
    }

    private static Optional<Text> text(byte[] bytes, int length) {
        for (int i = 0; i < length - NAME.length(); i++) {
            if (bytes[i] == 'g' && begins(bytes, i, length, NAME)) {
                String text = new String(bytes, i, Math.min(LONGEST, length - i), StandardCharsets.ISO_8859_1);
                Matcher matcher = VERSION.matcher(text);
                if (matcher.lookingAt()) {
                    return Optional.of(new Text(
                            matcher.group().strip().replace("\0", ""), Kind.GPERFTOOLS, Optional.of(matcher.group(1))));
                }
            } else if (bytes[i] == 't' && begins(bytes, i, length, GOOGLE_TEXT)) {
                return Optional.of(new Text(GOOGLE_TEXT, Kind.GOOGLE, Optional.empty()));
            }
        }
        return Optional.empty();
    }

    private static boolean begins(byte[] bytes, int at, int length, String text) {
        for (int i = 0; i < text.length(); i++) {
            if (at + i >= length || bytes[at + i] != text.charAt(i)) {
                return false;
            }
        }
        return true;
    }
}
