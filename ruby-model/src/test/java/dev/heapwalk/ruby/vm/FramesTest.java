// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.object.SpecialConstants;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Frames and local variables against what {@code Thread#backtrace_locations} and {@code Binding#local_variable_get}
 * say.
 */
class FramesTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern LEFT_OUT = Pattern.compile("(\\d+) of (\\d+) frames are left out, the outermost");

    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void framesAreThoseThatRubyTells(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "frames").start()) {
            List<JsonNode> told = new ArrayList<>();
            for (String line : Files.readAllLines(process.askForFile("frames"))) {
                told.add(JSON.readTree(line));
            }
            assertThat(told).hasSizeGreaterThan(30);
            try (Target target = Target.attach(process.pid())) {
                check(RubyVm.locate(target), told, ruby);
                check(RubyVm.locate(target, RubyVm.Symbols.IGNORE), told, ruby);
            }
            try (Target target = Target.observe(process.pid())) {
                check(RubyVm.locate(target), told, ruby);
            }
            // Around guard pages that madvise made, as glibc does since 2.42, gdb leaves a megabyte of zeros in a core.
            if (ruby.release().isPresent()) {
                try (Target target = Target.core(Cores.gcore(process, folder), ruby.root())) {
                    check(RubyVm.locate(target), told, ruby);
                    check(RubyVm.locate(target, RubyVm.Symbols.IGNORE), told, ruby);
                }
            }
        }
    }

    /** Of a recursion that went very deep the innermost frames are read, and the others are counted. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void leavesTheOutermostOfVeryManyOut(Ruby ruby) throws Exception {
        int most = 1 << 20;
        try (RubyProcess process = RubyProcess.of(ruby, "deep")
                .env("RUBY_THREAD_VM_STACK_SIZE", Integer.toString(256 << 20))
                .argument(most + 50_000)
                .start()) {
            int theirs = Integer.parseInt(process.ask("frames").getFirst());
            assertThat(theirs).isGreaterThan(most + 50_000);
            try (Target target = Target.attach(process.pid())) {
                Interpreter interpreter = new Interpreter(RubyVm.locate(target).reader());
                long context = new RubyThreads(interpreter).main().context();
                Frames frames = interpreter.frames().over(context);
                assertThat(frames.count()).isEqualTo(most);
                Matcher note = LEFT_OUT.matcher(frames.note());
                assertThat(note.matches()).as(frames.note()).isTrue();
                assertThat(Integer.parseInt(note.group(2)) - Integer.parseInt(note.group(1)))
                        .isEqualTo(most);
                // The command itself has a few more than what waits for one.
                assertThat(Integer.parseInt(note.group(2))).isBetween(theirs - 10, theirs + 10);
                int recursive = 0;
                while (frames.next()) {
                    recursive += frames.label().orElse("").endsWith("down") ? 1 : 0;
                }
                assertThat(recursive).isBetween(most - 10, most - 1);
                Frames sample = interpreter.frames().sample(context);
                assertThat(sample.count()).isZero();
                assertThat(sample.note()).contains(note.group(2));
            }
        }
    }

    private static void check(RubyVm vm, List<JsonNode> told, Ruby ruby) {
        ObjectReader reader = vm.reader();
        Interpreter interpreter = new Interpreter(reader);
        RubyThreads threads = new RubyThreads(interpreter);
        List<RubyThread> living = threads.living();
        assertThat(threads.notes()).isEmpty();
        Map<Long, RubyThread> bySelf = new HashMap<>();
        living.forEach(thread -> bySelf.put(thread.self(), thread));
        Map<Long, Fiber> fibers = fibers(vm, interpreter, threads);
        SoftAssertions softly = new SoftAssertions();
        int seen = 0;
        for (JsonNode holder : told) {
            long self = Long.decode(holder.get("address").asText());
            String name = holder.get("name").asText();
            long context;
            if (holder.get("kind").asText().equals("thread")) {
                RubyThread thread = bySelf.get(self);
                assertThat(thread).as(name).isNotNull();
                if (holder.get("current").asBoolean()) {
                    softly.assertThat(thread.main()).as(name).isTrue();
                } else {
                    softly.assertThat(thread.name()).hasValue(name);
                    softly.assertThat(thread.status().label())
                            .as(name)
                            .startsWith(holder.get("status").asText());
                    softly.assertThat(thread.procedure()).as(name).isNotZero();
                }
                softly.assertThat(threads.nativeThread(thread))
                        .as("native thread of " + name)
                        .isPresent();
                softly.assertThat(threads.fiberLocals(thread.context()))
                        .extracting(Local::name)
                        .as(name)
                        .contains(Optional.of("holder"));
                context = thread.context();
                seen++;
            } else {
                Fiber fiber = fibers.get(self);
                assertThat(fiber).as(name).isNotNull();
                softly.assertThat(fiber.status()).as(name).isEqualTo(Fiber.Status.SUSPENDED);
                softly.assertThat(interpreter.data(fiber.procedure(), "proc"))
                        .as(name)
                        .isNotZero();
                context = fiber.context();
            }
            compare(softly, name, holder, interpreter.frames().over(context), reader, ruby);
            Frames sample = interpreter.frames().sample(context);
            softly.assertThat(sample.torn()).as("torn frames of " + name).isZero();
            compare(softly, name, holder, sample, reader, ruby);
        }
        softly.assertThat(living).hasSize(seen);
        softly.assertThat(living.stream().filter(RubyThread::main)).hasSize(1);
        softly.assertThat(living.stream()
                        .map(thread ->
                                threads.nativeThread(thread).orElseThrow().tid())
                        .distinct())
                .hasSize(seen);
        softly.assertAll();
    }

    private static Map<Long, Fiber> fibers(RubyVm vm, Interpreter interpreter, RubyThreads threads) {
        Map<Long, Fiber> found = new HashMap<>();
        SlotCursor slot = vm.slots();
        while (slot.next()) {
            long data = slot.type() == RubyType.DATA && slot.state() == SlotState.LIVE
                    ? interpreter.data(slot.address(), "fiber")
                    : 0;
            if (data != 0) {
                long address = slot.address();
                threads.fiber(data).ifPresent(fiber -> found.put(address, fiber));
            }
        }
        return found;
    }

    private static void compare(
            SoftAssertions softly, String name, JsonNode holder, Frames frames, ObjectReader reader, Ruby ruby) {
        softly.assertThat(frames.note()).as(name).isEmpty();
        List<String> ours = new ArrayList<>();
        List<Integer> places = new ArrayList<>();
        for (int i = 0; frames.next(); i++) {
            if (frames.shown()) {
                Frames.Frame taken = frames.frame();
                assertThat(frames)
                        .hasToString("frame %d of %d at 0x%x".formatted(i + 1, frames.count(), taken.address()));
                ours.add(line(
                        taken.path().orElse(null),
                        frames.absolutePath().orElse(null),
                        taken.line(),
                        taken.label().orElse(null)));
                places.add(i);
            }
        }
        List<String> theirs = new ArrayList<>();
        for (JsonNode frame : holder.get("backtrace")) {
            theirs.add(line(
                    text(frame.get("path")),
                    text(frame.get("absolute_path")),
                    frame.get("lineno").asInt(),
                    text(frame.get("label"))));
        }
        if (!holder.get("inside").isNull() && ours.size() == theirs.size() + 1) {
            softly.assertThat(ours.getFirst())
                    .as(name)
                    .endsWith(holder.get("inside").asText());
            ours.removeFirst();
            places.removeFirst();
        }
        softly.assertThat(ours).as("backtrace of " + name + " in " + ruby).isEqualTo(theirs);
        if (!ours.equals(theirs)) {
            return;
        }
        for (JsonNode noted : holder.get("frames")) {
            int place = places.get(places.size() - noted.get("depth").asInt());
            frames.rewind();
            for (int i = 0; i <= place; i++) {
                frames.next();
            }
            String what = "frame " + frames.label().orElse(null) + " of " + name + " in " + ruby;
            softly.assertThat(told(frames.self(), reader)).as("self of " + what).isEqualTo(told(noted.get("receiver")));
            Map<String, String> expected = new LinkedHashMap<>();
            noted.get("locals").forEach(pair -> expected.put(pair.get(0).asText(), told(pair.get(1))));
            Map<String, String> locals = new LinkedHashMap<>();
            for (Local local : frames.locals()) {
                if (noted.get("via").asText().equals("binding")
                        || expected.containsKey(local.name().orElseThrow())) {
                    locals.put(local.name().orElseThrow(), told(local.value(), reader));
                }
            }
            softly.assertThat(locals).as("locals of " + what).isEqualTo(expected);
            if (noted.get("via").asText().equals("binding")) {
                softly.assertThat(List.copyOf(locals.keySet()))
                        .as("order of the locals of " + what)
                        .isEqualTo(List.copyOf(expected.keySet()));
            }
            Map<String, String> arguments = new LinkedHashMap<>();
            for (Argument argument : frames.arguments()) {
                String parameter = argument.parameter().name().orElse("");
                if (expected.containsKey(parameter)) {
                    arguments.put(parameter, told(argument.value(), reader));
                }
            }
            softly.assertThat(expected).as("arguments of " + what).containsAllEntriesOf(arguments);
            boolean walk = frames.iseq()
                    .filter(code -> code.type() == IseqType.METHOD)
                    .flatMap(Iseq::label)
                    .filter("walk"::equals)
                    .isPresent();
            if (walk && expected.containsKey("first")) {
                softly.assertThat(frames.arguments())
                        .extracting(argument -> argument.parameter().kind().label() + " "
                                + argument.parameter().name().orElse("?"))
                        .containsExactly(
                                "req first",
                                "opt second",
                                "rest rest",
                                "req last",
                                "keyreq key",
                                "key other",
                                "keyrest more",
                                "block block");
            }
        }
    }

    /** Of block parameters that the program has not looked at: afterwards it tells where each block came from. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void blocksThatAreNoProcsYet(Ruby ruby) throws Exception {
        String code = "$held = Queue.new\\n"
                + "def hold(name, &block)\\n $held.pop\\n block && block.source_location\\nend\\n"
                + "class Each\\n include Enumerable\\n def each(&block)\\n  $held.pop\\n  yield 1\\n end\\nend\\n"
                + "$blocks = Thread.new { hold('in Ruby') { |x|\\n x } }\\n"
                + "$symbols = Thread.new { hold('symbol', &:upcase) }\\n"
                + "$functions = Thread.new { Each.new.to_a }\\n"
                + "$none = Thread.new { hold('none') }\\n";
        try (RubyProcess process = RubyProcess.of(ruby, "churn").argument(0).start()) {
            process.ask("eval eval(\"" + code + "\", TOPLEVEL_BINDING, 'made_up.rb', 40);"
                    + " sleep 0.01 until [$blocks, $symbols, $functions, $none].all?(&:stop?)");
            List<Long> threads = new ArrayList<>();
            JSON.readTree(process.ask(
                                    "eval JSON.generate([$blocks, $symbols, $functions, $none].map { |t| Target.address(t) })")
                            .getFirst())
                    .forEach(address -> threads.add(Long.decode(address.textValue())));
            String place;
            try (Target target = Target.attach(process.pid())) {
                Interpreter interpreter = new Interpreter(RubyVm.locate(target).reader());
                Argument block = blockOf(interpreter, threads.get(0));
                Argument symbol = blockOf(interpreter, threads.get(1));
                Argument function = blockOf(interpreter, threads.get(2));
                Argument none = blockOf(interpreter, threads.get(3));
                assertThat(block.block().orElseThrow().kind()).isEqualTo(Block.Kind.ISEQ);
                Iseq found =
                        interpreter.iseq(block.block().orElseThrow().code()).orElseThrow();
                place = found.path().orElseThrow() + ":" + found.firstLine();
                assertThat(function.block().orElseThrow().kind()).isEqualTo(Block.Kind.IFUNC);
                assertThat(told(symbol.value(), interpreter.reader())).isEqualTo(":upcase");
                assertThat(told(none.value(), interpreter.reader())).isEqualTo("nil");
                assertThat(List.of(symbol, none))
                        .allMatch(argument -> argument.block().isEmpty());
            }
            JsonNode told = JSON.readTree(process.ask(
                            "eval 4.times { $held << 1 };"
                                    + " JSON.generate([$blocks.value.join(':'), $symbols.value, $functions.value, $none.value])")
                    .getFirst());
            assertThat(place).isEqualTo(told.get(0).textValue()).startsWith("made_up.rb:");
            assertThat(told.get(2).get(0).intValue()).isOne();
            assertThat(told.get(3).isNull()).isTrue();
        }
    }

    /** The last argument of the frame that has one, in the thread of an object. */
    private static Argument blockOf(Interpreter interpreter, long thread) {
        RubyThread found = new RubyThreads(interpreter)
                .living().stream()
                        .filter(one -> one.self() == thread)
                        .findFirst()
                        .orElseThrow();
        Frames frames = interpreter.frames().over(found.context());
        while (frames.next()) {
            List<Argument> arguments = frames.arguments();
            if (!arguments.isEmpty() && arguments.getLast().parameter().kind() == Parameter.Kind.BLOCK) {
                return arguments.getLast();
            }
        }
        throw new AssertionError("no frame of 0x%x has a block parameter".formatted(thread));
    }

    private static String line(String path, String absolutePath, int line, String label) {
        return path + " " + absolutePath + " " + line + " " + label;
    }

    private static String text(JsonNode node) {
        return node == null || node.isNull() ? null : node.asText();
    }

    private static String told(JsonNode reference) {
        JsonNode address = reference.get("address");
        return address.isNull()
                ? new String(HexFormat.of().parseHex(reference.get("inspect").asText()), StandardCharsets.UTF_8)
                : address.asText();
    }

    /** What Ruby's inspect says of a value that is no reference; the address of one that is. */
    private static String told(long value, ObjectReader reader) {
        SpecialConstants constants = reader.constants();
        if (value == 0) {
            return "false";
        } else if (value == constants.nil()) {
            return "nil";
        } else if (value == constants.undef()) {
            return "undef";
        } else if (value == SpecialConstants.TRUE) {
            return "true";
        } else if (SpecialConstants.isFixnum(value)) {
            return Long.toString(value >> 1);
        } else if (SpecialConstants.isFlonum(value)) {
            return Double.toString(SpecialConstants.flonum(value));
        } else if (SpecialConstants.isStaticSymbol(value)) {
            return ":" + reader.symbols().of(value >>> 8).orElseThrow();
        }
        return "0x" + Long.toHexString(value);
    }
}
