// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.layout.PythonLayout;
import java.util.List;
import java.util.Optional;

/**
 * CPython in one target, as it was when it was located: its interpreters with their threads, and its allocator. Any
 * thread may use it; cursors and readers that it makes belong to one thread each.
 *
 * <p>Finding it needs no debug symbols, no version and no file on disk; symbols are used where there are some, and what
 * they say is checked against the structures themselves. Builds for 64 bits are known of 2.7 and 3.6 to 3.15, and those of
 * 3.13 to 3.15 without the global interpreter lock ({@code Py_GIL_DISABLED}).
 */
public final class PythonRuntime {
    private static final long BUDGET = 64L << 20;

    /**
     * What the discovery found.
     *
     * @param version the full version, such as {@code 3.11.7}
     * @param banner {@code sys.version}, or empty
     * @param layout the acting layout
     * @param address target address of the {@code _PyRuntimeState}, or 0
     * @param typeType target address of the type {@code type}
     * @param wideUnit how many bytes a unit of a {@code unicode} of 2.7 has
     * @param interpreters the interpreters, the main one first
     * @param pymallocs the allocators, that of the main interpreter first
     * @param debugHeads whether blocks have heads for debugging
     */
    record Found(
            String version,
            String banner,
            PythonLayout layout,
            long address,
            long typeType,
            int wideUnit,
            List<PythonInterpreter> interpreters,
            List<Pymalloc> pymallocs,
            boolean debugHeads) {}

    private final Discovery discovery;
    private final Target target;
    private final Found found;
    private final List<Evidence> evidence;
    private final Pymalloc all;

    PythonRuntime(Discovery discovery, Target target, Found found, List<Evidence> evidence) {
        this.discovery = discovery;
        this.target = target;
        this.found = found;
        this.evidence = List.copyOf(evidence);
        this.all = Pymalloc.all(target.memory(), found.pymallocs());
    }

    /** Whether symbols may be used for the discovery. */
    public enum Symbols {
        /** Use them where there are some, and check them. */
        USE,
        /** Find everything by structure, as for a stripped target. */
        IGNORE
    }

    /**
     * Finds CPython in a target.
     *
     * @param target an open target; it must stay open while the runtime is used
     * @return the runtime
     * @throws dev.heapwalk.memory.UnsupportedTargetException if the target is no CPython, or one that is not supported;
     *     the message says what was found instead
     */
    public static PythonRuntime locate(Target target) {
        return locate(target, Symbols.USE);
    }

    /**
     * Finds CPython in a target.
     *
     * @param target an open target; it must stay open while the runtime is used
     * @param symbols whether to use symbols
     * @return the runtime
     * @throws dev.heapwalk.memory.UnsupportedTargetException if the target is no CPython, or one that is not supported
     */
    public static PythonRuntime locate(Target target, Symbols symbols) {
        return new Discovery(target, symbols == Symbols.USE).locate();
    }

    /**
     * Whether a target is worth a {@link #locate}: whether a module of it is named after Python or exports its types. A
     * quick look for those that have other things to do where there is no Python.
     *
     * @param target an open target
     * @return whether it may be a Python process
     */
    public static boolean isLikely(Target target) {
        return Discovery.likely(target).isPresent();
    }

    /**
     * Finds the interpreters, threads and arenas of a process that runs on as they are now.
     *
     * @return a new object; this one stays what it was. The same one for a target that stands still
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended
     */
    public PythonRuntime refresh() {
        return target.runsOn() ? discovery.refresh() : this;
    }

    /**
     * The target that the runtime lies in.
     *
     * @return the target that was given to {@link #locate(Target)}
     */
    public Target target() {
        return target;
    }

    /**
     * The version.
     *
     * @return for example {@code 3.11.7} or {@code 3.15.0rc1}
     */
    public String version() {
        return found.version();
    }

    /**
     * What the program says of its version, build and compiler.
     *
     * @return {@code sys.version}; empty if the program has removed it
     */
    public String banner() {
        return found.banner();
    }

    /**
     * The series of versions that it belongs to, whose structures are laid out alike.
     *
     * @return 100 times the major and the minor number, such as 311
     */
    public int series() {
        return found.layout().version();
    }

    /**
     * Whether it is a build without the global interpreter lock ({@code Py_GIL_DISABLED}). Its objects lie in blocks of
     * mimalloc, a copy of its own.
     *
     * @return whether it is
     */
    public boolean freeThreaded() {
        return found.layout().freeThreaded();
    }

    /**
     * Where the runtime is.
     *
     * @return target address of the {@code _PyRuntimeState}; 0 before 3.7, or if it was not found
     */
    public long address() {
        return found.address();
    }

    /**
     * The type of all types.
     *
     * @return target address of {@code PyType_Type}
     */
    public long typeType() {
        return found.typeType();
    }

    /**
     * The interpreters.
     *
     * @return an unmodifiable list in the order in which they were made, the main one first
     */
    public List<PythonInterpreter> interpreters() {
        return found.interpreters();
    }

    /**
     * The allocators for small blocks, each with its arenas.
     *
     * @return an unmodifiable list, that of the main interpreter first; empty where objects are in blocks of malloc
     *     ({@code PYTHONMALLOC=malloc})
     */
    public List<Pymalloc> pymallocs() {
        return found.pymallocs();
    }

    /**
     * The arenas of all allocators.
     *
     * @return an unmodifiable list, by address; empty where objects are in blocks of malloc
     */
    public List<Arena> arenas() {
        return all.arenas();
    }

    /**
     * The arena that an address lies in.
     *
     * @param address any target address
     * @return its index in {@link #arenas()}, -1 if it lies in none
     */
    public int arenaAt(long address) {
        return all.arenaAt(address);
    }

    /**
     * How large an arena is, the same in all allocators.
     *
     * @return bytes; without meaning if there is none
     */
    public int arenaSize() {
        return all.arenaSize();
    }

    /**
     * Walks the arenas of all allocators.
     *
     * @return a new cursor before the first part, for one thread; to be closed
     */
    public PymallocCursor parts() {
        return all.parts();
    }

    /**
     * Finds parts of arenas by addresses in them.
     *
     * @return a new cursor over the arenas of all allocators, for {@link PymallocCursor#find} and one thread; to be
     *     closed
     */
    public PymallocCursor partFinder() {
        return all.finder();
    }

    /**
     * Walks all objects.
     *
     * @param heaps the heaps of the target, whose {@linkplain Heaps#allocators() allocators} have the larger objects;
     *     others are not looked at
     * @return a new cursor before the first object, for one thread; to be closed
     */
    public ObjectCursor objects(Heaps heaps) {
        return new ObjectCursor(this, found.layout(), heaps);
    }

    /**
     * Looks at one object, without a walk over all. Only the lists of the garbage collector are followed, from the
     * object to the nearer end of the one that it is in.
     *
     * @param address a target address, or anything
     * @return a cursor that stands at the object and has no next one, with the object itself as its block, to be closed;
     *     empty if no object lies there
     */
    public Optional<ObjectCursor> objectAt(long address) {
        return ObjectCursor.at(this, found.layout(), address);
    }

    /**
     * Whether an address lies among the variables of modules.
     *
     * @param address any target address
     * @return whether it does
     */
    public boolean isVariable(long address) {
        for (Range range : variables()) {
            if (address >= range.start() && address < range.end()) {
                return true;
            }
        }
        return false;
    }

    /**
     * Tells when the process stands still while no garbage collection runs in any interpreter: one takes from
     * microseconds to seconds, and objects are in other lists meanwhile.
     *
     * @return what is asked after a stop; before 3.7 it can't tell
     */
    public Rest rest() {
        return CollectorRest.of(this, found.layout());
    }

    /**
     * The variables of all modules, and those of the runtime where modules are not known.
     *
     * @return a list of ranges of target addresses
     */
    public List<Range> variables() {
        return discovery.allVariables();
    }

    /**
     * Whether an arena begins at an address.
     *
     * @param address any target address
     * @return whether one does
     */
    public boolean isArena(long address) {
        int index = arenaAt(address);
        return index >= 0 && arenas().get(index).address() == address;
    }

    /**
     * Whether each block that Python asked for begins with a head for debugging, which tells how many bytes that was,
     * and ends with bytes that nobody may write to: {@code PYTHONMALLOC=debug}, {@code malloc_debug}, {@code -X dev}.
     *
     * @return whether it does
     */
    public boolean debugHeads() {
        return found.debugHeads();
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
     * Reads objects.
     *
     * @return a new reader, for one thread; to be closed
     */
    public ObjectReader reader() {
        return reader(BUDGET);
    }

    /**
     * Reads objects with little memory.
     *
     * @param budget how much of the target the reader keeps at most, in bytes
     * @return a new reader, for one thread; to be closed
     */
    public ObjectReader reader(long budget) {
        return new ObjectReader(found.layout(), target.memory().reader(budget), found.wideUnit());
    }

    @Override
    public String toString() {
        return "Python %s of %s".formatted(version(), target.description());
    }
}
