// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.ClassLayout;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.ObjectLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RBignum;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.RFile;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.object.RMatch;
import dev.heapwalk.ruby.object.RObject;
import dev.heapwalk.ruby.object.RRegexp;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RStruct;

/**
 * The memory of an allocator that a slot owns: a String's bytes, an Array's elements, a Hash's table. Allocates nothing
 * for a slot. For one thread.
 */
public final class OwnedMemory {
    private final ObjectReader reader;
    private final Reader memory;
    private final ObjectLayout objects;
    private final ClassLayout classes;
    private final ImemoLayout imemos;
    private final EdgeLabel label;
    private final RString string;
    private final RArray array;
    private final RStruct struct;
    private final RObject object;
    private final RHash hash;
    private final RData data;
    private final RRegexp regexp;
    private final RFile file;
    private final RMatch match;
    private final RBignum bignum;
    private final RClass module;
    private final boolean onlyValues;
    private EdgeSink sink;

    /**
     * Makes one that has read nothing yet.
     *
     * @param reader what follows the pointers; the views given to {@link #of} may be over its window
     */
    public OwnedMemory(ObjectReader reader) {
        this(reader, false);
    }

    private OwnedMemory(ObjectReader reader, boolean onlyValues) {
        this.onlyValues = onlyValues;
        this.reader = reader;
        this.memory = reader.memory();
        this.objects = RubyLayout.of(reader.series()).object();
        this.classes = RubyLayout.of(reader.series()).classes();
        this.imemos = RubyLayout.of(reader.series()).imemo();
        this.label = new EdgeLabel(reader.vm());
        this.string = new RString(reader);
        this.array = new RArray(reader);
        this.struct = new RStruct(reader);
        this.object = new RObject(reader);
        this.hash = new RHash(reader);
        this.data = new RData(reader);
        this.regexp = new RRegexp(reader);
        this.file = new RFile(reader);
        this.match = new RMatch(reader);
        this.bignum = new RBignum(reader);
        this.module = new RClass(reader);
    }

    /** One that leaves out what tables find their entries by, which leads nowhere. */
    static OwnedMemory ofValues(ObjectReader reader) {
        return new OwnedMemory(reader, true);
    }

    /**
     * Gives what a slot owns, each as an {@linkplain EdgeKind#OWNS edge} with the name of the field in C.
     *
     * @param slot a slot that is not free; the view is not needed afterwards
     * @param to takes the addresses, which are the target's own and unchecked
     * @throws UnmappedAddressException if the slot is damaged; what came before is good
     */
    public void of(RValue slot, EdgeSink to) {
        sink = to;
        switch (slot.type()) {
            case STRING -> {
                if (!slot.as(string).embedded() && !string.shared()) {
                    owns("ptr", string.bytes());
                }
            }
            case ARRAY -> {
                if (!slot.as(array).embedded() && !array.shared()) {
                    owns("ptr", array.elements());
                }
            }
            case STRUCT -> {
                if (!slot.as(struct).embedded()) {
                    owns("ptr", struct.members());
                }
            }
            case OBJECT -> {
                if (!slot.as(object).embedded()) {
                    owns("ivptr", object.ivptr());
                }
            }
            case HASH -> {
                boolean hasTable = slot.as(hash).hasTable();
                long table = hash.table();
                if (!objects.hashInline()) {
                    owns("table", table);
                }
                if (hasTable) {
                    entries("table.bins", "table.entries", table);
                }
            }
            case DATA -> {
                if (!slot.as(data).embedded()) {
                    owns("data", data.data());
                }
            }
            case REGEXP -> owns("ptr", slot.as(regexp).pattern());
            case FILE -> owns("fptr", slot.as(file).state());
            case MATCH -> {
                if (!objects.matchInline()) {
                    owns("rmatch", slot.as(match).rmatch());
                }
            }
            case BIGNUM -> {
                if (!slot.as(bignum).embedded()) {
                    owns("digits", bignum.digits());
                }
            }
            case CLASS, MODULE, ICLASS -> tables(slot.as(module));
            case IMEMO -> imemo(slot);
            default -> {
                // Nothing outside the slot.
            }
        }
    }

    private void imemo(RValue slot) {
        long second = slot.readLong(ImemoLayout.SECOND);
        long third = slot.readLong(ImemoLayout.THIRD);
        switch (reader.imemoType(slot.flags())) {
            case ENV -> owns("env", third);
            case MENT -> owns("def", second);
            case ISEQ -> {
                owns("body", second);
                if (!slot.has(ImemoLayout.CODE_NOT_LOADED) && !reader.isSlot(third)) {
                    owns(slot.has(ImemoLayout.CODE_COMPILING) ? "compile_data" : "hooks", third);
                }
            }
            case TMPBUF -> owns("ptr", slot.readLong(imemos.bufferStart()));
            case AST -> owns("node_buffer", slot.readLong(ImemoLayout.FIRST));
            // Several calls with the same keywords may have it.
            case CALLINFO -> owns("kwarg", slot.readLong(ImemoLayout.FIRST));
            case FIELDS -> {
                if (slot.has(ImemoLayout.FIELDS_HEAP)) {
                    owns("ptr", second);
                }
            }
            default -> {
                // Nothing outside the slot.
            }
        }
    }

    private void tables(RClass klass) {
        long extension = klass.extension();
        if (!classes.extensionInline()) {
            owns("ext", extension);
        }
        if (extension == 0) {
            return;
        }
        items("m_tbl", "m_tbl.items", klass.methodTable());
        items("const_tbl", "const_tbl.items", klass.constantTable());
        items("callable_m_tbl", "callable_m_tbl.items", klass.callableTable());
        long ivars = klass.ivars();
        owns("iv_tbl", ivars);
        if (classes.ivIndexTable() >= 0) {
            owns("iv_index_tbl", klass.ivIndexTable());
            entries("iv_tbl.bins", "iv_tbl.entries", ivars);
            entries("iv_index_tbl.bins", "iv_index_tbl.entries", klass.ivIndexTable());
        }
    }

    /** A {@code struct rb_id_table} and what it has its entries in. */
    private void items(String name, String items, long table) {
        if (table != 0) {
            owns(name, table);
            owns(items, memory.readLong(table + TableLayout.ID_ITEMS));
        }
    }

    /** What an {@code st_table} has its entries in. */
    private void entries(String bins, String entries, long table) {
        if (table != 0) {
            long offset = memory.require(table, TableLayout.ST_SIZE);
            long ownedBins = memory.segment().get(Words.LONG, offset + TableLayout.ST_BINS);
            long ownedEntries = memory.segment().get(Words.LONG, offset + TableLayout.ST_ENTRIES);
            if (!onlyValues) {
                owns(bins, ownedBins);
            }
            owns(entries, ownedEntries);
        }
    }

    private void owns(String name, long address) {
        if (address != 0) {
            label.set(name);
            sink.edge(address, EdgeKind.OWNS, label);
        }
    }
}
