// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.graph.root;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfSymbol;
import dev.heapwalk.memory.unwind.FrameCursor;
import dev.heapwalk.memory.unwind.StackEnd;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/** What threads have: registers, stacks, thread-local variables, thread-specific data. */
final class ThreadParts {
    /** {@code struct pthread} and what the C library has beside it are shorter. */
    private static final long CONTROL_BLOCK = 4096;

    /** {@code PTHREAD_KEY_2NDLEVEL_SIZE}: so many keys are in one table. */
    private static final int KEYS = 32;

    /** {@code struct pthread_key_data}: a number, and the value. */
    private static final int KEY_SIZE = 16;

    private static final long TABLE = (long) KEYS * KEY_SIZE;

    private final Target target;
    private final Reader memory;
    private final Claims claims;
    private final Consumer<RootPart> parts;
    private final List<String> missing;

    ThreadParts(Target target, Reader memory, Claims claims, Consumer<RootPart> parts, List<String> missing) {
        this.target = target;
        this.memory = memory;
        this.claims = claims;
        this.parts = parts;
        this.missing = missing;
    }

    void addAll(FrameCursor cursor) {
        List<ThreadState> threads = target.threads();
        List<StackFrames> frames = new ArrayList<>();
        for (ThreadState thread : threads) {
            if (thread.registers().isEmpty()) {
                missing.add(thread + ": its registers are not known, so neither is what they and its stack hold");
            }
            registers(thread);
            variables(thread);
            control(thread);
            frames.add(StackFrames.of(thread, cursor));
        }
        for (int i = 0; i < threads.size(); i++) {
            stack(threads.get(i), frames.get(i));
        }
    }

    private void registers(ThreadState thread) {
        thread.registers()
                .ifPresent(known -> parts.accept(RootPart.of(
                        "registers of " + thread,
                        known.general(),
                        (number, text) -> text.append(known.names().get((int) number)))));
    }

    /** Thread-local variables, static and such as were allocated when the thread first used them. */
    private void variables(ThreadState thread) {
        List<Range> all = new ArrayList<>();
        List<ElfModule> modules = new ArrayList<>();
        List<Range> places = new ArrayList<>();
        for (ElfModule module : target.modules()) {
            Optional<Range> block = module.tlsSize() == 0 ? Optional.empty() : thread.tls(module);
            if (block.isPresent() && places.stream().noneMatch(place -> overlap(place, block.get()))) {
                modules.add(module);
                places.add(block.get());
                // A block that was allocated is a heap's, but what it holds is the thread's.
                claims.take(block.get());
                all.add(block.get());
            }
        }
        if (!all.isEmpty()) {
            parts.accept(RootPart.of("thread-local variables of " + thread, all, (address, text) -> {
                for (int i = 0; i < places.size(); i++) {
                    if (places.get(i).contains(address)) {
                        variable(modules.get(i), address - places.get(i).start(), text);
                    }
                }
            }));
        }
    }

    private static boolean overlap(Range one, Range other) {
        return one.start() < other.end() && other.start() < one.end();
    }

    private static void variable(ElfModule module, long offset, StringBuilder text) {
        Optional<ElfSymbol> symbol = module.symbols()
                .filter(each -> each.threadLocal() && Long.compareUnsigned(offset - each.address(), each.size()) < 0)
                .findFirst();
        if (symbol.isPresent()) {
            text.append(symbol.get().name());
            WordName.offset(offset, symbol.get().address(), text);
        } else {
            text.append(module.path());
            WordName.offset(offset, 0, text);
        }
    }

    /** What the C library has for a thread itself, of which the values of keys are the program's. */
    private void control(ThreadState thread) {
        long pointer = thread.registers().map(Registers::threadPointer).orElse(0L);
        Optional<Mapping> mapping = target.memory().mappings().at(pointer);
        if (pointer <= 0 || mapping.isEmpty()) {
            return;
        }
        boolean above = memory.readLong(pointer, 0) == pointer;
        long start = Math.max(mapping.get().start(), above ? pointer : pointer - CONTROL_BLOCK / 2);
        long end = Math.min(mapping.get().end(), above ? pointer + CONTROL_BLOCK : pointer + KEY_SIZE);
        end = thread.ownStack()
                .filter(own -> own.contains(pointer))
                .map(Range::end)
                .orElse(end);
        keys(thread, start, end);
        List<Range> rest = claims.take(start, end);
        if (!rest.isEmpty()) {
            parts.accept(RootPart.of(
                    "control block of " + thread, rest, (address, text) -> WordName.offset(address, start, text)));
        }
    }

    /** {@code specific_1stblock}, and behind it {@code specific}, the list of tables of which it is the first. */
    private void keys(ThreadState thread, long start, long end) {
        for (long list = start + TABLE; list + TABLE / 2 <= end; list += Long.BYTES) {
            if (memory.readLong(list, 0) == list - TABLE) {
                long first = list - TABLE;
                long tables = list;
                List<Range> words = claims.take(first, tables + (long) KEYS * Long.BYTES);
                if (!words.isEmpty()) {
                    parts.accept(RootPart.of("thread-specific data of " + thread, words, (address, text) -> {
                        if (address < tables) {
                            text.append("key ").append((address - first) / KEY_SIZE);
                        } else {
                            long table = (address - tables) / Long.BYTES;
                            text.append("keys %d to %d".formatted(table * KEYS, table * KEYS + KEYS - 1));
                        }
                    }));
                }
                return;
            }
        }
    }

    private void stack(ThreadState thread, StackFrames frames) {
        List<Range> used = new ArrayList<>();
        Optional<Range> own = ownStack(thread, frames);
        long top = own.map(Range::end).orElse(0L);
        for (Range range : frames.ranges()) {
            if (own.isPresent() && own.get().contains(range.start())) {
                top = Math.min(top, range.start());
            }
            List<Range> parts = claims.take(range);
            // A stack may be a block of a heap: what is on it counts all the same.
            used.addAll(parts.isEmpty() ? List.of(range) : parts);
        }
        if (own.isPresent()) {
            boolean stands = top < own.get().end();
            List<Range> rest = claims.take(own.get());
            if (!stands) {
                // It runs on another one, and where it has left its own is known to the program alone.
                used.addAll(rest);
            }
        }
        if (used.isEmpty()) {
            return;
        }
        if (frames.end() != StackEnd.OUTERMOST) {
            missing.add("%s: its stack is told by frames up to frame %d, and above that by the thread alone, since %s"
                    .formatted(thread, frames.count() - 1, frames.end().reason()));
        }
        parts.accept(RootPart.of("stack of " + thread, used, frames));
    }

    /** The whole of the stack that was made for the thread. */
    private Optional<Range> ownStack(ThreadState thread, StackFrames frames) {
        Optional<Range> own = thread.ownStack();
        if (own.isPresent() || thread.tid() != target.threads().getFirst().tid()) {
            return own;
        }
        return target.memory().mappings().stream()
                .filter(mapping -> mapping.path().equals("[stack]"))
                .map(mapping -> new Range(mapping.start(), mapping.end()))
                .findFirst()
                .or(() -> frames.ranges().isEmpty()
                        ? Optional.empty()
                        : target.memory()
                                .mappings()
                                .at(frames.ranges().getLast().start())
                                .map(mapping -> new Range(mapping.start(), mapping.end())));
    }
}
