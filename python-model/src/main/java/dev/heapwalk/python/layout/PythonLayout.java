// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The acting layout: where everything lies in one version of CPython, of a build for 64 bits, with the global
 * interpreter lock or without ({@code Py_GIL_DISABLED}).
 *
 * @param version the version that it is for, as 100 times the major and the minor number, such as 311
 * @param freeThreaded whether it is for a build without the lock
 * @param object what every object begins with
 * @param gc the heads and lists of the garbage collector
 * @param type types
 * @param string text and bytes
 * @param number integers
 * @param dict dictionaries
 * @param sequence tuples, lists and byte arrays
 * @param set sets
 * @param code code
 * @param function functions
 * @param instance attributes of instances
 * @param deque deques
 * @param buffers what objects of other built-in types own
 * @param sqlite objects of the module {@code sqlite3}
 * @param frame how large frames and generators are
 * @param activation what runs, or waits to go on
 * @param generator generators and coroutines
 * @param task tasks and futures
 * @param runtime the runtime that all interpreters share
 * @param interpreter an interpreter
 * @param thread a thread of an interpreter
 * @param memoryView views of memory
 * @param traversal what else is gone through for references
 * @param lock the global interpreter lock
 * @param freeing what waits to be freed in a build without the lock
 * @param pymalloc the allocator for small blocks
 */
public record PythonLayout(
        int version,
        boolean freeThreaded,
        ObjectLayout object,
        GcLayout gc,
        TypeLayout type,
        StringLayout string,
        IntLayout number,
        DictLayout dict,
        SequenceLayout sequence,
        SetLayout set,
        CodeLayout code,
        FunctionLayout function,
        InstanceLayout instance,
        DequeLayout deque,
        BufferLayout buffers,
        SqliteLayout sqlite,
        FrameLayout frame,
        ActivationLayout activation,
        GeneratorLayout generator,
        TaskLayout task,
        RuntimeLayout runtime,
        InterpreterLayout interpreter,
        ThreadLayout thread,
        MemoryViewLayout memoryView,
        TraversalLayout traversal,
        LockLayout lock,
        FreeingLayout freeing,
        PymallocLayout pymalloc) {

    private static final List<Integer> VERSIONS = List.of(207, 306, 307, 308, 309, 310, 311, 312, 313, 314, 315);

    /** The first version that can be built without the lock. */
    private static final int FIRST_FREE = 313;

    private static final Map<Integer, PythonLayout> LOCKED = made(VERSIONS.stream(), false);
    private static final Map<Integer, PythonLayout> FREE =
            made(VERSIONS.stream().filter(version -> version >= FIRST_FREE), true);

    private static Map<Integer, PythonLayout> made(Stream<Integer> versions, boolean freeThreaded) {
        return versions.collect(
                Collectors.toUnmodifiableMap(Function.identity(), version -> make(version, freeThreaded)));
    }

    private static Stream<PythonLayout> known(boolean freeThreaded) {
        Map<Integer, PythonLayout> known = freeThreaded ? FREE : LOCKED;
        return VERSIONS.stream().filter(known::containsKey).map(known::get);
    }

    /**
     * The layouts whose types are as large as one of a target, which tells the version or two.
     *
     * @param typeSize the size of a type that a program makes: {@code tp_basicsize} of {@code type}, in bytes
     * @param freeThreaded whether the build is one without the global interpreter lock
     * @return the layouts, the earliest first; empty if no known version has such types
     */
    public static List<PythonLayout> withTypesOf(long typeSize, boolean freeThreaded) {
        return known(freeThreaded)
                .filter(layout -> layout.type.heapTypeSize() == typeSize)
                .toList();
    }

    /**
     * The layout of a version.
     *
     * @param version 100 times the major and the minor number
     * @param freeThreaded whether the build is one without the global interpreter lock
     * @return the layout, the same at every call
     * @throws IllegalArgumentException if there is none for it
     */
    public static PythonLayout of(int version, boolean freeThreaded) {
        PythonLayout known = (freeThreaded ? FREE : LOCKED).get(version);
        if (known == null) {
            throw new IllegalArgumentException(
                    "no layout for version " + version + (freeThreaded ? " without the lock" : ""));
        }
        return known;
    }

    /**
     * All layouts.
     *
     * @return one for each version, the earliest first; then those of builds without the lock
     */
    public static Stream<PythonLayout> all() {
        return Stream.concat(known(false), known(true));
    }

    private static PythonLayout make(int version, boolean freeThreaded) {
        return new PythonLayout(
                version,
                freeThreaded,
                ObjectLayout.of(version, freeThreaded),
                GcLayout.of(version),
                TypeLayout.of(version, freeThreaded),
                StringLayout.of(version, freeThreaded),
                IntLayout.of(version),
                DictLayout.of(version),
                SequenceLayout.of(version, freeThreaded),
                SetLayout.of(version),
                CodeLayout.of(version, freeThreaded),
                FunctionLayout.of(version),
                InstanceLayout.of(version),
                DequeLayout.of(version),
                BufferLayout.of(version),
                SqliteLayout.of(version),
                FrameLayout.of(version),
                ActivationLayout.of(version, freeThreaded),
                GeneratorLayout.of(version),
                TaskLayout.of(version),
                RuntimeLayout.of(version),
                InterpreterLayout.of(version),
                ThreadLayout.of(version),
                MemoryViewLayout.of(version),
                TraversalLayout.of(version, freeThreaded),
                LockLayout.of(version),
                FreeingLayout.of(version, freeThreaded),
                PymallocLayout.of(version));
    }
}
