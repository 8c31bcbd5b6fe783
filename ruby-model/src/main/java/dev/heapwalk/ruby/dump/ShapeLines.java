// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.ShapeLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.Shapes;
import dev.heapwalk.text.JsonLines;

/** Writes the lines of shapes, since 3.2. */
final class ShapeLines {
    private static final byte[] ADDRESS = JsonLines.ascii("{\"address\":");
    private static final byte[] ID = JsonLines.ascii(", \"type\":\"SHAPE\", \"id\":");
    private static final byte[] PARENT = JsonLines.ascii(", \"parent_id\":");
    private static final byte[] DEPTH = JsonLines.ascii(", \"depth\":");
    private static final byte[] TYPE = JsonLines.ascii(", \"shape_type\":\"");
    private static final byte[] EDGE_NAME = JsonLines.ascii("\",\"edge_name\":");
    private static final byte[] CAPACITY = JsonLines.ascii("\", \"capacity\":");
    private static final byte[] EDGES = JsonLines.ascii(", \"edges\":");
    private static final byte[] MEMSIZE = JsonLines.ascii(", \"memsize\":");

    private static final int LONGEST_CHAIN = 1 << 19;
    private static final int NO_PARENT = -1;

    private final ObjectReader reader;
    private final Reader memory;
    private final Shapes shapes;
    private final Names names;
    private final ShapeLayout layout;
    private final boolean edgeCounts;
    private final RData view;

    ShapeLines(ObjectReader reader, Names names) {
        this.reader = reader;
        this.memory = reader.memory();
        this.shapes = reader.shapes();
        this.names = names;
        this.layout = RubyLayout.of(reader.series()).shape();
        this.edgeCounts = ObjectSpaceFormat.of(reader.series()).edgeCounts();
        this.view = new RData(reader);
    }

    /** Writes all shapes. Returns how many of them can't be read; those have no line. */
    long write(JsonLines json) {
        long damaged = 0;
        for (int shape = 0; shape < shapes.count(); shape++) {
            try {
                line(json, shape);
            } catch (UnmappedAddressException e) {
                damaged++;
            }
        }
        return damaged;
    }

    private void line(JsonLines json, int shape) {
        // What can fail comes first, so that a line is whole or not there.
        long address = shapes.address(shape);
        Shapes.Kind kind = shapes.kind(shape);
        int parent = shapes.parent(shape);
        int depth = depth(shape);
        long edges = shapes.edges(shape);
        boolean single = layout.singleChild() && (edges & ShapeLayout.SINGLE_CHILD) != 0;
        long table = edges == 0 || single ? 0 : table(edges);
        long count = single ? 1 : table == 0 ? 0 : memory.readInt(table + TableLayout.ID_NUMBER);
        long size = layout.size()
                + (table == 0
                        ? 0
                        : edgeCounts
                                ? count
                                : TableLayout.ID_SIZE
                                        + (long) TableLayout.ID_ITEM_SIZE
                                                * memory.readInt(table + TableLayout.ID_CAPACITY));
        int capacity = shapes.capacity(shape);
        long name = shapes.edgeName(shape);
        json.raw(ADDRESS);
        json.address(address);
        json.raw(ID);
        json.decimal(shape);
        if (kind != Shapes.Kind.ROOT) {
            json.raw(PARENT);
            json.unsigned(parent & 0xffffffffL);
        }
        json.raw(DEPTH);
        json.decimal(depth);
        json.raw(TYPE);
        json.raw(JsonLines.ascii(kind.name()));
        switch (kind) {
            case IVAR -> {
                json.raw(EDGE_NAME);
                names.write(json, name);
            }
            case CAPACITY_CHANGE, INITIAL_CAPACITY -> {
                json.raw(CAPACITY);
                json.decimal(capacity);
            }
            default -> json.raw('"');
        }
        json.raw(EDGES);
        json.decimal(count);
        json.raw(MEMSIZE);
        json.decimal(size);
        json.raw('}');
        json.newline();
    }

    /** The table of edges, which an object may have. */
    private long table(long edges) {
        if (!layout.edgesInObject()) {
            return edges;
        }
        if (!reader.find(edges, view) || view.type() != RubyType.DATA) {
            throw new UnmappedAddressException(edges, edges, TableLayout.ID_SIZE);
        }
        return view.data();
    }

    private int depth(int shape) {
        int depth = 1;
        for (int at = shapes.parent(shape); at != NO_PARENT && depth < LONGEST_CHAIN; at = shapes.parent(at)) {
            depth++;
        }
        return depth;
    }
}
