// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.layout.NumpyLayout;

/** The data of NumPy's arrays, by the type of the elements and the shape. */
final class NumpyArrays {
    private static final String KIND = "ndarray data";
    private static final long LARGEST_ELEMENT = 1L << 20;
    /** So many shapes are told; those of more arrays have none. */
    private static final int MOST_SHAPES = 1 << 12;

    private final Reader memory;
    private final int shift;
    private final UseTable table;
    private final int dimensions;
    /** By what distinguishes element types and shapes. */
    private final LongTable shapes = new LongTable();

    /**
     * Makes one.
     *
     * @param shift how far the fields of an object are behind where it begins
     */
    NumpyArrays(Reader memory, UseTable table, int shift) {
        this.memory = memory;
        this.shift = shift;
        this.table = table;
        this.dimensions = table.number(TypeUses.category("ndarray dimensions", ""));
    }

    /** Takes what an array owns whose fields begin at an address. */
    void take(long array) {
        int nd = memory.readInt(array + NumpyLayout.ND, -1);
        long shape = memory.readLong(array + NumpyLayout.DIMENSIONS, 0);
        if (nd < 0 || nd > NumpyLayout.MOST_DIMENSIONS) {
            return;
        }
        if (shape != 0 && nd > 0 && memory.mapped(shape, 2L * nd * Long.BYTES)) {
            table.put(table.block(shape), dimensions);
        }
        if ((memory.readInt(array + NumpyLayout.FLAGS, 0) & NumpyLayout.OWNDATA) != 0) {
            long data = memory.readLong(array + NumpyLayout.DATA, 0);
            table.put(table.block(data), number(memory.readLong(array + NumpyLayout.DESCR, 0) + shift, nd, shape));
        }
    }

    private int number(long descr, int nd, long shape) {
        byte kind = memory.readByte(descr + NumpyLayout.KIND, (byte) '?');
        long size = NumpyLayout.elementSize(offset -> memory.readLong(descr + offset, 0));
        long key = (size << Byte.SIZE | kind & 0xFF) * 31 + nd;
        for (int i = 0; i < nd; i++) {
            key = mix(key) + memory.readLong(shape + (long) i * Long.BYTES, 0);
        }
        key = mix(key);
        int known = (int) shapes.get(key, UseTable.UNKNOWN);
        if (known == UseTable.UNKNOWN) {
            String type = type((char) kind, size);
            Category category =
                    TypeUses.category(KIND, shapes.size() < MOST_SHAPES ? type + " " + shape(nd, shape) : type);
            known = table.number(category);
            shapes.put(key, known);
        }
        return known;
    }

    /** So that no two shapes that differ have one number, but by chance. */
    private static long mix(long key) {
        long mixed = (key ^ key >>> 32) * 0x9E3779B97F4A7C15L;
        return (mixed ^ mixed >>> 29) * 0xBF58476D1CE4E5B9L;
    }

    /** The name that NumPy has for a type. */
    private static String type(char kind, long size) {
        long bits = size >= 0 && size <= LARGEST_ELEMENT ? size * Byte.SIZE : 0;
        return switch (kind) {
            case 'b' -> "bool";
            case 'i' -> "int" + bits;
            case 'u' -> "uint" + bits;
            case 'f' -> "float" + bits;
            case 'c' -> "complex" + bits;
            case 'O' -> "object";
            case 'S' -> "bytes" + bits;
            case 'U' -> "str" + bits;
            case 'V' -> "void" + bits;
            case 'M' -> "datetime64";
            case 'm' -> "timedelta64";
            case 'T' -> "StringDType";
            default -> "unknown";
        };
    }

    /** The shape as Python writes a tuple. */
    private String shape(int nd, long shape) {
        StringBuilder text = new StringBuilder("(");
        for (int i = 0; i < nd; i++) {
            text.append(i == 0 ? "" : ", ").append(memory.readLong(shape + (long) i * Long.BYTES, 0));
        }
        return text.append(nd == 1 ? ",)" : ")").toString();
    }
}
