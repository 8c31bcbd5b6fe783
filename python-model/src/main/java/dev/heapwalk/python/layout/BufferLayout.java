// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * What objects of built-in types own that have no layout of their own: C names {@code PyCodeObject}, {@code
 * PyODictObject}, {@code arrayobject}, {@code stringio} and {@code bytesio}.
 *
 * @param cellArguments {@code co_cell2arg}, or -1
 * @param opcacheMap {@code co_opcache_map}, or -1
 * @param opcache {@code co_opcache}, or -1
 * @param opcacheSize {@code co_opcache_size}, a byte, or -1
 * @param extra {@code co_extra}, or -1
 * @param cached {@code _co_cached}, or -1
 * @param lines {@code _co_linearray}, or -1
 * @param monitoring {@code _co_monitoring}, or -1
 * @param byteArrayOwns whether the memory of a {@code bytearray} is a buffer, and not an object
 * @param bytesOwns whether that of a {@code BytesIO} is
 */
public record BufferLayout(
        int cellArguments,
        int opcacheMap,
        int opcache,
        int opcacheSize,
        int extra,
        int cached,
        int lines,
        int monitoring,
        boolean byteArrayOwns,
        boolean bytesOwns) {
    /** {@code ce_size} of a {@code _PyCodeObjectExtra}: how many words follow. */
    public static final int EXTRA_SIZE = 0;
    /** The size of a {@code _PyOpcache}, in bytes. */
    public static final int OPCACHE_BYTES = 32;
    /** The size of a {@code _PyCoCached}, in bytes. */
    public static final int CACHED_BYTES = 32;
    /** The least size of a {@code _PyCoMonitoringData}, in bytes. */
    public static final int MONITORING_BYTES = 72;
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
    public static final int ORDER_TABLE = 48;
    /** {@code od_fast_nodes_size}, in words. */
    public static final int ORDER_TABLE_SIZE = 56;
    /** {@code od_first}. */
    public static final int ORDER_FIRST = 80;
    /** The size of an {@code _ODictNode}, in bytes. */
    public static final int ORDER_NODE_BYTES = 32;
    /** {@code next} of an {@code _ODictNode}. */
    public static final int ORDER_NEXT = 16;

    static BufferLayout of(int version) {
        return switch (version) {
            case 207 -> new BufferLayout(-1, -1, -1, -1, -1, -1, -1, -1, true, true);
            case 306, 307 -> new BufferLayout(88, -1, -1, -1, 136, -1, -1, -1, true, false);
            case 308, 309, 310 -> new BufferLayout(96, 152, 160, 169, 144, -1, -1, -1, true, false);
            case 311 -> new BufferLayout(-1, -1, -1, -1, 176, -1, 160, -1, true, false);
            case 312 -> new BufferLayout(-1, -1, -1, -1, 184, 152, -1, 168, true, false);
            case 313 -> new BufferLayout(-1, -1, -1, -1, 192, 160, -1, 176, true, false);
            case 314 -> new BufferLayout(-1, -1, -1, -1, 200, 160, -1, 176, true, false);
            default -> new BufferLayout(-1, -1, -1, -1, 200, 160, -1, 176, false, false);
        };
    }
}
