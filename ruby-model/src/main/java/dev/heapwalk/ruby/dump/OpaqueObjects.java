// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import dev.heapwalk.heap.dump.Counts;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.gc.DataOwners;
import dev.heapwalk.ruby.gc.GuessedReferences;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.RData;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongConsumer;

/**
 * Counts the objects of which something is not known that only a function of a C extension could tell, by the name of
 * their type, and guesses their references. For one thread.
 */
final class OpaqueObjects implements AutoCloseable {
    private final ObjectReader reader;
    private final DataTypes types = new DataTypes();
    private final Counts sizes = new Counts();
    private final Counts references = new Counts();
    private final Counts guessed = new Counts();
    /** Tells whose memory is searched where references are guessed; null if none are. */
    private final DataOwners owners;
    /** What guesses references; null until it is needed. */
    private GuessedReferences guesses;

    /**
     * Prepares to count.
     *
     * @param owners tells whose memory is searched where references are guessed; null if none are
     */
    OpaqueObjects(ObjectReader reader, DataOwners owners) {
        this.reader = reader;
        this.owners = owners;
    }

    /** Counts an object whose size is not known. */
    void addSize(SlotCursor slot) {
        sizes.add(nameOfType(slot));
    }

    /**
     * Counts an object whose references are not known, and gives what they may be, each once and without its class;
     * none where none are guessed.
     *
     * @throws dev.heapwalk.memory.UnmappedAddressException if the object can't be read
     */
    void addReferences(SlotCursor slot, LongConsumer to) {
        String type = nameOfType(slot);
        references.add(type);
        if (owners == null || slot.type() != RubyType.DATA) {
            return;
        }
        if (guesses == null) {
            guesses = new GuessedReferences(reader, reader.vm().allocators(), owners);
        }
        RData data = slot.asData();
        long klass = data.klass();
        long[] count = {0};
        guesses.of(data, (address, kind, label) -> {
            if (address != klass) {
                count[0]++;
                to.accept(address);
            }
        });
        guessed.add(type, count[0]);
    }

    private String nameOfType(SlotCursor slot) {
        return switch (slot.type()) {
            case DATA -> {
                RData data = slot.asData();
                yield types.of(data).orElse(data.typed() ? "(data of a type without a name)" : "(data without a type)");
            }
            case IMEMO -> {
                long flags = slot.asValue().flags();
                yield "imemo " + reader.imemoType(flags).name().toLowerCase(Locale.ROOT);
            }
            default -> slot.type().name();
        };
    }

    /** How many objects have no known size, by the name of their type. */
    Map<String, Long> sizes() {
        return sizes.asMap();
    }

    /** Of how many objects the references are not known, by the name of their type. */
    Map<String, Long> references() {
        return references.asMap();
    }

    /** How many references of these were guessed, by the name of the type of the object that has them. */
    Map<String, Long> guessed() {
        return guessed.asMap();
    }

    /** Frees the buffers. After it nothing can be guessed. */
    @Override
    public void close() {
        if (guesses != null) {
            guesses.close();
        }
    }
}
