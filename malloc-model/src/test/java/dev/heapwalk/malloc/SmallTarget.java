// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.elf.ElfModule;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.OptionalLong;

/**
 * A target with one mapping whose content a test writes, for versions that no release at hand has. Its windows show all
 * of it; in pieces they show few pages at a time, each time in other memory, and meanwhile something may happen to it.
 */
record SmallTarget(long base, MemorySegment content, List<ThreadState> threads, boolean inPieces, Runnable meanwhile)
        implements Target {
    SmallTarget(long base, MemorySegment content, List<ThreadState> threads) {
        this(base, content, threads, false, () -> {});
    }

    private record Content(long base, MemorySegment content) implements Window.Source {
        @Override
        public boolean load(long address, long length) {
            return address - base >= 0 && address - base <= content.byteSize() - length;
        }

        @Override
        public MemorySegment segment() {
            return content;
        }

        @Override
        public long length() {
            return content.byteSize();
        }

        @Override
        public long missing() {
            return base + content.byteSize();
        }
    }

    private static final class Pieces implements Window.Source {
        private final Content whole;
        private final Runnable meanwhile;
        private MemorySegment piece = MemorySegment.NULL;
        private long start;

        Pieces(Content whole, Runnable meanwhile) {
            this.whole = whole;
            this.meanwhile = meanwhile;
        }

        @Override
        public boolean load(long address, long length) {
            meanwhile.run();
            if (!whole.load(address, length)) {
                piece = MemorySegment.NULL;
                start = 0;
                return false;
            }
            long from = (address - whole.base) & -4096;
            long to = Math.min((address - whole.base + length + 4095) & -4096, whole.length());
            start = whole.base + from;
            piece = Arena.ofAuto().allocate(to - from, 4096).copyFrom(whole.content.asSlice(from, to - from));
            return true;
        }

        @Override
        public MemorySegment segment() {
            return piece;
        }

        @Override
        public long base() {
            return start;
        }

        @Override
        public long length() {
            return piece.byteSize();
        }

        @Override
        public long missing() {
            return whole.missing();
        }
    }

    @Override
    public Mode mode() {
        return Mode.CORE;
    }

    @Override
    public Machine machine() {
        return Machine.X86_64;
    }

    @Override
    public OptionalLong pid() {
        return OptionalLong.empty();
    }

    @Override
    public String description() {
        return "a small target";
    }

    @Override
    public int pageSize() {
        return 4096;
    }

    @Override
    public List<ElfModule> modules() {
        return List.of();
    }

    @Override
    public void close() {}

    @Override
    public AddressSpace memory() {
        return new AddressSpace() {
            @Override
            public Mappings mappings() {
                return new Mappings(
                        List.of(new Mapping(base, base + content.byteSize(), true, true, false, false, 0, "")));
            }

            @Override
            public void refresh() {}

            @Override
            public long read(long address, MemorySegment destination) {
                long from = address - base;
                long length = from < 0 ? 0 : Math.clamp(content.byteSize() - from, 0, destination.byteSize());
                MemorySegment.copy(content, Math.max(from, 0), destination, 0, length);
                return length;
            }

            @Override
            public void readRanges(
                    long[] addresses, long[] lengths, int count, MemorySegment destination, long[] read) {
                long at = 0;
                for (int i = 0; i < count; i++) {
                    read[i] = read(addresses[i], destination.asSlice(at, lengths[i]));
                    at += lengths[i];
                }
            }

            @Override
            public Window window() {
                Content whole = new Content(base, content);
                return new Window(inPieces ? new Pieces(whole, meanwhile) : whole);
            }

            @Override
            public Window cache(long budget) {
                return window();
            }
        };
    }
}
