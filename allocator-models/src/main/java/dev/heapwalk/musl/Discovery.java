// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.musl;

import dev.heapwalk.allocator.Attempts;
import dev.heapwalk.allocator.Finder;
import dev.heapwalk.allocator.Located;
import dev.heapwalk.allocator.NonzeroWords;
import dev.heapwalk.heap.DamageList;
import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.musl.layout.MallocngLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** Finds the heap of one context, and finds it again as it is later. What can't change is kept: where the context is. */
final class Discovery implements Finder<MuslHeap> {
    private static final long BUDGET = 16L << 20;
    private static final int LINE = 1 << 14;

    private final Target target;
    private final MuslModule module;
    private final ContextSearch.Found found;
    private final MuslRest rest;
    /** Of the last look at a process that runs on. */
    private KnownGroups known = KnownGroups.NONE;

    private Discovery(Target target, MuslModule module, ContextSearch.Found found) {
        this.target = target;
        this.module = module;
        this.found = found;
        this.rest = new MuslRest(List.of(module));
    }

    static boolean isLikely(Target target) {
        List<MuslModule> modules = MuslModule.of(target);
        return modules.stream().anyMatch(MuslModule::library)
                || !contexts(target, modules).isEmpty();
    }

    static List<MuslHeap> locate(Target target) {
        target.memory().refresh();
        List<MuslModule> modules = MuslModule.of(target);
        List<MuslHeap> heaps = new ArrayList<>();
        List<Discovery> contexts = contexts(target, modules);
        for (Discovery discovery : contexts) {
            String name = "musl's malloc"
                    + discovery.module.version().map(version -> " " + version).orElse("")
                    + (contexts.size() == 1 ? "" : " in " + discovery.module.file());
            int first = heaps.size();
            Attempts.at(target, () -> discovery.look(name, first)).ifPresent(heaps::add);
        }
        if (heaps.isEmpty()) {
            throw new UnsupportedTargetException(refusal(target, modules));
        }
        return List.copyOf(heaps);
    }

    private static String refusal(Target target, List<MuslModule> modules) {
        String files = modules.stream()
                .filter(MuslModule::library)
                .map(one -> one.file()
                        + one.version().map(version -> ", version " + version).orElse(""))
                .collect(Collectors.joining(" and "));
        if (files.isEmpty()) {
            return "no malloc of musl in " + target.description();
        }
        return modules.stream().anyMatch(MuslModule::old)
                ? "%s is a program on musl (%s), whose malloc before 1.2.1 was another one; mallocng is known, that one is not"
                        .formatted(target.description(), files)
                : "no mallocng in %s: variables of musl (%s) lead to no areas of metas as 1.2.1 to 1.2.6 have"
                        .formatted(target.description(), files);
    }

    private static List<Discovery> contexts(Target target, List<MuslModule> modules) {
        List<Discovery> all = new ArrayList<>();
        try (Reader reader = target.memory().reader(BUDGET, LINE);
                NonzeroWords words = new NonzeroWords(target.memory())) {
            ContextSearch search = new ContextSearch(reader);
            for (MuslModule module : modules) {
                search.in(module.module(), words).ifPresent(found -> all.add(new Discovery(target, module, found)));
            }
        }
        return all;
    }

    @Override
    public Target target() {
        return target;
    }

    @Override
    public String file() {
        return module.file();
    }

    @Override
    public synchronized Optional<MuslHeap> look(String name, int firstRegion) {
        target.memory().refresh();
        try (Reader reader = target.memory().reader(BUDGET, LINE)) {
            long offset = reader.find(found.address(), MallocngLayout.CONTEXT_SIZE);
            if (offset < 0) {
                return Optional.empty();
            }
            MallocContext context = new MallocContext();
            context.keep(reader.segment(), offset, found.address(), MallocngLayout.CONTEXT_SIZE);
            return Optional.of(new Look(reader, context).heap(name, firstRegion));
        }
    }

    /** One look at the heap. */
    private final class Look {
        private final Reader reader;
        private final MallocContext context;
        private final DamageList damages = new DamageList();
        private final List<String> missing = new ArrayList<>();
        private final boolean settled;
        private final GroupCollector groups;

        Look(Reader reader, MallocContext context) {
            this.reader = reader;
            this.context = context;
            // A slot is taken, or given back, in several steps.
            this.settled = target.still() && rest.busy(target.threads()).isEmpty();
            this.groups = new GroupCollector(
                    reader, target.memory().mappings(), target.memory().pageSize(), damages, settled, known);
        }

        MuslHeap heap(String name, int firstRegion) {
            groups.findAreas(context);
            groups.findGroups();
            GroupTable table = groups.table();
            known = target.runsOn() ? groups.known() : KnownGroups.NONE;
            if (settled) {
                compare();
            }
            long system = groups.systemBytes();
            ContextTable row =
                    new ContextTable(firstRegion, found.address(), groups.groups(), system, system - slotBytes(table));
            return new MuslHeap(
                    Discovery.this,
                    table,
                    row,
                    new Located(name, firstRegion, evidence(), missing, damages, settled, groups.leftOut()));
        }

        private long slotBytes(GroupTable table) {
            long bytes = 0;
            for (int i = 0; i < table.count(); i++) {
                bytes += table.isArea(i) ? 0 : table.sizes[i];
            }
            return bytes;
        }

        /** Holds what was found against what musl counts. */
        private void compare() {
            long[] slots = groups.slots();
            for (int i = 0; i < MallocngLayout.CLASSES; i++) {
                if (slots[i] != context.usageByClass(i)) {
                    missing.add("musl counts %,d slots of %,d bytes, and %,d are known"
                            .formatted(context.usageByClass(i), SizeClasses.stride(i), slots[i]));
                }
                if (context.active(i) != 0 && !groups.isMeta(context.active(i), i)) {
                    damages.add(
                            context.address(),
                            -1,
                            "the context has groups of size class %d at 0x%x, where none of them is"
                                    .formatted(i, context.active(i)));
                }
            }
            if (context.initDone() != 1) {
                damages.add(
                        context.address(),
                        -1,
                        "the context says %d of whether it is ready".formatted(context.initDone()));
            }
        }

        private List<Evidence> evidence() {
            List<Evidence> evidence = new ArrayList<>();
            evidence.add(
                    module.library()
                            ? Evidence.of("musl", module.file(), "it exports the parts of musl's linker", Source.SYMBOL)
                            : Evidence.of(
                                    "musl",
                                    module.file(),
                                    "its variables have a context as musl's mallocng has",
                                    Source.STRUCTURE));
            module.version()
                    .ifPresent(text -> evidence.add(
                            Evidence.of("version", text, "a text in " + module.file() + " says so", Source.BANNER)));
            evidence.add(Evidence.of(
                    "context",
                    "0x%x".formatted(found.address()),
                    "it begins with the secret that %,d areas of metas begin with, the last one too"
                            .formatted(groups.areas()),
                    Source.STRUCTURE));
            evidence.add(Evidence.of(
                    "groups",
                    "%,d".formatted(groups.groups()),
                    "each begins with the address of its meta, and has as many bytes as its size class and its count say",
                    Source.STRUCTURE));
            return evidence;
        }
    }
}
