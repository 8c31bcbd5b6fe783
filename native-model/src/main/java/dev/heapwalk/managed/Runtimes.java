// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.managed;

import dev.heapwalk.heap.residency.Claim;
import dev.heapwalk.heap.residency.Owner;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** What the look-ups of all runtimes have in common. */
final class Runtimes {
    private Runtimes() {}

    static Claim claim(long start, long end, String name) {
        return new Claim(new Range(start, end), new Owner(Owner.Kind.RUNTIME, name, Owner.Part.WHOLE));
    }

    /** Ranges that touch or overlap each other as one claim each. */
    static List<Claim> merged(List<Range> ranges, String name) {
        List<Claim> claims = new ArrayList<>();
        long start = 0;
        long end = 0;
        for (Range range :
                ranges.stream().sorted(Comparator.comparingLong(Range::start)).toList()) {
            if (range.start() > end) {
                if (end > start) {
                    claims.add(claim(start, end, name));
                }
                start = range.start();
            }
            end = Math.max(end, range.end());
        }
        if (end > start) {
            claims.add(claim(start, end, name));
        }
        return claims;
    }

    /** Mappings of a process's own that no file lies behind, neither the stack nor what {@code brk} gives. */
    static Stream<Mapping> anonymous(Target target) {
        return target.memory().mappings().stream().filter(Runtimes::isAnonymous);
    }

    static boolean isAnonymous(Mapping mapping) {
        return mapping.start() >= 0
                && !mapping.shared()
                && (mapping.path().isEmpty() || mapping.path().startsWith("[anon:"));
    }

    /** The module whose file has a name that a regular expression fits. */
    static Optional<ElfModule> module(Target target, String name) {
        return target.modules().stream()
                .filter(module -> file(module).matches(name))
                .findFirst();
    }

    /** The name of a module's file, without that of a folder. */
    static String file(ElfModule module) {
        return module.path().substring(module.path().lastIndexOf('/') + 1);
    }
}
