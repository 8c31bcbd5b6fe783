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
 * <p>Several threads write where there is enough to do; the lines come in the order of the addresses all the same.
 *
 * <p>Free slots are left out, and so is garbage that the target has not yet swept, as {@code dump_all} sweeps before it begins.
 */
public final class ObjectSpaceDump {
    /** The most memory of the target that is kept, by all threads together, in bytes. */
    private static final long BUDGET = 64L << 20;
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
        int pages = vm.pages().count();
        int pageSize = vm.layout().page().bodySize();
        int threads = PageBatches.threads((long) pages * pageSize);
        ObjectReader reader = vm.reader(BUDGET / (threads + 1));
        JsonLines json = new JsonLines(out);
        Roots roots = new Roots(reader);
        new RootLines(roots, json).write();
        if (reader.layout().since(3, 2)) {
            new ShapeLines(reader, new Names(reader)).write(json);
        }
        json.flush();
        Allocations allocations = Allocations.find(reader);
        List<Objects> written = PageBatches.run(
                pages,
                pageSize,
                threads,
                lines -> new Objects(vm, vm.reader(BUDGET / (threads + 1)), allocations, lines),
                out,
                done -> progress.accept(vm.pages().totalSlots() * done / pages));
        long objects = 0;
        long bytes = json.bytes();
        long damaged = 0;
        Counts sizes = new Counts();
        Counts references = new Counts();
        List<Long> addresses = new ArrayList<>();
        List<String> holes = new ArrayList<>(roots.holes());
        for (Objects part : written) {
            objects += part.objects;
            bytes += part.json.bytes();
            damaged += part.damaged;
            sizes.add(part.lines.unknownSizes());
            references.add(part.lines.unknownReferences());
            addresses.addAll(part.damagedAddresses);
            holes.addAll(part.slot.holes());
        }
        return new Summary(
                objects,
                bytes,
                sizes.asMap(),
                references.asMap(),
                damaged,
                addresses.stream().sorted().limit(MOST_ADDRESSES).toList(),
                List.copyOf(holes));
    }

    /** Writes the lines of objects, for one thread. */
    private static final class Objects implements PageBatches.Writer {
        private final SlotCursor slot;
        private final SlotLines lines;
        private final JsonLines json;
        private final List<Long> damagedAddresses = new ArrayList<>();
        private long objects;
        private long damaged;

        private Objects(RubyVm vm, ObjectReader reader, Allocations allocations, OutputStream out) {
            json = new JsonLines(out);
            slot = vm.slots(reader);
            lines = new SlotLines(slot, reader, allocations == null ? null : allocations.with(reader), json);
        }

        @Override
        public void write(int first, int end) {
            slot.within(first, end);
            while (slot.next()) {
                SlotState state = slot.state();
                if (state == SlotState.LIVE || state == SlotState.ZOMBIE) {
                    objects++;
                    if (!lines.write() && ++damaged <= MOST_ADDRESSES) {
                        damagedAddresses.add(slot.address());
                    }
                }
            }
            json.flush();
        }
    }
}
