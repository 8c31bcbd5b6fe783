// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.heap.Label;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.HeapPages;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.PageLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.layout.ValueFields;
import dev.heapwalk.ruby.layout.VmLayout;
import dev.heapwalk.ruby.table.IdEntries;
import java.lang.foreign.MemorySegment;

/**
 * What the garbage collector's mark functions are made of: single values, runs of them and tables, checked before they
 * are followed, and handed to a sink with a name. For one thread.
 */
final class Marking {
    /** How many words are read at once. */
    private static final int PIECE = Window.MAX_LENGTH / 16;
    /** A list has fewer elements than this, or is damaged. */
    static final int LONGEST_LIST = 1 << 20;

    private final ObjectReader reader;
    private final Reader memory;
    private final HeapPages pages;
    private final long nil;
    private final boolean sparesGarbage;
    private final IdEntries ids;
    private final long[] piece = new long[PIECE];
    private final EdgeLabel label;
    private EdgeSink sink;

    Marking(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.pages = reader.vm().pages();
        this.nil = reader.constants().nil();
        this.sparesGarbage = RubyLayout.of(reader.series()).mark().sparesGarbage();
        this.ids = new IdEntries(reader);
        this.label = new EdgeLabel(reader.vm());
    }

    ObjectReader reader() {
        return reader;
    }

    /** Frees the buffers that names were read with. */
    void close() {
        label.close();
    }

    /** Where references go from now on. */
    void into(EdgeSink to) {
        sink = to;
    }

    /** C name {@code gc_mark}: a value that is a reference if it is none of the special constants. */
    void value(String name, long value) {
        if (isReference(value)) {
            label.set(name);
            sink.edge(value, EdgeKind.REFERS, label);
        }
    }

    /** The same with a name that is always there: for the class, which every object has. */
    void value(Label name, long value) {
        if (isReference(value)) {
            sink.edge(value, EdgeKind.REFERS, name);
        }
    }

    private boolean isReference(long value) {
        // nil is the only special constant that has none of the lowest three bits and is not 0.
        return (value & 7) == 0 && value != 0 && value != nil && pages.slotSizeAt(value) != 0;
    }

    /** Names what {@link #numbered} and {@link #run} mark from now on. */
    void name(EdgeLabel.Form form, String text, long owner, long base) {
        label.set(form, text, owner, base);
    }

    /** Names what is marked from now on by a text and a number. */
    void elements(String text) {
        label.set(EdgeLabel.Form.ELEMENT, text, 0, 0);
    }

    /** Marks a value whose name has a number. */
    void numbered(long number, long value) {
        if (isReference(value)) {
            label.number(number);
            sink.edge(value, EdgeKind.REFERS, label);
        }
    }

    /** Marks the value that a word holds. */
    void at(String name, long address) {
        value(name, memory.readLong(address));
    }

    /** Marks the values of some fields of a structure. */
    void fields(long structure, ValueFields fields) {
        int[] offsets = fields.offsets();
        for (int i = 0; i < offsets.length; i++) {
            at(fields.names()[i], structure + offsets[i]);
        }
    }

    /** C name {@code gc_mark_maybe}: any word at all, which is a reference if an object lies there. */
    void maybe(String name, long word) {
        if (isObject(word)) {
            label.set(name);
            sink.edge(word, EdgeKind.REFERS, label);
        }
    }

    /** Marks a word that may be a reference, whose name has a number. */
    void maybeNumbered(long number, long word) {
        if (isObject(word)) {
            label.number(number);
            sink.edge(word, EdgeKind.REFERS, label);
        }
    }

    /** Tells of an object that is only known, by a name with a number. */
    void weak(EdgeLabel.Form form, long number, long address) {
        label.set(form, "", 0, 0);
        label.number(number);
        sink.edge(address, EdgeKind.WEAK, label);
    }

    /** Whether a word is the address of a slot with an object in it. */
    boolean isObject(long word) {
        if ((word & 7) != 0 || pages.slotSizeAt(word) == 0) {
            return false;
        }
        long offset = memory.find(word, Long.BYTES);
        if (offset < 0) {
            return false;
        }
        RubyType type = RubyType.of(memory.segment().get(Words.LONG, offset));
        return type != RubyType.NONE
                && type != RubyType.ZOMBIE
                && type != RubyType.MOVED
                && !(sparesGarbage && garbage(word));
    }

    /** Whether a slot lies on a page that has yet to be swept, and was not marked. */
    boolean garbage(long slot) {
        int index = pages.at(slot);
        if (index < 0 || !pages.beforeSweep(index)) {
            return false;
        }
        int bit = (int) (slot - pages.body(index)) / PageLayout.BASE_SLOT_SIZE;
        long offset = memory.find(pages.markBits(index) + (bit >>> 6) * 8L, Long.BYTES);
        return offset >= 0 && (memory.segment().get(Words.LONG, offset) >>> bit & 1) == 0;
    }

    /** Marks a run of values, which a text and their places name. */
    void values(String name, long address, long count) {
        elements(name);
        run(address, count);
    }

    /** Marks a run of values, which {@link #name} has named. */
    void run(long address, long count) {
        run(address, count, false);
    }

    /** C name {@code gc_mark_locations}: marks a run of words that may be references. */
    void locations(String name, long start, long end) {
        if (end - start >= Long.BYTES) {
            label.set(name);
            run(start, end - start >>> 3, true);
        }
    }

    private void run(long address, long count, boolean maybe) {
        if (count <= 0) {
            return;
        }
        memory.requireMapped(address, count, Long.BYTES);
        for (long index = 0; index < count; ) {
            int length = piece(address + index * Long.BYTES, count - index);
            for (int i = 0; i < length; i++) {
                if (maybe) {
                    maybeNumbered(index + i, piece[i]);
                } else {
                    numbered(index + i, piece[i]);
                }
            }
            index += length;
        }
    }

    /** Reads the next words of a run into {@link #piece}. */
    private int piece(long address, long left) {
        int length = (int) Math.min(PIECE, left);
        long offset = memory.require(address, (long) length * Long.BYTES);
        MemorySegment.copy(memory.segment(), Words.LONG, offset, piece, 0, length);
        return length;
    }

    /** Marks what an {@code st_table} holds, which a text and the keys name. */
    void table(String name, long table, boolean keys, boolean records) {
        label.set(EdgeLabel.Form.ENTRY, name, 0, 0);
        entries(table, keys, records);
    }

    /** Marks the values of an {@code st_table} of instance variables. */
    void ivars(long table) {
        label.set(EdgeLabel.Form.IVAR, "", 0, 0);
        entries(table, false, true);
    }

    /** Marks the values of an {@code st_table} whose keys are pointers to objects. */
    void weakKeyed(long table) {
        label.set(EdgeLabel.Form.ENTRY_OF_POINTER, "", 0, 0);
        entries(table, false, true);
    }

    /** Marks the values of an {@code st_table} of what C code and Ruby keep for each fiber, by their names' IDs. */
    void fiberLocals(long table) {
        label.set(EdgeLabel.Form.FIBER_LOCAL_BY_ID, "", 0, 0);
        entries(table, false, true);
    }

    private void entries(long table, boolean keys, boolean records) {
        if (table == 0) {
            return;
        }
        long offset = memory.require(table, TableLayout.ST_SIZE);
        MemorySegment segment = memory.segment();
        if (segment.get(Words.LONG, offset + TableLayout.ST_NUM_ENTRIES) == 0) {
            return;
        }
        long start = segment.get(Words.LONG, offset + TableLayout.ST_ENTRIES_START);
        long bound = segment.get(Words.LONG, offset + TableLayout.ST_ENTRIES_BOUND);
        long entries = segment.get(Words.LONG, offset + TableLayout.ST_ENTRIES);
        memory.requireMapped(entries, start < 0 || start > bound ? -1 : bound, TableLayout.ST_ENTRY_SIZE);
        int words = TableLayout.ST_ENTRY_SIZE / Long.BYTES;
        for (long index = start; index < bound; ) {
            int length = (int) Math.min(PIECE / words, bound - index);
            piece(entries + index * TableLayout.ST_ENTRY_SIZE, (long) length * words);
            for (int i = 0; i < length; i++) {
                if (piece[words * i] != TableLayout.ST_DELETED) {
                    if (keys) {
                        key(piece[words * i + 1]);
                    }
                    if (records) {
                        numbered(piece[words * i + 1], piece[words * i + 2]);
                    }
                }
            }
            index += length;
        }
    }

    /** Marks a key of a table whose entries {@link #name} has named. */
    void key(long value) {
        if (isReference(value)) {
            label.form(EdgeLabel.Form.KEY);
            sink.edge(value, EdgeKind.REFERS, label);
            label.form(EdgeLabel.Form.ENTRY);
        }
    }

    /** Marks the values of a {@code struct rb_id_table}, which the serial numbers of its keys name. */
    void idTable(EdgeLabel.Form form, long table) {
        label.set(form, "", 0, 0);
        ids.over(table);
        while (ids.next()) {
            numbered(ids.serial(), ids.value());
        }
    }

    /** C name {@code rb_hook_list_mark}: marks the data of a list of event hooks. */
    void hooks(long list) {
        long hook = memory.readLong(list);
        for (int left = LONGEST_LIST; hook != 0; left--) {
            if (left == 0) {
                throw new UnmappedAddressException(hook, list, LONGEST_LIST);
            }
            at("hook", hook + VmLayout.HOOK_DATA);
            hook = memory.readLong(hook + VmLayout.HOOK_NEXT);
        }
    }

    /** Whether some of an object's flags are set, which may be anything. */
    boolean has(long object, long flags) {
        return (memory.readLong(object) & flags) != 0;
    }

    /** Whether a method entry no longer counts. C name {@code METHOD_ENTRY_INVALIDATED}. */
    boolean invalidated(long methodEntry) {
        return has(methodEntry, ImemoLayout.METHOD_INVALIDATED);
    }
}
