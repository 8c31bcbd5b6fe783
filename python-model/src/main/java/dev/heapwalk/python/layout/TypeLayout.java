// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C names {@code PyTypeObject} and {@code PyHeapTypeObject}. The first is laid out alike in all versions up to {@code
 * tp_mro}.
 *
 * @param heapTypeSize how large a {@code PyHeapTypeObject} is, in bytes, with all before its fields
 * @param staticSize how large a {@code PyTypeObject} is from its fields on, in bytes
 * @param name {@code ht_name}
 * @param qualname {@code ht_qualname}, or -1 where types have none
 * @param cachedKeys {@code ht_cached_keys}, the keys that instances share, or -1
 * @param module {@code ht_module}, or -1
 * @param tpname {@code _ht_tpname}, or -1
 * @param inlineValues the flag of types whose objects have the values of their attributes behind them, 0 where there
 *     is none
 */
public record TypeLayout(
        int heapTypeSize,
        int staticSize,
        int name,
        int qualname,
        int cachedKeys,
        int module,
        int tpname,
        long inlineValues) {
    /** {@code tp_name}. */
    public static final int TP_NAME = 24;
    /** {@code tp_basicsize}. */
    public static final int BASICSIZE = 32;
    /** {@code tp_itemsize}. */
    public static final int ITEMSIZE = 40;
    /** {@code tp_dealloc}. */
    public static final int DEALLOC = 48;
    /** {@code tp_flags}. */
    public static final int FLAGS = 168;
    /** {@code tp_doc}. */
    public static final int DOC = 176;
    /** {@code tp_traverse}. */
    public static final int TRAVERSE = 184;
    /** {@code tp_weaklistoffset}. */
    public static final int WEAKLISTOFFSET = 208;
    /** {@code tp_members}. */
    public static final int MEMBERS = 240;
    /** {@code tp_base}. */
    public static final int BASE = 256;
    /** {@code tp_dict}. */
    public static final int DICT = 264;
    /** {@code tp_dictoffset}. */
    public static final int DICTOFFSET = 288;
    /** {@code tp_bases}. */
    public static final int BASES = 336;
    /** {@code tp_mro}. */
    public static final int MRO = 344;
    /** {@code tp_cache}. */
    public static final int CACHE = 352;
    /** {@code tp_subclasses}. */
    public static final int SUBCLASSES = 360;
    /** How much of a type is read to know it, in bytes: up to behind {@code tp_mro}. */
    public static final int BYTES = 352;

    /** {@code Py_TPFLAGS_INLINE_VALUES}. */
    private static final long INLINE_VALUES = 1L << 2;

    /** {@code Py_TPFLAGS_HEAPTYPE}: the type was made while the program ran. */
    public static final long HEAPTYPE = 1L << 9;
    /** {@code Py_TPFLAGS_READY}: what it inherits was put into it. */
    public static final long READY = 1L << 12;
    /** {@code Py_TPFLAGS_HAVE_GC}: objects have a head of the garbage collector before them. */
    public static final long HAVE_GC = 1L << 14;
    /** {@code Py_TPFLAGS_LONG_SUBCLASS}: {@code int}, and {@code long} of 2.7. */
    public static final long LONG_SUBCLASS = 1L << 24;
    /** {@code Py_TPFLAGS_BASE_EXC_SUBCLASS}. */
    public static final long EXCEPTION_SUBCLASS = 1L << 30;
    /** {@code Py_TPFLAGS_STRING_SUBCLASS} of 2.7, {@code Py_TPFLAGS_BYTES_SUBCLASS} since. */
    public static final long BYTES_SUBCLASS = 1L << 27;
    /** {@code Py_TPFLAGS_UNICODE_SUBCLASS}. */
    public static final long UNICODE_SUBCLASS = 1L << 28;
    /** {@code Py_TPFLAGS_DICT_SUBCLASS}. */
    public static final long DICT_SUBCLASS = 1L << 29;
    /** {@code Py_TPFLAGS_LIST_SUBCLASS}. */
    public static final long LIST_SUBCLASS = 1L << 25;
    /** {@code Py_TPFLAGS_TUPLE_SUBCLASS}. */
    public static final long TUPLE_SUBCLASS = 1L << 26;
    /** {@code Py_TPFLAGS_TYPE_SUBCLASS}. */
    public static final long TYPE_SUBCLASS = 1L << 31;

    /** The size of a {@code PyMemberDef}, which types made by programs end with, in bytes. */
    public static final int MEMBER_SIZE = 40;

    static TypeLayout of(int version, boolean freeThreaded) {
        if (freeThreaded) {
            return switch (version) {
                case 313 -> new TypeLayout(944, 416, 856, 872, 880, 888, 896, INLINE_VALUES);
                case 314 -> new TypeLayout(960, 416, 856, 872, 880, 888, 896, INLINE_VALUES);
                default -> new TypeLayout(968, 424, 864, 880, 888, 896, 904, INLINE_VALUES);
            };
        }
        return switch (version) {
            case 207 -> new TypeLayout(872, 392, 856, -1, -1, -1, -1, 0);
            case 306, 307 -> new TypeLayout(864, 400, 832, 848, 856, -1, -1, 0);
            case 308 -> new TypeLayout(880, 416, 848, 864, 872, -1, -1, 0);
            case 309 -> new TypeLayout(880, 408, 840, 856, 864, 872, -1, 0);
            case 310 -> new TypeLayout(888, 408, 848, 864, 872, 880, -1, 0);
            case 311 -> new TypeLayout(904, 408, 848, 864, 872, 880, 888, 0);
            case 312 -> new TypeLayout(920, 416, 856, 872, 880, 888, 896, 0);
            case 313 -> new TypeLayout(928, 416, 856, 872, 880, 888, 896, INLINE_VALUES);
            case 314 -> new TypeLayout(936, 416, 856, 872, 880, 888, 896, INLINE_VALUES);
            default -> new TypeLayout(944, 424, 864, 880, 888, 896, 904, INLINE_VALUES);
        };
    }
}
