// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.library;

import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What names tell of an interpreter that does not tell itself, in a core without its constants: the names of its
 * library and program, of their folders, and of the libraries that it loaded.
 */
final class RubyNames {
    private static final String NUMBERS = "([0-9]{1,2}\\.[0-9]{1,2}(?:\\.[0-9]{1,3})?)";
    private static final Pattern LIBRARY = Pattern.compile("libruby[^/]*\\.so\\." + NUMBERS);
    private static final Pattern PROGRAM = Pattern.compile("ruby-?([0-9]\\.[0-9]{1,2})?(?:-bin|-static)?");
    /**
     * A folder that a version was installed into: {@code versions/2.4.0}, {@code Ruby/3.3.0/x64},
     * {@code ruby-2.1.6-p336}.
     */
    private static final Pattern INSTALLED =
            Pattern.compile("(?:/|-(?=ruby-))(?:ruby-)?([0-9]{1,2}\\.[0-9]{1,2}\\.[0-9]{1,3})(?:-?p[0-9]{1,4})?(?=/)");
    /** The folders of an interpreter's own libraries, which have the number of what they fit to: 2.4.0 for any 2.4. */
    private static final Pattern LIBRARIES = Pattern.compile(
            "(?:/([^/]+-linux[^/]*))?/ruby/(?:site_ruby/|vendor_ruby/)?([0-9]{1,2}\\.[0-9]{1,2})\\.[0-9]/"
                    + "(?:([^/]+-linux[^/]*)/)?");

    private static final String DELETED = " (deleted)";
    private static final long LARGEST_VARIABLES = 1 << 26;

    private final Target target;

    RubyNames(Target target) {
        this.target = target;
    }

    /** Finds the interpreter by names. */
    Optional<RubyModule> find() {
        Optional<RubyModule> library = library();
        return library.isPresent() ? library : program();
    }

    private Optional<RubyModule> library() {
        for (ElfModule module : target.modules()) {
            Matcher name = LIBRARY.matcher(file(module.path()));
            if (name.matches()) {
                return Optional.of(module(module, name.group(1), "its name"));
            }
            Matcher own = LIBRARY.matcher(module.soname().orElse(""));
            if (own.matches()) {
                return Optional.of(module(module, own.group(1), "the name DT_SONAME"));
            }
        }
        for (Mapping mapping : target.memory().mappings()) {
            Matcher name = LIBRARY.matcher(file(mapping.path()));
            if (name.matches() && !variables(mapping.path()).isEmpty()) {
                return Optional.of(mapped(mapping.path(), name.group(1), "its name"));
            }
        }
        return Optional.empty();
    }

    private Optional<RubyModule> program() {
        for (ElfModule module : target.modules()) {
            Matcher name = PROGRAM.matcher(file(module.path()));
            Optional<Told> told = name.matches() ? version(module.path(), name.group(1)) : Optional.empty();
            if (told.isPresent()) {
                return Optional.of(module(module, told.get().version, told.get().basis));
            }
        }
        for (Mapping mapping : target.memory().mappings()) {
            Matcher name = PROGRAM.matcher(file(mapping.path()));
            if (name.matches() && !variables(mapping.path()).isEmpty()) {
                Optional<Told> told = version(mapping.path(), name.group(1));
                if (told.isPresent()) {
                    return Optional.of(mapped(mapping.path(), told.get().version, told.get().basis));
                }
            }
        }
        return Optional.empty();
    }

    private record Told(String version, String basis) {}

    private Optional<Told> version(String path, String inName) {
        // The innermost one: an application's own version may be outside.
        Optional<String> folder =
                INSTALLED.matcher(path).results().map(match -> match.group(1)).reduce((_, last) -> last);
        if (folder.isPresent()) {
            return Optional.of(new Told(folder.get(), "the name of its folder"));
        }
        if (inName != null) {
            return Optional.of(new Told(inName, "its name"));
        }
        for (Mapping mapping : target.memory().mappings()) {
            Matcher libraries = LIBRARIES.matcher(mapping.path());
            if (libraries.find()) {
                return Optional.of(new Told(libraries.group(2), "the folder of " + mapping.path()));
            }
        }
        return Optional.empty();
    }

    private RubyModule module(ElfModule module, String version, String basis) {
        String platform = platform();
        return RubyModule.of(module, version, platform, Source.MODULE, basis, platformBasis(platform));
    }

    private RubyModule mapped(String path, String version, String basis) {
        String platform = platform();
        return new RubyModule(
                Optional.empty(),
                path,
                variables(path),
                version,
                platform,
                Source.MODULE,
                basis,
                platformBasis(platform));
    }

    private static String platformBasis(String platform) {
        return platform.isEmpty()
                ? "no constant and no name of a folder tells it"
                : "the folder of a library that it loaded";
    }

    private String platform() {
        for (Mapping mapping : target.memory().mappings()) {
            Matcher libraries = LIBRARIES.matcher(mapping.path());
            if (libraries.find()) {
                String inside = libraries.group(3);
                String around = libraries.group(1);
                if (inside != null || around != null) {
                    return inside != null ? inside : around;
                }
            }
        }
        return "";
    }

    /** The writable mappings of a file, with the one without a name that follows: {@code .data} and {@code .bss}. */
    private List<Range> variables(String path) {
        List<Range> found = new ArrayList<>();
        long end = 0;
        for (Mapping mapping : target.memory().mappings()) {
            boolean own = mapping.path().equals(path);
            boolean behind = mapping.path().isEmpty()
                    && mapping.start() == end
                    && mapping.length() > 0
                    && mapping.length() <= LARGEST_VARIABLES;
            if (mapping.readable() && mapping.writable() && (own || behind)) {
                found.add(new Range(mapping.start(), mapping.end()));
                end = own ? mapping.end() : 0;
            }
        }
        return List.copyOf(found);
    }

    private static String file(String path) {
        String name = path.substring(path.lastIndexOf('/') + 1);
        return name.endsWith(DELETED) ? name.substring(0, name.length() - DELETED.length()) : name;
    }
}
