// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.dump;

import dev.heapwalk.heap.dump.DumpLimit;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.heap.dump.LineBatches;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.python.GcState;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectPlace;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.gc.References;
import dev.heapwalk.text.JsonLines;
import dev.heapwalk.text.TextRules;
import java.io.OutputStream;
import java.util.Arrays;

/**
 * The objects of a heap in batches, in the order of one walk, by one thread after the other; then those that the walk
 * leaves out and a line has referred to, until none is left.
 */
final class ObjectBatches implements LineBatches.Source {
    /** How many objects are a batch. */
    private static final int BATCH = 1 << 12;
    /** The most memory of the target that the threads keep together, in bytes. */
    private static final long BUDGET = 64L << 20;
    /** With fewer batches for each, threads are not worth while. */
    private static final int BATCHES_A_THREAD = 4;
    /** Each thread has one reader for lines and one for references. */
    private static final int READERS = 2;

    private final PythonRuntime runtime;
    private final ObjectCursor cursor;
    private final HeapDump.Progress progress;
    private final ObjectSet walked = new ObjectSet();
    private final int threads;
    private TextRules rules = TextRules.WHOLE;
    private long room = DumpLimit.NONE;

    /** Whether the walk is at its end, and the others are written. */
    private boolean ended;

    private final LongTable seen = new LongTable();
    private long[] others = new long[1 << 8];
    private int otherCount;
    private int nextOther;
    /** The first one of the batch that is written. */
    private int batchOther;

    /**
     * Walks all objects once, to know which addresses are those of objects.
     *
     * @param runtime the runtime
     * @param cursor before the first object
     * @param progress is told how far it is, by one thread at a time
     */
    ObjectBatches(PythonRuntime runtime, ObjectCursor cursor, HeapDump.Progress progress) {
        this.runtime = runtime;
        this.cursor = cursor;
        this.progress = progress;
        while (cursor.next()) {
            walked.add(cursor.address());
            if (walked.size() % BATCH == 0) {
                progress.at(0, walked.size());
            }
        }
        this.threads = LineBatches.threads(walked.size() / (BATCHES_A_THREAD * BATCH));
    }

    /** How many threads are worth while. */
    int threads() {
        return threads;
    }

    /** How many objects the walk has told. */
    long objects() {
        return walked.size();
    }

    /** Goes back before the first object, and writes by some rules from now on. */
    void begin(TextRules some, long bytes) {
        rules = some;
        room = bytes;
        cursor.rewind();
    }

    /** Goes on with the objects that the walk has left out. Returns whether there are any. */
    boolean goOn() {
        ended = true;
        Arrays.sort(others, 0, otherCount);
        return otherCount > 0;
    }

    /** Makes what writes lines in one thread. */
    Lines lines(OutputStream out) {
        return new Lines(out);
    }

    @Override
    public LineBatches.Writer writer(OutputStream lines) {
        return new Batch(new Lines(lines));
    }

    @Override
    public long from(int number) {
        return ended ? otherCount - batchOther : Math.max(0, walked.size() - (long) number * BATCH);
    }

    @Override
    public void done(int number) {
        progress.at(Math.min((long) number * BATCH, walked.size()), walked.size());
    }

    /** Takes the objects over that lines have referred to. */
    private synchronized void take(Listed listed) {
        int before = otherCount;
        LongTable found = new LongTable();
        listed.drainTo(found);
        found.forEach((address, _) -> {
            if (seen.get(address, 0) == 0) {
                seen.put(address, 1);
                if (otherCount == others.length) {
                    others = Arrays.copyOf(others, 2 * otherCount);
                }
                others[otherCount++] = address;
            }
        });
        Arrays.sort(others, before, otherCount);
    }

    /** What writes lines, in one thread. */
    final class Lines implements AutoCloseable {
        final JsonLines json;
        final ObjectReader reader;
        final DumpLine line;
        final ObjectLines objects;
        final ObjectReader ofReferences;
        private final Listed listed;

        private Lines(OutputStream out) {
            long budget = BUDGET / READERS / threads;
            json = new JsonLines(out);
            reader = runtime.reader(budget);
            ofReferences = runtime.reader(budget);
            TypeKeys types = new TypeKeys(reader);
            listed = new Listed(walked, cursor, runtime, reader.memory());
            line = new DumpLine(reader, json, rules, cursor, types, listed);
            objects = new ObjectLines(runtime, reader, new References(runtime, ofReferences), line, types, json, room);
        }

        /** Has the objects written later that lines have referred to. */
        void take() {
            ObjectBatches.this.take(listed);
        }

        @Override
        public void close() {
            take();
            objects.close();
            ofReferences.close();
        }
    }

    /** The objects that a thread has taken. */
    private final class Batch implements LineBatches.Writer, ObjectLines.Told {
        private final Lines lines;
        private final long[] addresses = new long[BATCH];
        private final int[] types = new int[BATCH];
        private final long[] sizes = new long[BATCH];
        private final long[] counts = new long[BATCH];
        private final boolean[] immortal = new boolean[BATCH];
        private final boolean[] variable = new boolean[BATCH];
        private final GcState[] states = new GcState[BATCH];
        private int count;
        private int at;

        private Batch(Lines lines) {
            this.lines = lines;
        }

        @Override
        public boolean take(int number) {
            count = 0;
            if (ended) {
                batchOther = nextOther;
                while (count < BATCH && nextOther < otherCount) {
                    if (cursor.find(others[nextOther++])) {
                        add();
                    }
                }
            } else {
                while (count < BATCH && cursor.next()) {
                    add();
                }
            }
            return count > 0;
        }

        private void add() {
            addresses[count] = cursor.address();
            types[count] = cursor.typeNumber();
            sizes[count] = cursor.size();
            counts[count] = cursor.refcnt();
            immortal[count] = cursor.immortal();
            variable[count] = cursor.place() == ObjectPlace.MODULE;
            states[count] = cursor.gcState();
            count++;
        }

        @Override
        public void write() {
            try {
                for (at = 0; at < count; at++) {
                    lines.objects.write(this);
                }
            } finally {
                lines.json.flush();
            }
            if (ended) {
                lines.take();
            }
        }

        @Override
        public long address() {
            return addresses[at];
        }

        @Override
        public long type() {
            return cursor.typeAt(types[at]);
        }

        @Override
        public int typeNumber() {
            return types[at];
        }

        @Override
        public long size() {
            return sizes[at];
        }

        @Override
        public long refcnt() {
            return counts[at];
        }

        @Override
        public boolean immortal() {
            return immortal[at];
        }

        @Override
        public GcState gcState() {
            return states[at];
        }

        @Override
        public boolean variable() {
            return variable[at];
        }

        @Override
        public long objects() {
            return lines.objects.objects();
        }

        @Override
        public DumpSummary summary() {
            return lines.objects.summary();
        }

        @Override
        public void close() {
            lines.close();
        }
    }
}
