// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.text;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;

/**
 * One line of a dump: its keys and its brackets. What a value looks like in it is the runtime's own.
 *
 * <p>Whatever throws has left the line such that {@link #closeAll()} makes it whole. It belongs to one thread.
 */
public abstract class ObjectLine {
    /** {@code true} as JSON has it. */
    protected static final byte[] TRUE = JsonLines.ascii("true");
    /** {@code false} as JSON has it. */
    protected static final byte[] FALSE = JsonLines.ascii("false");
    /** {@code null} as JSON has it. */
    protected static final byte[] NULL = JsonLines.ascii("null");

    private static final byte[] NAN = JsonLines.ascii("\"#NaN\"");
    private static final byte[] INFINITY = JsonLines.ascii("\"#Infinity\"");
    private static final byte[] NEGATIVE_INFINITY = JsonLines.ascii("\"#-Infinity\"");

    private static final int DEEPEST = 16;
    private static final int CHUNK = 512;

    /** What the line is written to. */
    protected final JsonLines json;
    /** What values are read with. */
    protected final Reader memory;

    private final long[] chunk = new long[CHUNK];
    private final char[] closers = new char[DEEPEST];
    private int depth;
    private boolean first;

    /**
     * Prepares to write lines.
     *
     * @param json what they are written to
     * @param memory reads what {@link #values} lists
     */
    protected ObjectLine(JsonLines json, Reader memory) {
        this.json = json;
        this.memory = memory;
    }

    /**
     * A key with what goes around it, to be kept in a constant.
     *
     * @param name the name of the key, 7-bit text
     * @return a comma, the name and a colon
     */
    public static byte[] key(String name) {
        return JsonLines.ascii(",\"" + name + "\":");
    }

    /**
     * Writes a value among others.
     *
     * @param value the word that is a value in this runtime
     */
    public abstract void value(long value);

    /** Begins a line; its brace and its first member are to be written as they are. */
    protected final void beginLine() {
        depth = 0;
        first = false;
        closers[depth++] = '}';
    }

    /** Ends the line, and everything that is open in it. */
    public final void closeAll() {
        while (depth > 0) {
            close();
        }
        json.newline();
    }

    /** Ends everything that is open in the line. */
    public final void closeInner() {
        while (depth > 1) {
            close();
        }
    }

    /** Begins an array. */
    public final void openArray() {
        json.raw('[');
        open(']');
    }

    /** Begins an object. */
    public final void openObject() {
        json.raw('{');
        open('}');
    }

    private void open(char closer) {
        closers[depth++] = closer;
        first = true;
    }

    /** Ends what was begun last. */
    public final void close() {
        json.raw(closers[--depth]);
        first = false;
    }

    /** To be called before each element. */
    public final void comma() {
        if (!first) {
            json.raw(',');
        }
        first = false;
    }

    /**
     * A key with a number.
     *
     * @param key what {@link #key} made
     * @param value the number
     */
    public final void number(byte[] key, long value) {
        json.raw(key);
        json.decimal(value);
    }

    /**
     * A key with true or false.
     *
     * @param key what {@link #key} made
     * @param value which of both
     */
    public final void flag(byte[] key, boolean value) {
        json.raw(key);
        json.raw(value ? TRUE : FALSE);
    }

    /**
     * A key with a value.
     *
     * @param key what {@link #key} made
     * @param value the word that is a value in this runtime
     */
    public final void value(byte[] key, long value) {
        json.raw(key);
        value(value);
    }

    /**
     * A key with an array of values that lie in a row, 8 bytes each.
     *
     * @param key what {@link #key} made
     * @param address target address of the first
     * @param count how many there are
     * @throws UnmappedAddressException where they lie in no memory of the target
     */
    public final void values(byte[] key, long address, long count) {
        if (count < 0 || count > Long.MAX_VALUE / 8 || count > 0 && !memory.mapped(address, 8 * count)) {
            throw new UnmappedAddressException(address, address, Math.max(0, count));
        }
        json.raw(key);
        openArray();
        for (long done = 0; done < count; done += CHUNK) {
            int some = (int) Math.min(CHUNK, count - done);
            long offset = memory.require(address + 8 * done, 8L * some);
            MemorySegment.copy(memory.segment(), Words.LONG, offset, chunk, 0, some);
            for (int i = 0; i < some; i++) {
                comma();
                value(chunk[i]);
            }
        }
        close();
    }

    /**
     * A number among others; a string that begins with {@code #} where JSON has no word for it.
     *
     * @param number the number
     */
    protected final void real(double number) {
        if (Double.isFinite(number)) {
            json.exact(number);
        } else {
            json.raw(Double.isNaN(number) ? NAN : number > 0 ? INFINITY : NEGATIVE_INFINITY);
        }
    }
}
