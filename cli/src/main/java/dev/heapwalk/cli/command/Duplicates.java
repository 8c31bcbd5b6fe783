// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.Contents;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Counts texts that are equal, in bounded memory. For one thread. */
final class Duplicates implements AutoCloseable {
    /** So many texts are told from each other; of those that come later only copies of these are counted. */
    private static final int MOST = 1 << 22;

    private static final long SPREAD = 0x9E3779B97F4A7C15L;

    private final Contents contents;
    /** By hash: where a text is that came once, or below 0 the complement of the number of a group. */
    private final LongTable first = new LongTable();

    private final List<Group> groups = new ArrayList<>();
    private final int most;
    private long leftOut;

    /** Texts that are equal. */
    static final class Group {
        private final Category use;
        private final long address;
        private final long length;
        private long copies;
        private long wasted;

        private Group(Category use, long address, long length) {
            this.use = use;
            this.address = address;
            this.length = length;
            this.copies = 1;
        }

        /** What they are used for. */
        Category use() {
            return use;
        }

        /** Target address of the first one. */
        long address() {
            return address;
        }

        /** How long each is, in bytes. */
        long length() {
            return length;
        }

        /** How many there are. */
        long copies() {
            return copies;
        }

        /** What all but one take, in bytes. */
        long wasted() {
            return wasted;
        }
    }

    Duplicates(Target target) {
        this(target, MOST);
    }

    Duplicates(Target target, int most) {
        this.contents = target.memory().contents();
        this.most = most;
    }

    /** Counts a text. */
    void add(BlockText text, Category use) {
        try {
            long hash = contents.hash(text.address(), text.length()) ^ (use.hashCode() * 31L + text.form()) * SPREAD;
            long known = first.get(hash, 0);
            if (known == 0) {
                if (first.size() < most) {
                    first.put(hash, text.address());
                } else {
                    leftOut++;
                }
                return;
            }
            long address = known < 0 ? groups.get((int) ~known).address : known;
            if (!contents.equal(address, text.address(), text.length())
                    || known < 0 && groups.get((int) ~known).length != text.length()) {
                return;
            }
            if (known > 0) {
                groups.add(new Group(use, known, text.length()));
                known = ~(groups.size() - 1L);
                first.put(hash, known);
            }
            Group group = groups.get((int) ~known);
            group.copies++;
            group.wasted += text.cost();
        } catch (UnmappedAddressException e) {
            // The process runs on, and has freed it.
        }
    }

    /** All that there are several of, those that waste most first. */
    List<Group> list() {
        return groups.stream()
                .sorted(Comparator.comparingLong(Group::wasted).reversed())
                .toList();
    }

    /** How many texts were not compared with those before them. */
    long leftOut() {
        return leftOut;
    }

    @Override
    public void close() {
        contents.close();
    }
}
