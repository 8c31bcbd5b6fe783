// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.gc.Roots;
import dev.heapwalk.text.JsonLines;
import dev.heapwalk.text.TextRules;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes a heap in the lines of the target's own {@code ObjectSpace.dump_all}, key for key, so that tools for those
 * read it: first a line for each kind of root, then one for each shape since 3.2, then one for each object. Where Ruby
 * would write what is no JSON, such as a class name with a quote in it, these lines are JSON.
 *
 * <p>Free slots are left out, and so is garbage that the target has not yet swept, as {@code dump_all} sweeps before it
 * begins. Where less is told of Strings and Symbols than Ruby does, a line has the beginning of a {@code value} and a
 * key {@code sha256}, or a digest as the {@code value}.
 */
public final class ObjectSpaceDump extends Dump<ObjectSpaceDump> {
    private ObjectSpaceDump(RubyVm vm, Extent extent) {
        super(vm, extent);
    }

    /**
     * Prepares a dump.
     *
     * @param vm the virtual machine whose heap to dump
     * @return the dump
     */
    public static ObjectSpaceDump of(RubyVm vm) {
        return new ObjectSpaceDump(vm, Extent.WHOLE);
    }

    @Override
    ObjectSpaceDump with(Extent other) {
        return new ObjectSpaceDump(vm, other);
    }

    /** Writes the lines of roots and shapes. */
    @Override
    DumpSummary head(ObjectReader reader, TextRules rules, OutputStream out) {
        JsonLines json = new JsonLines(out);
        Roots roots = new Roots(reader);
        new RootLines(roots, json).write();
        List<String> holes = new ArrayList<>(roots.missing());
        if (ObjectSpaceFormat.of(reader.series()).shapes()) {
            long unread = new ShapeLines(reader, new Names(reader)).write(json);
            if (unread > 0) {
                holes.add("%,d shapes can't be read, and have no lines".formatted(unread));
            }
        }
        json.flush();
        return DumpSummary.head(json.bytes(), holes);
    }

    @Override
    PageBatches.Writer writer(ObjectReader reader, Shared shared, OutputStream lines) {
        return new Objects(reader, shared, lines);
    }

    /** Writes the lines of objects, for one thread. */
    private static final class Objects implements PageBatches.Writer {
        private final SlotCursor slot;
        private final Shared shared;
        private final SlotLines lines;
        private final JsonLines json;
        private final List<DumpSummary.Damage> damage = new ArrayList<>();
        private long objects;
        private long damaged;

        private Objects(ObjectReader reader, Shared shared, OutputStream out) {
            this.shared = shared;
            this.json = new JsonLines(out);
            this.slot = reader.vm().slots(reader);
            this.lines = new SlotLines(
                    slot,
                    reader,
                    shared.allocations().with(reader),
                    shared.written(),
                    shared.owners(),
                    shared.rules(),
                    json);
        }

        @Override
        public void write(int first, int end) {
            slot.within(first, end);
            while (slot.next()) {
                SlotState state = slot.state();
                if ((state == SlotState.LIVE || state == SlotState.ZOMBIE) && shared.has(slot.address())) {
                    objects++;
                    if (!lines.write() && ++damaged <= DumpSummary.MOST_DAMAGE) {
                        damage.add(new DumpSummary.Damage(
                                slot.address(), "the object is damaged, and its line lacks something"));
                    }
                }
            }
            json.flush();
        }

        @Override
        public long objects() {
            return objects;
        }

        @Override
        public DumpSummary summary() {
            return new DumpSummary(
                    objects,
                    json.bytes(),
                    lines.opaque().sizes(),
                    lines.opaque().references(),
                    lines.opaque().guessed(),
                    damaged,
                    damage,
                    slot.holes(),
                    0);
        }

        @Override
        public void close() {
            lines.close();
            slot.close();
        }
    }
}
