// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.layout.IseqLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.ThreadLayout;
import dev.heapwalk.ruby.layout.VmLayout;
import dev.heapwalk.ruby.vm.field.Fields;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import dev.heapwalk.testkit.ThisMachine;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whatever stands in the structures of the interpreter, reading them ends, and with no other exception than the
 * promised one.
 */
class DamagedFramesTest {
    private static final int ROUNDS = 250;
    private static final int WORDS = 20;

    @TempDir
    Path folder;

    private record Range(long start, int words) {}

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#debian")
    void readsDamagedStructures(Ruby ruby) throws Exception {
        Path core;
        Path root = ruby.root();
        try (RubyProcess process = RubyProcess.of(ruby, "frames").start()) {
            core = Cores.gcore(process, folder);
        }
        try (Target target = Target.core(core, root);
                CoreEditor editor = new CoreEditor(core)) {
            RubyVm vm = RubyVm.locate(target);
            List<Long> objects = new ArrayList<>();
            List<Range> ranges = ranges(vm, objects);
            int whole = read(vm, objects);
            assertThat(whole).isGreaterThan(300);
            int changed = 0;
            for (int round = 0; round < ROUNDS; round++) {
                Random random = new Random(round);
                long[] places = new long[WORDS];
                long[] words = new long[WORDS];
                for (int i = 0; i < WORDS; i++) {
                    Range range = ranges.get(random.nextInt(ranges.size()));
                    places[i] = range.start() + 8L * random.nextInt(range.words());
                    words[i] = editor.word(places[i]);
                    editor.set(places[i], damage(random, words[i], ranges));
                }
                int shown = assertTimeoutPreemptively(ThisMachine.PATIENCE, () -> read(vm, objects), "round " + round);
                changed += shown == whole ? 0 : 1;
                for (int i = WORDS - 1; i >= 0; i--) {
                    editor.set(places[i], words[i]);
                }
            }
            assertThat(changed).isGreaterThan(ROUNDS / 2);
            assertThat(read(vm, objects)).isEqualTo(whole);
        }
    }

    /** Two blocks that each stand in the other one: the label is that which the code has by itself. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#debian")
    void namesBlocksThatStandInEachOther(Ruby ruby) throws Exception {
        Path core;
        try (RubyProcess process = RubyProcess.of(ruby, "frames").start()) {
            core = Cores.gcore(process, folder);
        }
        try (Target target = Target.core(core, ruby.root());
                CoreEditor editor = new CoreEditor(core)) {
            RubyVm vm = RubyVm.locate(target);
            IseqLayout layout = RubyLayout.of(vm.series()).iseq();
            Map<Long, Iseq> blocks = new TreeMap<>();
            Interpreter whole = new Interpreter(vm.reader());
            eachFrame(
                    whole,
                    frames -> frames.iseq()
                            .filter(code -> code.type() == IseqType.BLOCK)
                            .ifPresent(code -> blocks.put(code.address(), code)));
            List<Iseq> all = List.copyOf(blocks.values());
            assertThat(all).hasSizeGreaterThan(3);
            for (int i = 0; i < all.size(); i++) {
                long other = all.get((i ^ 1) % all.size()).address();
                editor.set(all.get(i).body() + layout.parentIseq(), other);
                editor.set(all.get(i).body() + layout.localIseq(), other);
            }
            Set<Long> named = new HashSet<>();
            eachFrame(new Interpreter(vm.reader()), frames -> {
                Iseq code = frames.iseq().orElse(null);
                if (code != null && blocks.containsKey(code.address())) {
                    assertThat(frames.label()).isPresent().isEqualTo(code.label());
                    named.add(code.address());
                }
            });
            assertThat(named).isEqualTo(blocks.keySet());
        }
    }

    private static void eachFrame(Interpreter interpreter, Consumer<Frames> taking) {
        for (RubyThread thread : new RubyThreads(interpreter).living()) {
            Frames frames = interpreter.frames().over(thread.context());
            while (frames.nextShown()) {
                taking.accept(frames);
            }
        }
    }

    private static long damage(Random random, long word, List<Range> ranges) {
        Range other = ranges.get(random.nextInt(ranges.size()));
        return switch (random.nextInt(8)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> random.nextLong();
            case 3 -> word ^ 1L << random.nextInt(64);
            case 4 -> word + 8L * (random.nextInt(9) - 4);
            case 5 -> other.start() + 8L * random.nextInt(other.words());
            case 6 -> random.nextInt();
            default -> word << 1 | 1;
        };
    }

    /** Where the structures are that reading goes through. */
    private static List<Range> ranges(RubyVm vm, List<Long> objects) {
        ObjectReader reader = vm.reader();
        Interpreter interpreter = new Interpreter(reader);
        RubyThreads threads = new RubyThreads(interpreter);
        List<Range> ranges = new ArrayList<>();
        VmLayout vmLayout = RubyLayout.of(vm.series()).vm();
        ThreadLayout layout = RubyLayout.of(vm.series()).thread();
        ranges.add(new Range(
                vm.address() + (vmLayout.livingThreads() < 0 ? vmLayout.ractors() : vmLayout.livingThreads()), 4));
        for (Ractor ractor : threads.ractors()) {
            ranges.add(new Range(ractor.address() + layout.ractorThreads(), 2));
            ranges.add(new Range(ractor.address(), 80));
        }
        for (RubyThread thread : threads.living()) {
            ranges.add(new Range(thread.address(), 60));
            ranges.add(new Range(thread.context(), 20));
            Frames frames = interpreter.frames().over(thread.context());
            while (frames.next()) {
                ranges.add(new Range(frames.address(), 7));
                ranges.add(new Range(frames.ep() - 80, 12));
                frames.iseq().ifPresent(code -> {
                    ranges.add(new Range(code.address(), 4));
                    ranges.add(new Range(code.body(), 32));
                });
                frames.method().ifPresent(method -> {
                    ranges.add(new Range(method.address(), 5));
                    ranges.add(new Range(method.definition(), 6));
                });
            }
        }
        SlotCursor slot = vm.slots();
        while (slot.next()) {
            if (slot.state() == SlotState.LIVE && (slot.type() == RubyType.DATA || slot.type() == RubyType.IMEMO)) {
                objects.add(slot.address());
                for (String type : List.of("proc", "binding", "method", "mutex", "fiber", "enumerator")) {
                    long data = interpreter.data(slot.address(), type);
                    if (data != 0) {
                        ranges.add(new Range(slot.address(), 5));
                        ranges.add(new Range(data, type.equals("fiber") ? 20 : 4));
                    }
                }
            }
        }
        return ranges;
    }

    /** Reads all there is; gives how many frames are shown. */
    private static int read(RubyVm vm, List<Long> objects) {
        Interpreter interpreter = new Interpreter(vm.reader());
        RubyThreads threads = new RubyThreads(interpreter);
        Fields fields = new Fields(interpreter);
        Frames frames = interpreter.frames();
        threads.ractors();
        int shown = 0;
        for (RubyThread thread : threads.living()) {
            threads.nativeThread(thread);
            attempt(threads::fiberLocals, thread.context());
            shown += walk(frames, thread.context());
        }
        for (long object : objects) {
            attempt(interpreter::iseq, object);
            attempt(interpreter::method, object);
            attempt(interpreter::env, object);
            attempt(
                    address -> {
                        Block block = interpreter.proc(address).map(Proc::block).orElse(null);
                        if (block != null && block.ep() != 0) {
                            Environments environments = interpreter.environments();
                            interpreter
                                    .iseq(block.code())
                                    .ifPresentOrElse(
                                            code -> environments.locals(block.ep(), code),
                                            () -> environments.locals(block.ep()));
                            environments.blockHandler(block.ep());
                        }
                    },
                    object);
            attempt(interpreter::binding, object);
            attempt(interpreter::methodObject, object);
            attempt(interpreter::mutex, object);
            attempt(fields::of, object);
            attempt(fields::weakPairs, object);
            attempt(fields::encoding, object);
            attempt(
                    address -> {
                        long data = interpreter.data(address, "fiber");
                        if (data != 0) {
                            threads.fiber(data).ifPresent(fiber -> {
                                walk(frames, fiber.context());
                                threads.thread(fiber.thread());
                            });
                        }
                    },
                    object);
        }
        return shown;
    }

    private static int walk(Frames frames, long context) {
        frames.over(context);
        int shown = 0;
        while (frames.next()) {
            frames.label();
            frames.path();
            frames.absolutePath();
            frames.line();
            frames.method();
            attempt(ignored -> frames.locals(), 0);
            attempt(ignored -> frames.arguments(), 0);
            shown += frames.shown() ? 1 : 0;
        }
        return shown;
    }

    private static void attempt(LongConsumer reading, long address) {
        try {
            reading.accept(address);
        } catch (UnmappedAddressException e) {
            assertThat(e.getMessage()).isNotEmpty();
        }
    }
}
