// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.layout.ObjspaceLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.library.RubyModule;
import java.util.List;

/**
 * The virtual machine of CRuby in one target and its heap, as they were when they were located. Any thread may use it;
 * cursors and readers that it makes belong to one thread each.
 *
 * <p>Finding it needs no debug symbols, no version and no file on disk; symbols are used where there are some, and what
 * they say is checked against the structures themselves.
 */
public final class RubyVm {
    /** The most memory that a reader keeps by default, in bytes. */
    private static final long BUDGET = 64L << 20;
    /** How far a patch release moved fields at most, in bytes. */
    private static final int FARTHEST = 256;

    /** A walk comes to most of what lies near. */
    private static final int LONG_LINE = 64 << 10;

    private static final long SAMPLER_BUDGET = 4L << 20;
    /**
     * So much is read at once where little is kept: objects that refer to each other at random would read in vain most
     * of more.
     */
    private static final int SHORT_LINE = 16 << 10;

    /**
     * What the discovery found.
     *
     * @param version the full version, such as {@code 3.3.8}
     * @param platform the platform, such as {@code x86_64-linux-gnu}, or empty
     * @param layout the acting layout
     * @param vm target address of the {@code rb_vm_t}
     * @param objspace target address of the {@code rb_objspace_t}
     * @param symbolSet target address of the variable {@code rb_symbols_t.sym_set}, since 4.0; 0 before, or if it was
     *     not found
     * @param symbolIds target address of the Array {@code rb_symbols_t.ids}, or 0
     * @param globals target address of the {@code struct rb_id_table} of global variables, or 0
     * @param genericIvars target address of the {@code st_table} of generic instance variables, or 0
     * @param shapeList target address of the first {@code rb_shape_t}, or 0 before 3.2
     * @param shapeCount how many shapes there are
     * @param collecting whether a garbage collection was under way
     * @param collections how often the collector had begun one
     */
    record Found(
            String version,
            String platform,
            RubyLayout layout,
            long vm,
            long objspace,
            long symbolSet,
            long symbolIds,
            long globals,
            long genericIvars,
            long shapeList,
            long shapeCount,
            Collection collecting,
            long collections) {}

    /** Whether a garbage collection was under way when the heap was located. */
    public enum Collection {
        /** None was. */
        NONE,
        /** Objects were being marked, step by step, while the program runs. */
        MARKING,
        /**
         * Pages were being swept, step by step, while the program runs; {@link SlotState#UNSWEPT} tells what is
         * garbage.
         */
        SWEEPING,
        /** The collector itself was running, or moving objects, and any structure may be halfway through a change. */
        RUNNING
    }

    private final Discovery discovery;
    private final Target target;
    private final Found found;
    private final HeapPages pages;
    private final List<Evidence> evidence;
    /** Null until asked for. */
    private Heaps allocators;

    RubyVm(Discovery discovery, Target target, Found found, HeapPages pages, List<Evidence> evidence) {
        this.discovery = discovery;
        this.target = target;
        this.found = found;
        this.pages = pages;
        this.evidence = List.copyOf(evidence);
    }

    /** Whether symbols may be used for the discovery. */
    public enum Symbols {
        /** Use them where there are some, and check them. */
        USE,
        /** Find everything by structure, as for a stripped target. */
        IGNORE
    }

    /**
     * Finds the virtual machine of a target.
     *
     * @param target an open target; it must stay open while the virtual machine is used
     * @return the virtual machine
     * @throws dev.heapwalk.memory.UnsupportedTargetException if the target is no CRuby, or one that is not supported;
     *     the message says what was found instead
     */
    public static RubyVm locate(Target target) {
        return locate(target, Symbols.USE);
    }

    /**
     * Finds the virtual machine of a target.
     *
     * @param target an open target; it must stay open while the virtual machine is used
     * @param symbols whether to use symbols
     * @return the virtual machine
     * @throws dev.heapwalk.memory.UnsupportedTargetException if the target is no CRuby, or one that is not supported
     */
    public static RubyVm locate(Target target, Symbols symbols) {
        return new Discovery(target, symbols == Symbols.USE).locate();
    }

    /**
     * Finds the heap of a process that runs on as it is now: pages that came or went, shapes. Cheaper than {@link
     * #locate(Target)} by far, since what can't change (the interpreter, where its virtual machine is) is kept; for
     * profilers, now and then. A table that was not found, as one may be while the process changes it, is looked for
     * again.
     *
     * @return a new object, to make new readers of; this one stays what it was
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended
     */
    public RubyVm refresh() {
        return target.runsOn() ? discovery.refresh(found) : this;
    }

    /**
     * Whether a target is worth a {@link #locate}: whether a module of it exports CRuby's version or is named after it.
     * A quick look for those that have other things to do where there is no Ruby.
     *
     * @param target an open target
     * @return whether it may be a Ruby process
     */
    public static boolean isLikely(Target target) {
        return RubyModule.isLikely(target);
    }

    /**
     * The target that the heap lies in.
     *
     * @return the target that was given to {@link #locate(Target)}
     */
    public Target target() {
        return target;
    }

    /**
     * The version.
     *
     * @return for example {@code 3.3.8}
     */
    public String version() {
        return found.version();
    }

    /**
     * The platform that it was built for.
     *
     * @return for example {@code x86_64-linux-gnu}; empty if it was not found
     */
    public String platform() {
        return found.platform();
    }

    /**
     * The series of versions that it belongs to, whose structures are laid out alike.
     *
     * @return 100 times the major and the minor number, such as 303
     */
    public int series() {
        return found.layout().version();
    }

    /**
     * The layouts that it is read with: those of its series, or of earlier patch levels of that, whose tables lie
     * elsewhere.
     *
     * @return the number of the series, or the first patch level of the layouts and 100 times that number, such as
     *     30300 for 3.3.0
     */
    public int edition() {
        return found.layout().edition();
    }

    /** The acting layout, which every view is read with. */
    RubyLayout layout() {
        return found.layout();
    }

    /**
     * What the conclusions rest on, in the order in which they were drawn.
     *
     * @return an unmodifiable list
     */
    public List<Evidence> evidence() {
        return evidence;
    }

    /**
     * The pages of the heap.
     *
     * @return all pages
     */
    public HeapPages pages() {
        return pages;
    }

    /**
     * The heaps of the allocators that the virtual machine has its memory from, to ask for the sizes of blocks.
     *
     * @return the same object at every call; a heap is located when it is first needed
     */
    public synchronized Heaps allocators() {
        if (allocators == null) {
            allocators = Heaps.of(target).allocators();
        }
        return allocators;
    }

    /**
     * Whether a garbage collection was under way.
     *
     * @return how far it had come
     */
    public Collection collection() {
        return found.collecting();
    }

    /**
     * How many garbage collections had begun when the heap was located.
     *
     * @return what {@code GC.count} tells in the process
     */
    public long collections() {
        return found.collections();
    }

    /**
     * Whether the collector has changed the heap since it was located: whether a collection began or ended, pages were
     * swept, or pages came or went. What was read of a process that runs on does not belong together then: objects were
     * freed, and others made in their place, while it was read. Objects that were made without that are not told.
     *
     * @return whether it has; never of a target that stands still since
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended
     */
    public boolean changed() {
        return target.runsOn() && discovery.changed(found);
    }

    /**
     * Tells whether the garbage collector is at work, so that a process can be stopped when it is not: the structures
     * of a heap that is collected are halfway through a change. Between its steps, while objects are marked or pages
     * are swept step by step, the collector is at rest. It reads memory each time when it is asked.
     *
     * @return what {@link Target#stop(Rest, java.time.Duration)} and {@link Target#settle} take
     */
    public Rest rest() {
        return new CollectorRest(this, false);
    }

    /**
     * As {@link #rest()}, but the collector is at rest also while it works, unless it moves objects ({@code
     * GC.compact}): for who follows references to objects that are in use, and needs nothing that is freed.
     *
     * @return what {@link Target#stop(Rest, java.time.Duration)} and {@link Target#settle} take
     */
    public Rest compactionRest() {
        return new CollectorRest(this, true);
    }

    /**
     * Where the virtual machine is.
     *
     * @return target address of the {@code rb_vm_t}
     */
    public long address() {
        return found.vm();
    }

    /**
     * Where the object space is.
     *
     * @return target address of the {@code rb_objspace_t}
     */
    public long objspace() {
        return found.objspace();
    }

    /**
     * The set of symbols.
     *
     * @return target address of the variable {@code rb_symbols_t.sym_set}, 0 before 4.0 or if it was not found
     */
    public long symbolSet() {
        return found.symbolSet();
    }

    /**
     * The table of symbols.
     *
     * @return target address of the Array {@code rb_symbols_t.ids}, 0 if it was not found
     */
    public long symbolIds() {
        return found.symbolIds();
    }

    /**
     * How far the fields of {@code rb_vm_t} behind the object space are from where the layout has them, which is so in
     * patch releases that added a field.
     *
     * @param memory what reads the target
     * @return a distance in bytes, of either sign
     */
    public int moved(Reader memory) {
        long hint = address() + RubyLayout.of(edition()).vm().objspace();
        for (int distance = 0; distance <= FARTHEST; distance += Long.BYTES) {
            for (int moved : new int[] {-distance, distance}) {
                if (memory.find(hint + moved, Long.BYTES) >= 0 && memory.readLong(hint + moved) == objspace()) {
                    return moved;
                }
            }
        }
        return 0;
    }

    /**
     * The table of global variables.
     *
     * @return target address of a {@code struct rb_id_table}, 0 if it was not found
     */
    public long globals() {
        return found.globals();
    }

    /**
     * The table of generic instance variables.
     *
     * @return target address of an {@code st_table}, 0 if it was not found
     */
    public long genericIvars() {
        return found.genericIvars();
    }

    /**
     * The shapes.
     *
     * @return target address of the first {@code rb_shape_t}, 0 if it was not found or the version has none
     */
    public long shapeList() {
        return found.shapeList();
    }

    /**
     * How many shapes there are.
     *
     * @return {@code next_shape_id}, or what memory can hold where that was not found
     */
    public long shapeCount() {
        return found.shapeCount();
    }

    /**
     * Walks all slots.
     *
     * @return a new cursor, for one thread
     */
    public SlotCursor slots() {
        return slots(reader());
    }

    /**
     * Walks all slots.
     *
     * @param reader a reader of this virtual machine, for the same thread
     * @return a new cursor
     */
    public SlotCursor slots(ObjectReader reader) {
        return new SlotCursor(this, reader);
    }

    /**
     * Makes a reader that follows pointers.
     *
     * @return a new reader, for one thread, which keeps at most 64 MiB of the target
     */
    public ObjectReader reader() {
        return new ObjectReader(this, target.memory().reader(BUDGET, LONG_LINE));
    }

    /**
     * Makes a reader that follows pointers.
     *
     * @param budget the most bytes of the target that it may keep, at least 64 KiB
     * @return a new reader, for one thread
     */
    public ObjectReader reader(long budget) {
        return new ObjectReader(this, target.memory().reader(budget, Math.max(SHORT_LINE, target.pageSize())));
    }

    /**
     * Makes a reader for looks at few places, such as the frames of threads, that {@linkplain ObjectReader#forget()
     * forgets} between one look and the next: it reads single pages.
     *
     * @return a new reader, for one thread, which keeps at most 4 MiB of the target
     */
    public ObjectReader sampler() {
        return new ObjectReader(this, target.memory().reader(SAMPLER_BUDGET, target.pageSize()));
    }

    static Collection collection(int flags, ObjspaceLayout layout) {
        if (layout.isCollecting(flags)) {
            return Collection.RUNNING;
        }
        return switch (flags & 3) {
            case 1 -> Collection.MARKING;
            case 2 -> Collection.SWEEPING;
            default -> Collection.NONE;
        };
    }
}
