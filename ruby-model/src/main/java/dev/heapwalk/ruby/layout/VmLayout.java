// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * C name {@code rb_vm_t}. The offsets are hints: what is found there is checked.
 *
 * @param size how many bytes are searched where a hint fails
 * @param self {@code self}, the object of type {@code VM}
 * @param objspace {@code gc.objspace}, {@code objspace} before 3.3
 * @param ractors {@code ractor.set}, the list of ractors, or -1 before 3.0
 * @param mainRactor {@code ractor.main_ractor}, or -1 before 3.0
 * @param mainThread {@code ractor.main_thread}, {@code main_thread} before 3.0
 * @param livingThreads {@code living_threads}, or -1 since 3.0
 * @param markObjectAry {@code mark_object_ary}
 * @param globalObjectList {@code global_object_list}, or -1 before 3.4
 * @param trapList {@code trap_list.cmd}
 * @param shapeList {@code shape_list}, in 3.2 only
 * @param registersObjects whether the virtual machine has the variables that C code registers, and not the object space
 * @param keepsInList whether what is kept forever is in a list of its own, and not in Arrays in an Array
 * @param trapListMoves whether {@code trap_list} follows the field that some patch levels add
 * @param globalTrace {@code trace} of {@code struct rb_global_variable}
 * @param symbolSet whether {@code rb_symbols_t} has a set of symbols, before {@code ids}
 * @param forkGeneration {@code fork_gen}, or -1 before 4.0
 * @param defaultParams {@code default_params}, as far from the object space as the hints
 */
public record VmLayout(
        int size,
        int self,
        int objspace,
        int ractors,
        int mainRactor,
        int mainThread,
        int livingThreads,
        int markObjectAry,
        int globalObjectList,
        int trapList,
        int shapeList,
        boolean registersObjects,
        boolean keepsInList,
        boolean trapListMoves,
        int globalTrace,
        boolean symbolSet,
        int forkGeneration,
        int defaultParams) {

    /** The words of {@code default_params}, each a size of a stack in bytes. */
    public static final int PARAMS = 4;
    /** What each of them is a multiple of: {@code RUBY_VM_SIZE_ALIGN}. */
    public static final int PARAM_UNIT = 0x1000;

    /** {@code next_shape_id} (32 bits), from {@code shape_list}. */
    public static final int SHAPE_COUNT = 16;

    /** {@code data} of {@code struct rb_global_variable}. */
    public static final int GLOBAL_DATA = 8;
    /** {@code getter} of {@code struct rb_global_variable}. */
    public static final int GLOBAL_GETTER = 16;
    /** {@code marker} of {@code struct rb_global_variable}. */
    public static final int GLOBAL_MARKER = 32;
    /** {@code data} of {@code struct trace_var}. */
    public static final int TRACE_DATA = 16;
    /** {@code next} of {@code struct trace_var}. */
    public static final int TRACE_NEXT = 24;
    /** {@code next} of {@code struct gc_list}, behind {@code varptr}. */
    public static final int REGISTERED_NEXT = 8;
    /** {@code data} of {@code struct end_proc_data}, behind {@code func}. */
    public static final int END_PROC_DATA = 8;
    /** {@code next} of {@code struct end_proc_data}. */
    public static final int END_PROC_NEXT = 16;
    /** The size of what is read of {@code struct end_proc_data}. */
    public static final int END_PROC_SIZE = 24;
    /** {@code data} of {@code rb_event_hook_t}. */
    public static final int HOOK_DATA = 16;
    /** {@code next} of {@code rb_event_hook_t}. */
    public static final int HOOK_NEXT = 24;

    /** The bit of {@code safe_level_} in its byte. */
    public static final int SAFE_LEVEL_BIT = 3;

    /** How far {@code safe_level_} is behind {@code living_threads}. */
    private static final int SAFE_LEVEL = 32;

    /**
     * Where {@code safe_level_} is, one bit.
     *
     * @return the offset of its byte, -1 since 3.0
     */
    public int safeLevel() {
        return livingThreads < 0 ? -1 : livingThreads + SAFE_LEVEL;
    }

    static VmLayout of(int edition, int version) {
        boolean lists = version >= 304;
        boolean moves = version == 301 || version == 302 || version == 400;
        int trace = version >= 300 ? 48 : 40;
        boolean set = version >= 400;
        int forks = set ? 496 : -1;
        int params = params(edition);
        return switch (version) {
            case 207 ->
                new VmLayout(
                        1296, 0, 1152, -1, -1, 192, 312, 352, -1, 472, -1, lists, lists, moves, trace, set, forks,
                        params);
            case 300 ->
                new VmLayout(
                        9424, 0, 1088, 8, 32, 40, -1, 328, -1, 448, -1, lists, lists, moves, trace, set, forks, params);
            case 301 ->
                new VmLayout(
                        9440, 0, 1104, 8, 32, 40, -1, 328, -1, 456, -1, lists, lists, moves, trace, set, forks, params);
            case 302 ->
                new VmLayout(
                        9432, 0, 1144, 8, 32, 40, -1, 328, -1, 496, 376, lists, lists, moves, trace, set, forks,
                        params);
            case 303 ->
                new VmLayout(
                        9600, 0, 1304, 8, 32, 40, -1, 512, -1, 656, -1, lists, lists, moves, trace, set, forks, params);
            case 304 ->
                new VmLayout(
                        9600, 0, 1296, 8, 32, 40, -1, 512, 520, 664, -1, lists, lists, moves, trace, set, forks,
                        params);
            default ->
                new VmLayout(
                        9552, 0, 1248, 8, 32, 40, -1, 512, 520, 592, -1, lists, lists, moves, trace, set, forks,
                        params);
        };
    }

    private static int params(int edition) {
        return switch (edition) {
            case 207 -> 1200;
            case RubyLayout.FIRST_300 -> 1144;
            case 300 -> 9328;
            case 301 -> 9344;
            case RubyLayout.FIRST_302 -> 9392;
            case 302 -> 9400;
            case RubyLayout.FIRST_303 -> 9552;
            case RubyLayout.SECOND_303 -> 9560;
            case 303, 304 -> 9568;
            default -> 9520;
        };
    }
}
