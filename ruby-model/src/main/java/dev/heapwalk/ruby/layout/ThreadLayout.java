// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * C names {@code rb_thread_t}, {@code rb_ractor_t} and {@code struct rb_native_thread}.
 *
 * @param ractor {@code ractor} of a thread, or -1 in 2.7
 * @param ec {@code ec} of a thread
 * @param nativeThread {@code nt} of a thread, or -1 before 3.2
 * @param threadId {@code thread_id}, the {@code pthread_t}: of the native thread where there is one
 * @param tid {@code tid} (32 bits), the id that the kernel gave; of the native thread where there is one; -1 before 3.1
 * @param status the byte whose bits 0 and 1 are {@code status}
 * @param toKill the bit of that byte that is {@code to_kill}
 * @param thgroup {@code thgroup} of a thread, a hint: the fields from {@code status} on are as far from it as here
 * @param value {@code value} of a thread
 * @param lockingMutex {@code locking_mutex} of a thread
 * @param procedure {@code invoke_arg.proc.proc} of a thread; {@code args} follows it
 * @param invokeType {@code invoke_type} of a thread, 32 bits
 * @param rootFiber {@code root_fiber} of a thread
 * @param name {@code name} of a thread
 * @param ractorId {@code pub.id} of a ractor (32 bits), or -1 in 2.7
 * @param ractorThreads {@code threads.set} of a ractor, a hint, or -1 in 2.7
 * @param ractorMain {@code threads.main} of a ractor, a hint: the fields behind it are as far from it as here
 * @param ractorName {@code name} of a ractor
 * @param ractorStatus {@code status_} of a ractor, 32 bits
 * @param ractorNext {@code vmlr_node} of a ractor
 * @param invokeFunction {@code thread_invoke_type_func}, which another kind went before since 3.0
 */
public record ThreadLayout(
        int ractor,
        int ec,
        int nativeThread,
        int threadId,
        int tid,
        int status,
        int toKill,
        int thgroup,
        int value,
        int lockingMutex,
        int procedure,
        int invokeType,
        int rootFiber,
        int name,
        int ractorId,
        int ractorThreads,
        int ractorMain,
        int ractorName,
        int ractorStatus,
        int ractorNext,
        int invokeFunction) {
    /** {@code lt_node}, {@code vmlt_node} in 2.7: the place of a thread in the list of threads. */
    public static final int NODE = 0;
    /** {@code self} of a thread. */
    public static final int SELF = 16;
    /** {@code pub.self} of a ractor. */
    public static final int RACTOR_SELF = 0;

    /** {@code thgroup_default} of a ractor, from {@code threads.main}. */
    public static final int RACTOR_GROUP = 8;

    /** {@code thread_invoke_type_proc}. */
    public static final int INVOKE_PROC = 1;

    static ThreadLayout of(int version) {
        int function = version >= 300 ? 3 : 2;
        return switch (version) {
            case 207 ->
                new ThreadLayout(
                        -1, 32, -1, 72, -1, 80, 1 << 2, 160, 168, 248, 272, 296, 312, 360, -1, -1, -1, -1, -1, -1,
                        function);
            case 300 ->
                new ThreadLayout(
                        24, 40, -1, 80, -1, 88, 1 << 2, 168, 176, 256, 280, 304, 320, 384, 8, 304, 528, 544, 560, 568,
                        function);
            case 301 ->
                new ThreadLayout(
                        24, 40, -1, 80, 88, 92, 1 << 2, 176, 184, 264, 288, 312, 328, 352, 8, 304, 528, 544, 560, 568,
                        function);
            case 302 ->
                new ThreadLayout(
                        24, 48, 40, 8, 16, 112, 1 << 3, 128, 136, 216, 240, 264, 280, 304, 8, 304, 528, 544, 560, 568,
                        function);
            case 303 ->
                new ThreadLayout(
                        24, 48, 40, 16, 24, 240, 1 << 3, 256, 264, 344, 368, 392, 408, 432, 8, 256, 392, 408, 424, 432,
                        function);
            case 304 ->
                new ThreadLayout(
                        24, 48, 40, 16, 24, 240, 1 << 3, 256, 264, 344, 384, 408, 424, 448, 8, 256, 392, 408, 424, 432,
                        function);
            default ->
                new ThreadLayout(
                        24, 48, 40, 16, 24, 248, 1 << 3, 264, 272, 352, 392, 416, 424, 448, 8, 184, 320, 336, 352, 360,
                        function);
        };
    }
}
