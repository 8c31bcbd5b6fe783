// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.gc.References;
import dev.heapwalk.ruby.name.StringDecoder;
import dev.heapwalk.ruby.object.ConstantCursor;
import dev.heapwalk.ruby.object.HashCursor;
import dev.heapwalk.ruby.object.IvarCursor;
import dev.heapwalk.ruby.object.MethodCursor;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RBignum;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.object.RComplex;
import dev.heapwalk.ruby.object.RFile;
import dev.heapwalk.ruby.object.RFloat;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.object.RMatch;
import dev.heapwalk.ruby.object.RObject;
import dev.heapwalk.ruby.object.RRational;
import dev.heapwalk.ruby.object.RRegexp;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RStruct;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import dev.heapwalk.testkit.ThisMachine;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Damages the objects of a core, and what they point to, a word at a time. Whatever is read of them then ends, in a
 * bounded answer or in an {@link UnmappedAddressException}.
 */
class DamageTest {
    private static final int EACH_TYPE = 25;
    private static final int SHAPES = 40;
    private static final int TIMES = 4;
    /** No structure of a small process has so many parts, unless memory is taken for one that is not. */
    private static final long MOST_STEPS = 20_000_000;

    @TempDir
    Path folder;

    private long steps;
    private int unreadable;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void endsInABoundedAnswer(Ruby ruby) throws Exception {
        Path core;
        try (RubyProcess process = RubyProcess.of(ruby, "values").start()) {
            core = Cores.gcore(process, folder);
        }
        try (Target target = Target.core(core, ruby.root());
                CoreEditor editor = new CoreEditor(core)) {
            RubyVm vm = RubyVm.locate(target, RubyVm.Symbols.IGNORE);
            List<Long> objects = sample(vm);
            // By word, the object that it belongs to.
            Map<Long, Long> words = new LinkedHashMap<>();
            for (long object : objects) {
                for (int word = 0; word < 5; word++) {
                    words.putIfAbsent(object + 8 * word, object);
                    pointed(target, vm, object, editor.word(object + 8 * word), words);
                }
            }
            for (int shape = 0; shape < Math.min(SHAPES, vm.shapeCount()); shape++) {
                for (int word = 0; word < vm.layout().shape().size() / 8; word++) {
                    words.put(
                            vm.shapeList() + (long) vm.layout().shape().size() * shape + 8 * word, objects.get(shape));
                }
            }
            damage(vm, editor, objects, words);
        }
    }

    /** Some objects of each type, those of the table among them. */
    private static List<Long> sample(RubyVm vm) {
        Map<RubyType, List<Long>> byType = new EnumMap<>(RubyType.class);
        SlotCursor slot = vm.slots();
        while (slot.next()) {
            if (slot.state() == SlotState.LIVE) {
                byType.computeIfAbsent(slot.type(), type -> new ArrayList<>()).add(slot.address());
            }
        }
        List<Long> objects = new ArrayList<>();
        byType.forEach((type, all) -> {
            for (int i = 0; i < Math.min(EACH_TYPE, all.size()); i++) {
                objects.add(all.get((int) ((long) i * all.size() / Math.min(EACH_TYPE, all.size()))));
            }
        });
        return objects;
    }

    /** The first words of what a word points to, if that is no object. */
    private static void pointed(Target target, RubyVm vm, long object, long pointer, Map<Long, Long> words) {
        if ((pointer & 7) == 0
                && target.memory().mappings().writable(pointer, 64)
                && vm.pages().at(pointer) < 0) {
            for (int word = 0; word < 8; word++) {
                words.putIfAbsent(pointer + 8 * word, object);
            }
        }
    }

    private void damage(RubyVm vm, CoreEditor editor, List<Long> objects, Map<Long, Long> words) {
        Random random = new Random(1);
        long[] garbage = {
            0,
            1,
            -1,
            8,
            0x18,
            0xffff_ffffL,
            0x7fff_ffffL,
            -1L << 31,
            Long.MAX_VALUE,
            Long.MIN_VALUE,
            1L << 40,
            1L << 61,
            0x7fff_ffff_f000L,
            objects.getFirst(),
            objects.getFirst() + 4,
            vm.address(),
            vm.pages().start(0),
            0x4141_4141_4141_4141L
        };
        int damaged = 0;
        for (Map.Entry<Long, Long> entry : words.entrySet()) {
            long word = entry.getKey();
            long whole;
            try {
                whole = editor.word(word);
            } catch (IllegalArgumentException e) {
                continue;
            }
            for (int i = 0; i < TIMES; i++) {
                long value = switch (i % 4) {
                    case 0 -> garbage[random.nextInt(garbage.length)];
                    // A flag, or a little more or less.
                    case 1 -> whole ^ 1L << random.nextInt(64);
                    case 2 -> whole + (random.nextInt(16) - 8);
                    default -> objects.get(random.nextInt(objects.size()));
                };
                editor.set(word, value);
                // What the damaged word belongs to, and others, which may come to it.
                ObjectReader reader = vm.reader();
                assertThat(reader.memory().readLong(word)).isEqualTo(value);
                read(reader, entry.getValue(), word, value);
                int from = random.nextInt(objects.size());
                for (int other = 0; other < 6; other++) {
                    read(reader, objects.get((from + other * 37) % objects.size()), word, value);
                }
                damaged++;
            }
            editor.set(word, whole);
        }
        assertThat(damaged).isGreaterThan(5_000);
        assertThat(unreadable).isGreaterThan(damaged / 50);
    }

    private void read(ObjectReader reader, long address, long word, long value) {
        steps = 0;
        long begun = System.nanoTime();
        try {
            all(reader, address);
        } catch (UnmappedAddressException e) {
            unreadable++;
        } catch (RuntimeException | Error e) {
            throw new AssertionError("0x%x with 0x%x at 0x%x".formatted(address, value, word), e);
        }
        long took = System.nanoTime() - begun;
        if (took > ThisMachine.PATIENCE.toNanos()) {
            fail("0x%x with 0x%x at 0x%x took %d s", address, value, word, took / 1_000_000_000);
        }
    }

    private void step() {
        if (++steps > MOST_STEPS) {
            throw new AssertionError("more than " + MOST_STEPS + " parts");
        }
    }

    /** Everything that can be read of an object; each part even where another can't be. */
    private void all(ObjectReader reader, long address) {
        RValue object = reader.at(address);
        RubyType type = object.type();
        reader.classNames().bytesOf(object.klass());
        reader.classNames()
                .bytesOf(reader.classNames().realClass(reader.at(address).klass()));
        each(
                () -> {
                    IvarCursor ivar = new IvarCursor(reader).over(address);
                    while (ivar.next()) {
                        ivar.name();
                        step();
                    }
                },
                () -> {
                    StringBuilder names = new StringBuilder();
                    new References(reader).edges(address, (reference, kind, label) -> {
                        names.setLength(0);
                        label.appendTo(names);
                        step();
                    });
                },
                () -> contents(reader, address, type));
    }

    private static void each(Runnable... parts) {
        UnmappedAddressException unmapped = null;
        for (Runnable part : parts) {
            try {
                part.run();
            } catch (UnmappedAddressException e) {
                unmapped = e;
            }
        }
        if (unmapped != null) {
            throw unmapped;
        }
    }

    private void contents(ObjectReader reader, long address, RubyType type) {
        switch (type) {
            case STRING -> {
                StringDecoder strings = new StringDecoder(reader);
                RString string = reader.at(address, new RString(reader));
                each(() -> strings.text(string, 1000), () -> strings.validity(reader.at(address, string)));
            }
            case SYMBOL -> reader.symbols().bytesOfSymbol(address);
            case ARRAY -> {
                RArray array = reader.at(address, new RArray(reader));
                for (long i = 0; i < Math.min(array.length(), 1000); i++) {
                    array.element(i);
                }
            }
            case HASH -> {
                HashCursor entry = new HashCursor(reader).over(reader.at(address, new RHash(reader)));
                while (entry.next()) {
                    step();
                }
            }
            case STRUCT -> {
                RStruct struct = reader.at(address, new RStruct(reader));
                reader.structMembers().name(struct.klass(), 0);
                reader.classNames().descends(struct.klass(), "Range");
                for (long i = 0; i < Math.min(struct.length(), 1000); i++) {
                    struct.member(i);
                }
            }
            case BIGNUM -> reader.at(address, new RBignum(reader)).text();
            case FLOAT -> reader.at(address, new RFloat(reader)).value();
            case RATIONAL -> reader.at(address, new RRational(reader)).denominator();
            case COMPLEX -> reader.at(address, new RComplex(reader)).imaginary();
            case REGEXP -> {
                RRegexp regexp = reader.at(address, new RRegexp(reader));
                reader.symbols().bytesOfString(regexp.source());
                regexp.options();
            }
            case MATCH -> {
                RMatch match = reader.at(address, new RMatch(reader));
                for (int i = 0; i < match.groups(); i++) {
                    match.begin(i);
                    match.end(i);
                    step();
                }
            }
            case FILE -> {
                RFile file = reader.at(address, new RFile(reader));
                reader.symbols().bytesOfString(file.path());
                file.mode();
                file.closed();
            }
            case CLASS, MODULE, ICLASS ->
                each(
                        () -> {
                            ConstantCursor constant = new ConstantCursor(reader).over(address);
                            while (constant.next()) {
                                constant.name();
                                step();
                            }
                        },
                        () -> {
                            MethodCursor method = new MethodCursor(reader).over(address);
                            while (method.next()) {
                                method.name();
                                step();
                            }
                        },
                        () -> reader.classNames()
                                .bytesOf(reader.at(address, new RClass(reader)).superclass()),
                        () -> reader.at(address, new RClass(reader)).attachedObject(),
                        () -> reader.at(address, new RClass(reader)).includer(),
                        () -> reader.at(address, new RClass(reader)).permanentName());
            case OBJECT -> reader.at(address, new RObject(reader)).tooComplex();
            default -> {}
        }
    }
}
