// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C name {@code _Py_DebugOffsets}: the offsets that a runtime tells of itself since 3.13. Each field is a word.
 *
 * @param head {@code runtime_state.interpreters_head}, or -1 if the version has no such table
 * @param id {@code interpreter_state.id}
 * @param next {@code interpreter_state.next}
 * @param threadsHead {@code interpreter_state.threads_head}
 * @param gc {@code interpreter_state.gc}
 * @param modules {@code interpreter_state.imports_modules}
 * @param sysdict {@code interpreter_state.sysdict}
 * @param builtins {@code interpreter_state.builtins}
 * @param threadNext {@code thread_state.next}
 * @param threadInterp {@code thread_state.interp}
 * @param threadId {@code thread_state.thread_id}
 * @param nativeThreadId {@code thread_state.native_thread_id}
 * @param gil {@code interpreter_state.ceval_gil}
 * @param gilState {@code interpreter_state.gil_runtime_state}: where an interpreter has a lock of its own
 * @param gilLocked {@code interpreter_state.gil_runtime_state_locked}
 * @param gilHolder {@code interpreter_state.gil_runtime_state_holder}
 * @param collecting {@code gc.collecting}
 * @param bytes how much of the table is read, in bytes
 */
public record OffsetTable(
        int head,
        int id,
        int next,
        int threadsHead,
        int gc,
        int modules,
        int sysdict,
        int builtins,
        int threadNext,
        int threadInterp,
        int threadId,
        int nativeThreadId,
        int gil,
        int gilState,
        int gilLocked,
        int gilHolder,
        int collecting,
        int bytes) {
    /** What the table begins with: {@code xdebugpy}, as a word. */
    public static final long COOKIE = 0x7970677562656478L;
    /** {@code version}: {@code PY_VERSION_HEX}. */
    public static final int VERSION = 8;
    /** {@code free_threaded}. */
    public static final int FREE_THREADED = 16;
    /** No structure is larger than that, in bytes. */
    public static final long LARGEST_OFFSET = 1 << 24;

    /**
     * Whether the version has a table.
     *
     * @return whether it has
     */
    public boolean known() {
        return head >= 0;
    }

    static OffsetTable of(int version) {
        if (version < 313) {
            return new OffsetTable(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0);
        }
        if (version == 313) {
            return new OffsetTable(40, 56, 64, 72, 80, 88, 96, 104, 168, 176, 192, 200, 112, 120, 136, 144, 576, 584);
        }
        return version == 314
                ? new OffsetTable(40, 56, 64, 72, 88, 96, 104, 112, 192, 200, 216, 224, 120, 128, 144, 152, 656, 664)
                : new OffsetTable(40, 56, 64, 72, 88, 96, 104, 112, 192, 200, 240, 248, 120, 128, 144, 152, 760, 768);
    }
}
