// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.library;

import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.elf.ElfModule;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The library or program that CRuby's interpreter is in.
 *
 * @param module the module; empty if its header is not in memory, as in some cores
 * @param file its file as the target sees it, for messages
 * @param variables where its static variables are
 * @param version the full version, or what is known of it: at least two numbers
 * @param platform the platform, or empty
 * @param source what told the version and the platform
 * @param basis how the version was found
 * @param platformBasis how the platform was found
 */
public record RubyModule(
        Optional<ElfModule> module,
        String file,
        List<Range> variables,
        String version,
        String platform,
        Source source,
        String basis,
        String platformBasis) {
    private static final Pattern VERSION = Pattern.compile("[0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,3}");
    /** {@code ruby_description}. */
    private static final Pattern DESCRIPTION =
            Pattern.compile("ruby ([0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,3})[^\\n\\x00(]{0,40}"
                    + " \\([0-9]{4}-[0-9]{2}-[0-9]{2}[^)\\n\\x00]{0,60}\\)"
                    + "[^\\n\\x00\\[]{0,60}\\[([^]\\n\\x00]{1,60})]");

    private static final int STEP = 1 << 20;
    private static final int OVERLAP = 512;

    /** Finds it; null if no module is one. */
    public static RubyModule find(Target target, boolean symbols) {
        List<ElfModule> modules = target.modules();
        if (symbols) {
            for (ElfModule module : modules) {
                OptionalLong version = module.exported("ruby_version");
                if (version.isPresent() && module.exported("ruby_api_version").isPresent()) {
                    String text = text(target.memory(), version.getAsLong(), VERSION);
                    if (text != null) {
                        OptionalLong platform = module.exported("ruby_platform");
                        String name = platform.isEmpty()
                                ? null
                                : text(target.memory(), platform.getAsLong(), Pattern.compile("[ -~]{1,60}"));
                        return of(
                                module,
                                text,
                                name == null ? "" : name,
                                Source.SYMBOL,
                                "the symbol ruby_version",
                                name == null ? "there is no symbol ruby_platform" : "the symbol ruby_platform");
                    }
                }
            }
        }
        for (ElfModule module : modules) {
            for (Mapping mapping : module.mappings()) {
                RubyModule found = mapping.writable() || !mapping.readable() ? null : describe(target, module, mapping);
                if (found != null) {
                    return found;
                }
            }
        }
        return byName(target).orElse(null);
    }

    /** Whether a look at the modules' names and symbols says that one of them may be it. */
    public static boolean isLikely(Target target) {
        return target.modules().stream()
                        .anyMatch(module -> module.path().contains("ruby")
                                || module.exported("ruby_version").isPresent())
                || byName(target).isPresent();
    }

    /** A core may lack the constants that tell. */
    private static Optional<RubyModule> byName(Target target) {
        return target.mode() == Target.Mode.CORE ? new RubyNames(target).find() : Optional.empty();
    }

    static RubyModule of(
            ElfModule module, String version, String platform, Source source, String basis, String platformBasis) {
        return new RubyModule(
                Optional.of(module),
                module.path().isEmpty() ? "a module without a name" : module.path(),
                module.writableSegments(),
                version,
                platform,
                source,
                basis,
                platformBasis);
    }

    /** Where a function or variable of it lies, see {@link ElfModule#symbol}. */
    public OptionalLong symbol(String name) {
        return module.isEmpty() ? OptionalLong.empty() : module.get().symbol(name);
    }

    private static String text(AddressSpace memory, long address, Pattern pattern) {
        try {
            String text = memory.readCString(address, 64);
            return pattern.matcher(text).matches() ? text : null;
        } catch (UnmappedAddressException e) {
            return null;
        }
    }

    private static RubyModule describe(Target target, ElfModule module, Mapping mapping) {
        byte[] buffer = new byte[STEP + OVERLAP];
        for (long at = mapping.start(); at < mapping.end(); at += STEP) {
            int wanted = (int) Math.min(buffer.length, mapping.end() - at);
            int got =
                    (int) target.memory().read(at, MemorySegment.ofArray(buffer).asSlice(0, wanted));
            Matcher matcher = DESCRIPTION.matcher(new String(buffer, 0, got, StandardCharsets.ISO_8859_1));
            if (matcher.find()) {
                String basis = "the text of ruby_description at 0x%x".formatted(at + matcher.start());
                return of(module, matcher.group(1), matcher.group(2), Source.BANNER, basis, basis);
            }
            if (got < wanted) {
                break;
            }
        }
        return null;
    }

    /** The version as a layout's number, such as 303. */
    public int number() {
        String[] parts = version.split("\\.");
        return Integer.parseInt(parts[0]) * 100 + Integer.parseInt(parts[1]);
    }
}
