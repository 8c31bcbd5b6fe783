// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * What objects of built-in types own that have no layout of their own: C names {@code PyCodeObject}, {@code
 * PyODictObject}, {@code arrayobject}, {@code stringio} and {@code bytesio}.
 *
 * @param cellvars {@code co_cellvars}, whose number {@code co_cell2arg} has elements, or -1
 * @param cellArguments {@code co_cell2arg}, or -1
 * @param cellArgumentBytes the size of an element of it, in bytes
 * @param opcacheMap {@code co_opcache_map}, or -1
 * @param opcache {@code co_opcache}, or -1
 * @param opcacheSize {@code co_opcache_size}, a byte, or -1
 * @param frame {@code co_zombieframe}, a frame without references that code keeps for its next call, or -1
 * @param extra {@code co_extra}, or -1
 * @param cached {@code _co_cached}, or -1
 * @param lines {@code _co_linearray}, or -1
 * @param monitoring {@code _co_monitoring}, or -1
 * @param monitoringBytes the size of the {@code _PyCoMonitoringData} that it points to, in bytes
 * @param monitoringTools {@code tools} in it; of each instruction a byte
 * @param monitoringLines {@code lines} in it, behind which {@code line_tools}, {@code per_instruction_opcodes} and
 *     {@code per_instruction_tools} follow
 * @param monitoringHead whether the first byte of these tells how many bytes an instruction has there, or it has two
 * @param byteArrayOwns whether the memory of a {@code bytearray} is a buffer, and not an object
 * @param bytesOwns whether that of a {@code BytesIO} is
 */
public record BufferLayout(
        int cellvars,
        int cellArguments,
        int cellArgumentBytes,
        int opcacheMap,
        int opcache,
        int opcacheSize,
        int frame,
        int extra,
        int cached,
        int lines,
        int monitoring,
        int monitoringBytes,
        int monitoringTools,
        int monitoringLines,
        boolean monitoringHead,
        boolean byteArrayOwns,
        boolean bytesOwns) {
    /** {@code ce_size} of a {@code _PyCodeObjectExtra}: how many words follow. */
    public static final int EXTRA_SIZE = 0;
    /** The size of a {@code _PyOpcache}, in bytes. */
    public static final int OPCACHE_BYTES = 32;
    /** The size of a {@code _PyCoCached}, in bytes. */
    public static final int CACHED_BYTES = 32;
    /** {@code co_code} of code that has {@link #opcache()}, a {@code bytes} with two bytes for an instruction. */
    public static final int CODE = 48;
    /** The size of an instruction, in bytes. */
    public static final int INSTRUCTION = 2;
    /** {@code ob_item} of an {@code arrayobject}. */
    public static final int ARRAY_ITEMS = 24;
    /** {@code allocated} of an {@code arrayobject}, in elements. */
    public static final int ARRAY_ALLOCATED = 32;
    /** {@code ob_descr} of an {@code arrayobject}. */
    public static final int ARRAY_DESCR = 40;
    /** {@code itemsize} of the {@code struct arraydescr} that it points to, 32 bits. */
    public static final int DESCR_ITEMSIZE = 4;
    /** {@code buf} of a {@code stringio} and a {@code bytesio}. */
    public static final int IO_BUFFER = 16;
    /** {@code buf_size} of both, in characters or bytes. */
    public static final int IO_SIZE = 40;
    /** The size of a character of a {@code stringio}, in bytes, where it is not that of {@code unicode}. */
    public static final int IO_CHARACTER = 4;
    /** {@code od_fast_nodes} of a {@code PyODictObject}. */
    public static final int ORDER_TABLE = 64;
    /** {@code od_fast_nodes_size}, in words. */
    public static final int ORDER_TABLE_SIZE = 72;
    /** {@code od_first}. */
    public static final int ORDER_FIRST = 48;
    /** The size of an {@code _ODictNode}, in bytes. */
    public static final int ORDER_NODE_BYTES = 32;
    /** {@code next} of an {@code _ODictNode}. */
    public static final int ORDER_NEXT = 16;

    static BufferLayout of(int version) {
        return switch (version) {
            case 207 -> new BufferLayout(-1, -1, 0, -1, -1, -1, 112, -1, -1, -1, -1, 0, -1, -1, false, true, true);
            case 306 -> new BufferLayout(80, 88, 1, -1, -1, -1, 120, 136, -1, -1, -1, 0, -1, -1, false, true, false);
            case 307 -> new BufferLayout(80, 88, 8, -1, -1, -1, 120, 136, -1, -1, -1, 0, -1, -1, false, true, false);
            case 308, 309, 310 ->
                new BufferLayout(88, 96, 8, 152, 160, 172, 128, 144, -1, -1, -1, 0, -1, -1, false, true, false);
            case 311 -> new BufferLayout(-1, -1, 0, -1, -1, -1, -1, 176, -1, 160, -1, 0, -1, -1, false, true, false);
            case 312 -> new BufferLayout(-1, -1, 0, -1, -1, -1, -1, 184, 152, -1, 168, 72, 32, 40, false, true, false);
            case 313 -> new BufferLayout(-1, -1, 0, -1, -1, -1, -1, 192, 160, -1, 176, 64, 24, 32, true, true, false);
            case 314 -> new BufferLayout(-1, -1, 0, -1, -1, -1, -1, 200, 160, -1, 176, 128, 24, 96, true, true, false);
            default -> new BufferLayout(-1, -1, 0, -1, -1, -1, -1, 200, 160, -1, 176, 136, 32, 104, true, false, false);
        };
    }
}
