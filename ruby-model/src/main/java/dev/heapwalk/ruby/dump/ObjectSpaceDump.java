// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.Roots;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * Writes a heap in the lines of the target's own {@code ObjectSpace.dump_all}, key for key, so that tools for those read it: first
 * a line for each kind of root, then one for each shape since 3.2, then one for each object. Where Ruby would write what is no
 * JSON, such as a class name with a quote in it, these lines are JSON.
 *
 * <p>Free slots are left out, and so is garbage that the target has not yet swept, as {@code dump_all} sweeps before it begins.
 */
public final class ObjectSpaceDump {
    /** After how many slots progress is told. */
    private static final int STEP = 1 << 14;
    /** How many addresses of damaged objects are kept. */
    private static final int MOST_ADDRESSES = 100;

    private final RubyVm vm;

    private ObjectSpaceDump(RubyVm vm) {
        this.vm = vm;
    }

    /**
     * Prepares a dump.
     *
     * @param vm the virtual machine whose heap to dump
     * @return the dump
     */
    public static ObjectSpaceDump of(RubyVm vm) {
        return new ObjectSpaceDump(vm);
    }

    /**
     * What was written.
     *
     * @param objects how many lines of objects
     * @param bytes how many bytes in all
     * @param unknownSizes how many objects have no {@code memsize}, because only a function of a C extension could tell it, by the
     *     name of their type
     * @param unknownReferences how many objects may have more references than were written, by the name of their type
     * @param damaged how many objects have lines that lack something because it could not be read
     * @param damagedAddresses target addresses of the first of those
     * @param holes what else could not be read, a line of text each
     */
    public record Summary(
            long objects,
            long bytes,
            Map<String, Long> unknownSizes,
            Map<String, Long> unknownReferences,
            long damaged,
            List<Long> damagedAddresses,
            List<String> holes) {}

    /**
     * Writes all lines.
     *
     * @param out where they go; it needs no buffer of its own, and is neither flushed nor closed
     * @param progress is now and then given the number of slots that are done, of {@link dev.heapwalk.ruby.HeapPages#totalSlots()}
     * @return what was written
     * @throws UncheckedIOException if writing fails
     */
    public Summary write(OutputStream out, LongConsumer progress) {
        JsonLines json = new JsonLines(out);
        ObjectReader reader = vm.reader();
        SlotCursor slot = vm.slots(reader);
        SlotLines lines = new SlotLines(slot, reader, Allocations.find(reader), json);
        Roots roots = new Roots(reader);
        new RootLines(roots, json).write();
        if (reader.layout().since(3, 2)) {
            new ShapeLines(reader, new Names(reader)).write(json);
        }
        long seen = 0;
        long objects = 0;
        long damaged = 0;
        List<Long> damagedAddresses = new ArrayList<>();
        while (slot.next()) {
            if ((++seen & STEP - 1) == 0) {
                progress.accept(seen);
            }
            SlotState state = slot.state();
            if (state == SlotState.LIVE || state == SlotState.ZOMBIE) {
                objects++;
                if (!lines.write() && ++damaged <= MOST_ADDRESSES) {
                    damagedAddresses.add(slot.address());
                }
            }
        }
        json.flush();
        progress.accept(seen);
        List<String> holes = new ArrayList<>(roots.holes());
        holes.addAll(slot.holes());
        return new Summary(
                objects,
                json.bytes(),
                lines.unknownSizes().asMap(),
                lines.unknownReferences().asMap(),
                damaged,
                List.copyOf(damagedAddresses),
                List.copyOf(holes));
    }
}
