// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.gc.ObjectFinder;
import dev.heapwalk.python.object.PyDict;
import dev.heapwalk.python.object.PyList;
import dev.heapwalk.python.usage.PythonHeap;
import dev.heapwalk.ruby.object.HashCursor;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.usage.RubyHeap;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Adds up how full containers are: what they have room for, and what of it they use. For one thread. */
final class ContainerFill implements AutoCloseable {
    /** One that uses no more than a fifth of its room is nearly empty, as Eclipse's Memory Analyzer counts. */
    private static final int NEARLY_EMPTY = 5;

    private final Map<Category, Sum> sums = new HashMap<>();
    private final Optional<OfRuby> ruby;
    private final Optional<OfPython> python;

    private record OfRuby(dev.heapwalk.ruby.ObjectReader reader, RArray array, RHash hash, HashCursor entries) {}

    private record OfPython(ObjectReader reader, ObjectFinder finder, PyList list, PyDict dict) {
        static OfPython of(PythonRuntime runtime) {
            ObjectReader reader = runtime.reader();
            return new OfPython(reader, new ObjectFinder(runtime, reader), new PyList(reader), new PyDict(reader));
        }
    }

    /** Containers of a kind. */
    static final class Sum {
        private final Category use;
        private long count;
        private long nearlyEmpty;
        private long room;
        private long used;

        private Sum(Category use) {
            this.use = use;
        }

        Category use() {
            return use;
        }

        /** How many have a buffer. */
        long count() {
            return count;
        }

        /** How many of these use a fifth of it or less. */
        long nearlyEmpty() {
            return nearlyEmpty;
        }

        /** What their elements have room for, in bytes. */
        long room() {
            return room;
        }

        /** What of it has no element, in bytes. */
        long unused() {
            return room - used;
        }
    }

    ContainerFill(Heaps heaps) {
        ruby = heaps.find(RubyHeap.class).map(heap -> {
            dev.heapwalk.ruby.ObjectReader reader = heap.vm().reader();
            return new OfRuby(reader, new RArray(reader), new RHash(reader), new HashCursor(reader));
        });
        python = heaps.find(PythonHeap.class).map(heap -> OfPython.of(heap.runtime()));
    }

    /** Looks at a block in use. */
    void add(BlockView block, Category use) {
        try {
            if (use.domain().equals(RubyHeap.DOMAIN) && ruby.isPresent()) {
                ofRuby(ruby.get(), block.address(), use);
            } else if (use.domain().equals(PythonHeap.DOMAIN) && python.isPresent()) {
                ofPython(python.get(), block.address(), use);
            }
        } catch (UnmappedAddressException e) {
            // Damaged, or the process runs on.
        }
    }

    private void ofRuby(OfRuby ruby, long address, Category use) {
        switch (use.detail()) {
            case "T_ARRAY" -> {
                RArray array = ruby.array;
                if (ruby.reader.find(address, array)
                        && !array.embedded()
                        && !array.sharedFlag()
                        && !array.sharedRoot()) {
                    add(use, array.capacity(), array.length(), Long.BYTES);
                }
            }
            case "T_HASH" -> {
                if (ruby.reader.find(address, ruby.hash) && ruby.hash.hasTable()) {
                    HashCursor entries = ruby.entries.over(ruby.hash);
                    add(use, entries.tableRoom(), entries.tableSize(), HashCursor.TABLE_ENTRY);
                }
            }
            default -> {}
        }
    }

    private void ofPython(OfPython python, long block, Category use) {
        boolean isList = use.kind().equals("builtins.list");
        if (!isList && !use.kind().equals("builtins.dict") && !use.kind().equals("instance __dict__")) {
            return;
        }
        OptionalLong object = python.finder.objectIn(block);
        if (object.isEmpty()) {
            return;
        }
        if (isList && python.reader.find(object.getAsLong(), python.list)) {
            add(use, python.list.allocated(), python.list.size(), Long.BYTES);
        } else if (!isList && python.reader.find(object.getAsLong(), python.dict) && python.dict.values() == 0) {
            python.dict.rewind();
            add(use, python.dict.room(), python.dict.used(), python.dict.entryBytes());
        }
    }

    private void add(Category use, long room, long used, int elementBytes) {
        // What contradicts itself is damaged or torn.
        if (room <= 0 || used < 0 || used > room || room > Integer.MAX_VALUE) {
            return;
        }
        Sum sum = sums.computeIfAbsent(use, Sum::new);
        sum.count++;
        sum.nearlyEmpty += used * NEARLY_EMPTY <= room ? 1 : 0;
        sum.room += room * elementBytes;
        sum.used += used * elementBytes;
    }

    /** By what they are used for, those that waste most first. */
    List<Sum> list() {
        return sums.values().stream()
                .sorted(Comparator.comparingLong(Sum::unused).reversed())
                .toList();
    }

    @Override
    public void close() {
        ruby.ifPresent(each -> each.reader.memory().close());
        python.ifPresent(each -> each.reader.close());
    }
}
