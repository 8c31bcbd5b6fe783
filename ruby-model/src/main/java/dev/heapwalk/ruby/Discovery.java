// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.ruby.layout.ObjspaceLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.VmLayout;
import dev.heapwalk.ruby.library.RubyModule;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.RData;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Finds the virtual machine, its object space and its tables in a target. Used once. */
final class Discovery {
    private static final String SUPPORTED = "supported are 2.7, 3.0, 3.1, 3.2, 3.3, 3.4 and 4.0";
    private static final Optional<String> VM_TYPE = Optional.of("VM");
    /** More pages than any memory can hold. */
    private static final long LARGEST_STACK = 1L << 36;

    private static final long MOST_PAGES = 1L << 32;

    private final Target target;
    private final AddressSpace memory;
    private final boolean symbols;
    private final List<Evidence> evidence = new ArrayList<>();
    private final Tools tools;

    private RubyModule module;
    private RubyLayout layout;
    private long vm;
    private long objspace;
    private HeapPages pages;
    private long objspaceOffset;
    private long listOffset;
    /** How often the collector had begun, and what it did, before the pages were looked at. */
    private long collections;

    private RubyVm.Collection collecting = RubyVm.Collection.NONE;
    private int otherSlotSize;
    private long shapesAt;

    /**
     * What has buffers, kept from one look at a process to the next, so that a look makes none. For one thread at a
     * time: who uses it holds its lock.
     */
    private static final class Tools {
        private PageFinder finder;
        private ObjectReader reader;

        PageFinder finder(AddressSpace memory, RubyLayout layout) {
            if (finder == null) {
                finder = new PageFinder(memory, layout.page());
            }
            return finder;
        }

        /** A reader for looks at few places, which has read nothing yet. */
        ObjectReader reader(RubyVm vm) {
            reader = reader == null ? vm.sampler() : reader.over(vm);
            return reader;
        }
    }

    Discovery(Target target, boolean symbols) {
        this(target, symbols, new Tools());
    }

    private Discovery(Target target, boolean symbols, Tools tools) {
        this.tools = tools;
        this.target = target;
        this.memory = target.memory();
        this.symbols = symbols;
    }

    /** Takes over what can't change as long as a process lives: where the interpreter and its virtual machine are. */
    private Discovery(Discovery before) {
        this(before.target, before.symbols, before.tools);
        this.module = before.module;
        this.layout = before.layout;
        this.vm = before.vm;
        this.objspaceOffset = before.objspaceOffset;
        this.listOffset = before.listOffset;
        this.pages = before.pages;
        this.shapesAt = before.shapesAt;
        this.evidence.addAll(before.evidence);
    }

    /** Finds the heap of a virtual machine as it is now. */
    RubyVm refresh(RubyVm.Found before) {
        memory.refresh();
        synchronized (tools) {
            Discovery again = new Discovery(this);
            if (again.tryObjspace(vm, objspaceOffset, listOffset)) {
                return again.lookAgain(before);
            }
        }
        return new Discovery(target, symbols).locate();
    }

    /**
     * Whether the collector has changed the heap of a virtual machine since this found it, or may have while it did, or
     * pages came or went.
     */
    boolean changed(RubyVm.Found found) {
        memory.refresh();
        synchronized (tools) {
            Discovery again = new Discovery(this);
            return !again.tryObjspace(vm, objspaceOffset, listOffset)
                    || again.pages != pages
                    || again.collections != found.collections()
                    || again.collectingSince() != found.collecting()
                    || found.collecting() == RubyVm.Collection.RUNNING;
        }
    }

    private RubyVm lookAgain(RubyVm.Found before) {
        sayPages();
        TableFinder.Symbols names = new TableFinder.Symbols(before.symbolSet(), before.symbolIds());
        TableFinder tables = finder(names.ids());
        if (names.ids() == 0) {
            names = tables.symbols();
            sayAll(tables.evidence());
            tables = finder(names.ids());
        }
        long globals = before.globals() == 0 ? tables.globals() : before.globals();
        long genericIvars = before.genericIvars() == 0 ? tables.genericIvars() : before.genericIvars();
        TableFinder.Shapes shapes = tables.shapes(shapesAt);
        shapesAt = shapes.at();
        sayAll(tables.evidence());
        return machine(names, globals, genericIvars, shapes);
    }

    private TableFinder finder(long ids) {
        return new TableFinder(tools.reader(draft(ids)), module, symbols);
    }

    private void sayAll(List<Evidence> more) {
        more.forEach(this::say);
    }

    RubyVm locate() {
        module = RubyModule.find(target, symbols);
        if (module == null) {
            throw new UnsupportedTargetException("%s is no Ruby process: no module of it names a version of CRuby%s"
                    .formatted(target.description(), program()));
        }
        say("version", module.version(), module.basis() + " in " + module.file(), module.source());
        if (module.platform().isEmpty()) {
            say("platform", "not found", module.platformBasis());
        } else {
            say("platform", module.platform(), module.platformBasis(), module.source());
        }
        if (!RubyLayout.has(module.number())) {
            throw new UnsupportedTargetException("%s runs Ruby %s, which is too %s: %s"
                    .formatted(
                            target.description(),
                            module.version(),
                            RubyLayout.isTooOld(module.number()) ? "old" : "new",
                            SUPPORTED));
        }
        layout = RubyLayout.of(module.number());
        if (target.machine() != Machine.X86_64 && target.machine() != Machine.AARCH64) {
            throw new UnsupportedTargetException("%s runs Ruby on a machine that is not supported: %s"
                    .formatted(target.description(), target.machine()));
        }
        refuseOtherCollectors();
        if (!bySymbol() && !byStructure()) {
            throw new UnsupportedTargetException("%s runs Ruby %s, but its virtual machine was not found: %s"
                    .formatted(
                            target.description(),
                            module.version(),
                            otherSlotSize > 0
                                    ? ("its heap pages have slots of %d bytes, as a debug build's (RVALUE_OVERHEAD),"
                                                    + " which is not supported")
                                            .formatted(otherSlotSize)
                                    : "no heap page of the usual kind holds an object of type VM; it may still be"
                                            + " starting, or ending, or its structures are not those of that version"));
        }
        tellEdition();
        sayPages();
        TableFinder tables = new TableFinder(draft(0).reader(), module, symbols);
        TableFinder.Symbols names = tables.symbols();
        evidence.addAll(tables.evidence());
        tables = new TableFinder(draft(names.ids()).reader(), module, symbols);
        long globals = tables.globals();
        long genericIvars = tables.genericIvars();
        TableFinder.Shapes shapes = tables.shapes(0);
        shapesAt = shapes.at();
        evidence.addAll(tables.evidence());
        return machine(names, globals, genericIvars, shapes);
    }

    /** Patch levels differ in what lies between the object space and the sizes of stacks, which are easily told. */
    private void tellEdition() {
        long moved = vm + objspaceOffset - layout.vm().objspace();
        for (RubyLayout edition : RubyLayout.editions(module.number())) {
            if (hasParams(moved + edition.vm().defaultParams())) {
                layout = edition;
                return;
            }
        }
    }

    private boolean hasParams(long address) {
        for (int i = 0; i < VmLayout.PARAMS; i++) {
            long size = word(address + 8L * i);
            if (size <= 0 || size > LARGEST_STACK || size % VmLayout.PARAM_UNIT != 0) {
                return false;
            }
        }
        return true;
    }

    /** What the collector does. */
    private RubyVm.Collection collecting(long space) {
        return RubyVm.collection(word32(space + layout.objspace().flags()), layout.objspace());
    }

    /** What the collector has done since the pages were looked at: it may have been running then, or be running now. */
    private RubyVm.Collection collectingSince() {
        return collecting == RubyVm.Collection.RUNNING ? collecting : collecting(objspace);
    }

    private void sayPages() {
        say(
                "heap pages",
                "%,d pages with %,d slots".formatted(pages.count(), pages.totalSlots()),
                "each page points to its descriptor and back",
                Source.STRUCTURE);
        say(
                "garbage collection",
                collectingSince().name().toLowerCase(Locale.ROOT),
                "flags of rb_objspace_t",
                Source.STRUCTURE);
    }

    private RubyVm machine(TableFinder.Symbols names, long globals, long genericIvars, TableFinder.Shapes shapes) {
        return new RubyVm(
                this,
                target,
                new RubyVm.Found(
                        module.version(),
                        module.platform(),
                        layout,
                        vm,
                        objspace,
                        names.set(),
                        names.ids(),
                        globals,
                        genericIvars,
                        shapes.list(),
                        shapes.count(),
                        collectingSince(),
                        collections),
                pages,
                evidence);
    }

    private String program() {
        List<ElfModule> modules = target.modules();
        return modules.isEmpty() || modules.getFirst().path().isEmpty()
                ? ""
                : " (its program is " + modules.getFirst().path() + ")";
    }

    /** Says it, in place of what was said of it before. */
    private void say(String subject, String conclusion, String basis, Source... sources) {
        say(Evidence.of(subject, conclusion, basis, sources));
    }

    private void say(Evidence said) {
        for (int i = 0; i < evidence.size(); i++) {
            if (evidence.get(i).subject().equals(said.subject())) {
                evidence.set(i, said);
                return;
            }
        }
        evidence.add(said);
    }

    private void refuseOtherCollectors() {
        for (ElfModule other : target.modules()) {
            String file = other.path().substring(other.path().lastIndexOf('/') + 1);
            if (file.startsWith("librubygc.") && !file.startsWith("librubygc.default")) {
                throw new UnsupportedTargetException(
                        "%s runs Ruby %s with the garbage collector of %s, whose heap is not CRuby's own: %s"
                                .formatted(
                                        target.description(),
                                        module.version(),
                                        other.path(),
                                        "only the default collector is supported"));
            }
        }
    }

    /** A virtual machine of what is known so far, to read with. */
    private RubyVm draft(long ids) {
        return new RubyVm(
                this,
                target,
                new RubyVm.Found(
                        module.version(),
                        module.platform(),
                        layout,
                        vm,
                        objspace,
                        0,
                        ids,
                        0,
                        0,
                        0,
                        0,
                        RubyVm.Collection.NONE,
                        0),
                pages,
                List.of());
    }

    private boolean bySymbol() {
        if (!symbols) {
            return false;
        }
        OptionalLong pointer = module.symbol("ruby_current_vm_ptr");
        if (pointer.isEmpty()) {
            return false;
        }
        long candidate = word(pointer.getAsLong());
        if (candidate == 0 || !memory.mappings().writable(candidate, layout.vm().size()) || !findObjspace(candidate)) {
            return false;
        }
        vm = candidate;
        say(
                "virtual machine",
                "0x%x".formatted(vm),
                isVm()
                        ? "the symbol ruby_current_vm_ptr; its self is an object of type VM"
                        : "the symbol ruby_current_vm_ptr",
                Source.SYMBOL,
                Source.STRUCTURE);
        sayObjspace();
        return true;
    }

    private boolean isVm() {
        RData data = new RData(draft(0).reader());
        return data.reader().find(word(vm + layout.vm().self()), data)
                && data.type() == RubyType.DATA
                && data.data() == vm
                && DataTypes.name(data).equals(VM_TYPE);
    }

    private boolean byStructure() {
        PageFinder finder = new PageFinder(memory, layout.page());
        finder.scan();
        if (finder.count() == 0) {
            otherSlotSize = finder.otherSlotSize();
            return false;
        }
        pages = finder.pages(null);
        RubyVm draft = draft(0);
        SlotCursor slot = draft.slots();
        Map<Long, Boolean> types = new HashMap<>();
        while (slot.next()) {
            if (slot.type() != RubyType.DATA) {
                continue;
            }
            RData data = slot.asData();
            if (!data.typed() || !types.computeIfAbsent(data.dataType(), type -> mayBeVm(DataTypes.name(data)))) {
                continue;
            }
            long candidate = data.data();
            if (candidate != 0
                    && memory.mappings().writable(candidate, layout.vm().size())
                    && word(candidate + layout.vm().self()) == slot.address()
                    && findObjspace(candidate)) {
                vm = candidate;
                say(
                        "virtual machine",
                        "0x%x".formatted(vm),
                        (DataTypes.name(data).isEmpty()
                                        ? "the object at 0x%x that holds itself and an object space, found on %,d pages"
                                                + " that look like heap pages"
                                        : "the object of type VM at 0x%x, found on %,d pages that look like heap pages")
                                .formatted(slot.address(), finder.count()),
                        Source.STRUCTURE);
                sayObjspace();
                return true;
            }
        }
        return false;
    }

    /**
     * A core without constants has no names of types. What points to itself and to an object space is one all the same.
     */
    private static boolean mayBeVm(Optional<String> type) {
        return type.isEmpty() || type.equals(VM_TYPE);
    }

    private void sayObjspace() {
        String hint = objspaceOffset == layout.vm().objspace()
                        && listOffset == layout.objspace().sorted()
                ? "where Ruby " + module.version() + " is known to have it"
                : "not where it is known to be: found by its list of pages";
        say(
                "object space",
                "0x%x".formatted(objspace),
                "rb_vm_t + %d, list of pages at + %d, %s".formatted(objspaceOffset, listOffset, hint),
                Source.STRUCTURE);
    }

    /** Finds the object space that a virtual machine points to, and takes its pages. */
    private boolean findObjspace(long candidate) {
        VmLayout hints = layout.vm();
        ObjspaceLayout inside = layout.objspace();
        if (tryObjspace(candidate, hints.objspace(), inside.sorted())) {
            return true;
        }
        // The place of the list nearest to the known one tells the object space from pointers into it.
        for (int distance = 0; distance < inside.size(); distance += 8) {
            for (int sign = -1; sign <= 1; sign += 2) {
                int list = inside.sorted() + sign * distance;
                if (list < 0 || list >= inside.size()) {
                    continue;
                }
                for (int offset = 0; offset < Math.min(hints.size(), 4096); offset += 8) {
                    if (tryObjspace(candidate, offset, list)) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    private boolean tryObjspace(long candidate, long offset, long listAt) {
        long space = word(candidate + offset);
        if ((space & 7) != 0
                || space == 0
                || !memory.mappings().writable(space, layout.objspace().size())) {
            return false;
        }
        long list = word(space + listAt);
        if ((list & 7) != 0 || list == 0 || !memory.mappings().writable(list, ObjspaceLayout.ARRAY_DATA + Long.BYTES)) {
            return false;
        }
        boolean dynamic = layout.objspace().dynamicArray();
        long count = word(dynamic ? list + ObjspaceLayout.ARRAY_SIZE : space + listAt + ObjspaceLayout.ALLOCATED_PAGES);
        long first = dynamic ? list + ObjspaceLayout.ARRAY_DATA : list;
        if (count <= 0 || count > MOST_PAGES || !memory.mappings().readable(first, 8 * count)) {
            return false;
        }
        RubyVm.Collection doing = collecting(space);
        long begun = word(space + listAt + layout.objspace().count());
        PageFinder finder = tools.finder(memory, layout);
        if (!finder.takeList(first, count)) {
            return false;
        }
        collecting = doing;
        collections = begun;
        objspace = space;
        objspaceOffset = offset;
        listOffset = listAt;
        pages = finder.pages(pages);
        return true;
    }

    private long word(long address) {
        try {
            return memory.readLong(address);
        } catch (UnmappedAddressException e) {
            return 0;
        }
    }

    private int word32(long address) {
        try {
            return memory.readInt(address);
        } catch (UnmappedAddressException e) {
            return 0;
        }
    }
}
