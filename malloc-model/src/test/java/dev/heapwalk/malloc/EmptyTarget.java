// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.elf.ElfModule;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.OptionalLong;

/** A target of some machine that has no memory at all. */
record EmptyTarget(Machine machine) implements Target {
    private static final Window.Source NOTHING = new Window.Source() {
        @Override
        public boolean load(long address, long length) {
            return false;
        }

        @Override
        public MemorySegment segment() {
            return MemorySegment.NULL;
        }

        @Override
        public long base() {
            return 0;
        }

        @Override
        public long length() {
            return 0;
        }

        @Override
        public long missing() {
            return 0;
        }
    };

    @Override
    public Mode mode() {
        return Mode.CORE;
    }

    @Override
    public OptionalLong pid() {
        return OptionalLong.empty();
    }

    @Override
    public String description() {
        return "an empty target";
    }

    @Override
    public int pageSize() {
        return 4096;
    }

    @Override
    public AddressSpace memory() {
        return new AddressSpace() {
            @Override
            public Mappings mappings() {
                return new Mappings(List.of());
            }

            @Override
            public void refresh() {}

            @Override
            public long read(long address, MemorySegment destination) {
                return 0;
            }

            @Override
            public void readRanges(
                    long[] addresses, long[] lengths, int count, MemorySegment destination, long[] read) {
                java.util.Arrays.fill(read, 0, count, 0);
            }

            @Override
            public Window window() {
                return new Window(NOTHING);
            }

            @Override
            public Window cache(long budget) {
                return new Window(NOTHING);
            }
        };
    }

    @Override
    public List<ThreadState> threads() {
        return List.of();
    }

    @Override
    public List<ElfModule> modules() {
        return List.of();
    }

    @Override
    public void close() {}
}
