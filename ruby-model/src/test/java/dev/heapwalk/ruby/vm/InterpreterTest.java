// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.object.ImemoType;
import dev.heapwalk.ruby.object.MethodCursor;
import dev.heapwalk.ruby.vm.field.Field;
import dev.heapwalk.ruby.vm.field.Fields;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Objects that stand for code, against what Ruby's own reflection says of them. */
class InterpreterTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Tells the address of each object of a list and of nil for each that has none. */
    private static JsonNode eval(RubyProcess process, String code) throws Exception {
        return JSON.readTree(process.ask("eval (" + code + ").to_json").getFirst());
    }

    private static long address(JsonNode node) {
        return Long.decode(node.asText());
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void objectsThatStandForCode(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "frames").start()) {
            eval(
                    process,
                    "class Told; def bound(a, b = 2, *c, d:, e: 5, **f, &g); end; def self.single; end; attr_reader :attr;"
                            + " def original; end; alias other original; define_method(:made) { |x| x }; private def hidden; end;"
                            + " protected def guarded; end; end; 1");
            eval(process, "$told = Told.new; 1");
            JsonNode procs = eval(
                    process,
                    "$procs = [lambda { |a, (b, c), *d, e: 1| a }, proc { |x, y = 3| y }, :upcase.to_proc,"
                            + " $told.method(:bound).to_proc, [].method(:push).to_proc];"
                            + " $procs.map { |p| [Target.address(p), p.lambda?, p.source_location, p.parameters] }");
            JsonNode bindings = eval(
                    process,
                    "$bindings = [1].map { |one| two = 'two'; $two = two; binding };"
                            + " $bindings.map { |b| [Target.address(b), b.local_variables, Target.address(b.receiver), b.source_location,"
                            + " Target.address($two)] }");
            JsonNode methods = eval(
                    process,
                    "$methods = [$told.method(:bound), Told.method(:single), $told.method(:attr),"
                            + " $told.method(:other), $told.method(:made), $told.method(:hidden), $told.method(:guarded), [].method(:push),"
                            + " Told.instance_method(:bound)]; $methods.map { |m| [Target.address(m), m.name, m.original_name,"
                            + " Target.address(m.owner), m.respond_to?(:receiver) ? Target.address(m.receiver) : nil,"
                            + " m.source_location, m.parameters, m.arity] }");
            JsonNode mutexes = eval(
                    process,
                    "$mutexes = [Mutex.new, Mutex.new]; $mutexes[0].lock;"
                            + " $waiters = 2.times.map { |i| sleep 0.05; Thread.new { $mutexes[0].lock } };"
                            + " sleep 0.05 until $waiters.all?(&:stop?); sleep 0.2;"
                            + " [$mutexes.map { |m| [Target.address(m), m.locked?] }, $waiters.map { |t| Target.address(t) },"
                            + " Target.address(Thread.main)]");
            JsonNode enumerators = eval(
                    process,
                    "$list = [1, 2, 3]; $e = $list.each_slice(2); $e.next;"
                            + " $g = Enumerator.new { |y| y << 1 }; [Target.address($e), Target.address($list), Target.address($g)]");
            JsonNode weak = eval(
                    process,
                    "$map = ObjectSpace::WeakMap.new; $k = %w[a b]; $v = %w[c d];"
                            + " $map[$k[0]] = $v[0]; $map[$k[1]] = $v[1]; [Target.address($map), [$k, $v].transpose.map { |pair|"
                            + " pair.map { |o| Target.address(o) } }]");
            JsonNode encodings =
                    eval(process, "[Encoding::UTF_8, Encoding::Shift_JIS].map { |e| [Target.address(e), e.name] }");
            try (Target target = Target.attach(process.pid())) {
                ObjectReader reader = RubyVm.locate(target).reader();
                Interpreter interpreter = new Interpreter(reader);
                RubyThreads threads = new RubyThreads(interpreter);
                Fields fields = new Fields(interpreter);
                procs.forEach(told -> proc(interpreter, told));
                bindings.forEach(told -> binding(interpreter, told));
                methods.forEach(told -> method(interpreter, told));
                mutexes.get(0)
                        .forEach(told -> assertThat(interpreter
                                        .mutex(address(told.get(0)))
                                        .orElseThrow()
                                        .locked())
                                .isEqualTo(told.get(1).asBoolean()));
                Mutex locked =
                        interpreter.mutex(address(mutexes.get(0).get(0).get(0))).orElseThrow();
                assertThat(threads.thread(locked.thread()).self()).isEqualTo(address(mutexes.get(2)));
                assertThat(locked.waiting())
                        .extracting(thread -> threads.thread(thread).self())
                        .containsExactly(
                                address(mutexes.get(1).get(0)),
                                address(mutexes.get(1).get(1)));
                assertThat(locked.waiting())
                        .allSatisfy(thread -> assertThat(threads.thread(thread).lockingMutex())
                                .isEqualTo(locked.address()));
                assertThat(interpreter
                                .mutex(address(mutexes.get(0).get(1).get(0)))
                                .orElseThrow()
                                .waiting())
                        .isEmpty();

                List<Field> enumerator = fields.of(address(enumerators.get(0)));
                assertThat(enumerator).contains(new Field("obj", Field.Kind.VALUE, address(enumerators.get(1))));
                assertThat(reader.symbols().of(field(enumerator, "meth"))).hasValue("each_slice");
                assertThat(interpreter.data(field(enumerator, "fib"), "fiber")).isNotZero();
                long generator = field(fields.of(address(enumerators.get(2))), "obj");
                assertThat(interpreter
                                .proc(field(fields.of(generator), "proc"))
                                .orElseThrow()
                                .block()
                                .kind())
                        .isEqualTo(Block.Kind.ISEQ);

                assertThat(fields.weakPairs(address(weak.get(0))).orElseThrow()).hasSize(4);
                for (JsonNode pair : weak.get(1)) {
                    List<Long> pairs = fields.weakPairs(address(weak.get(0))).orElseThrow();
                    int at = pairs.indexOf(address(pair.get(0)));
                    assertThat(at).isNotNegative().isEven();
                    assertThat(pairs.get(at + 1)).isEqualTo(address(pair.get(1)));
                }
                encodings.forEach(told -> assertThat(fields.encoding(address(told.get(0))))
                        .hasValue(told.get(1).asText()));

                long any = address(weak.get(0));
                assertThat(interpreter.proc(any)).isEmpty();
                assertThat(interpreter.binding(any)).isEmpty();
                assertThat(interpreter.methodObject(any)).isEmpty();
                assertThat(interpreter.mutex(any)).isEmpty();
                assertThat(interpreter.env(any)).isEmpty();
                assertThat(interpreter.iseq(any)).isEmpty();
                assertThat(interpreter.method(any)).isEmpty();
                assertThat(interpreter.iseq(0)).isEmpty();
                assertThat(interpreter.iseq(any + 4)).isEmpty();
                assertThat(fields.of(any)).isEmpty();
            }
        }
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void ractors(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "churn").argument(0).start()) {
            JsonNode told = ruby.isAtLeast(3, 0)
                    ? eval(
                            process,
                            "$VERBOSE = nil; $ractor = Ractor.new(name: 'other') { Ractor.receive }; sleep 0.5;"
                                    + " [Target.address($ractor), $ractor.inspect[/#(\\d+)/, 1].to_i, Target.address(Ractor.current),"
                                    + " $ractor.inspect[/(\\w+)>\\z/, 1]]")
                    : null;
            try (Target target = Target.attach(process.pid())) {
                Interpreter interpreter = new Interpreter(RubyVm.locate(target).reader());
                RubyThreads threads = new RubyThreads(interpreter);
                List<Ractor> ractors = threads.ractors();
                if (told == null) {
                    assertThat(ractors).isEmpty();
                    assertThat(threads.living()).hasSize(1);
                    return;
                }
                assertThat(ractors)
                        .extracting(Ractor::self)
                        .containsExactlyInAnyOrder(address(told.get(0)), address(told.get(2)));
                Ractor other = ractors.stream()
                        .filter(ractor -> !ractor.main())
                        .findFirst()
                        .orElseThrow();
                assertThat(other.self()).isEqualTo(address(told.get(0)));
                assertThat(other.id()).isEqualTo(told.get(1).asInt());
                assertThat(other.name()).hasValue("other");
                assertThat(other.status().label()).isEqualTo(told.get(3).asText());
                List<RubyThread> living = threads.living();
                assertThat(living).hasSize(2);
                RubyThread thread = living.stream()
                        .filter(candidate -> candidate.ractor() == other.address())
                        .findFirst()
                        .orElseThrow();
                assertThat(thread.main()).isTrue();
                Frames frames = interpreter.frames().over(thread.context());
                assertThat(frames.nextShown()).isTrue();
                assertThat(frames.label().orElseThrow()).endsWith("receive");
                assertThat(frames.note()).isEmpty();
            }
        }
    }

    private static long field(List<Field> fields, String name) {
        return fields.stream()
                .filter(field -> field.name().equals(name))
                .findFirst()
                .orElseThrow()
                .value();
    }

    private static List<String> parameters(Iseq iseq, boolean strict) {
        return iseq.parameters().stream()
                .map(parameter -> {
                    // Nothing must be given to a block that is no lambda.
                    String kind = !strict && parameter.kind() == Parameter.Kind.REQ
                            ? "opt"
                            : parameter.kind().label();
                    return parameter.name().map(name -> kind + " " + name).orElse(kind);
                })
                .toList();
    }

    private static List<String> parameters(JsonNode told) {
        return told.valueStream()
                .map(parameter -> parameter.size() == 1
                        ? parameter.get(0).asText()
                        : parameter.get(0).asText() + " " + parameter.get(1).asText())
                .toList();
    }

    private static void proc(Interpreter interpreter, JsonNode told) {
        Proc proc = interpreter.proc(address(told.get(0))).orElseThrow();
        assertThat(proc.lambda()).isEqualTo(told.get(1).asBoolean());
        if (proc.block().kind() == Block.Kind.ISEQ) {
            Iseq iseq = interpreter.iseq(proc.block().code()).orElseThrow();
            assertThat(iseq.type()).isEqualTo(IseqType.BLOCK);
            assertThat(iseq.path()).hasValue(told.get(2).get(0).asText());
            assertThat(iseq.firstLine()).isEqualTo(told.get(2).get(1).asInt());
            assertThat(parameters(iseq, proc.lambda())).isEqualTo(parameters(told.get(3)));
        } else {
            assertThat(proc.fromMethod() || proc.block().kind() == Block.Kind.SYMBOL)
                    .isTrue();
        }
    }

    private static void binding(Interpreter interpreter, JsonNode told) {
        Binding binding = interpreter.binding(address(told.get(0))).orElseThrow();
        List<Local> locals = interpreter.environments().locals(binding.block().ep());
        assertThat(locals)
                .extracting(local -> local.name().orElseThrow())
                .isEqualTo(told.get(1).valueStream().map(JsonNode::asText).toList())
                .startsWith("one", "two");
        assertThat(locals.get(0).value()).isEqualTo(3);
        assertThat(locals.get(1).value()).isEqualTo(address(told.get(4)));
        assertThat(binding.block().self()).isEqualTo(address(told.get(2)));
        assertThat(binding.path()).hasValue(told.get(3).get(0).asText());
        assertThat(binding.line()).isEqualTo(told.get(3).get(1).asInt());
        Env env = interpreter
                .env(interpreter.environments().object(binding.block().ep()))
                .orElseThrow();
        assertThat(interpreter.iseq(env.iseq()).orElseThrow().localCount()).isEqualTo(2);
        // The variables and four words of the level itself.
        assertThat(env.size()).isEqualTo(2 + 4);
        assertThat(interpreter.reader().memory().readLong(env.values() + 8))
                .isEqualTo(locals.get(1).value());
        assertThat(interpreter.env(env.outer())).isPresent();
    }

    private static void method(Interpreter interpreter, JsonNode told) {
        MethodObject method = interpreter.methodObject(address(told.get(0))).orElseThrow();
        MethodEntry entry = method.method().orElseThrow();
        assertThat(entry.name()).hasValue(told.get(1).asText());
        assertThat(method.owner()).isEqualTo(address(told.get(3)));
        assertThat(method.receiver())
                .isEqualTo(
                        told.get(4).isNull() ? interpreter.reader().constants().undef() : address(told.get(4)));
        MethodEntry defined = entry;
        while (defined.original() != 0) {
            defined = interpreter.method(defined.original()).orElseThrow();
        }
        assertThat(interpreter.reader().symbols().of(defined.originalId()))
                .hasValue(told.get(2).asText());
        switch (told.get(1).asText()) {
            case "attr" -> {
                assertThat(defined.kind()).isEqualTo(MethodCursor.Kind.IVAR);
                assertThat(interpreter.reader().symbols().of(defined.attributeId()))
                        .hasValue("@attr");
            }
            case "made" -> {
                assertThat(defined.kind()).isEqualTo(MethodCursor.Kind.BMETHOD);
                Iseq iseq = interpreter
                        .proc(defined.proc())
                        .flatMap(proc -> interpreter.iseq(proc.block().code()))
                        .orElseThrow();
                assertThat(parameters(iseq, true)).isEqualTo(parameters(told.get(6)));
            }
            case "push" -> {
                assertThat(defined.kind()).isEqualTo(MethodCursor.Kind.CFUNC);
                assertThat(defined.functionArity()).isEqualTo(told.get(7).asInt());
            }
            default -> {
                assertThat(defined.kind()).isEqualTo(MethodCursor.Kind.ISEQ);
                Iseq iseq = interpreter.iseq(defined.iseq()).orElseThrow();
                assertThat(iseq.type()).isEqualTo(IseqType.METHOD);
                assertThat(iseq.firstLine()).isEqualTo(told.get(5).get(1).asInt());
                assertThat(parameters(iseq, true)).isEqualTo(parameters(told.get(6)));
            }
        }
        assertThat(entry.visibility())
                .isEqualTo(
                        switch (told.get(1).asText()) {
                            case "hidden" -> MethodCursor.Visibility.PRIVATE;
                            case "guarded" -> MethodCursor.Visibility.PROTECTED;
                            default -> MethodCursor.Visibility.PUBLIC;
                        });
    }

    /** Whatever the interpreter keeps can be read; what it says of itself leads on to what it should. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void everythingCanBeRead(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            JsonNode count = JSON.readTree(process.ask("count_imemo").getFirst());
            try (Target target = Target.attach(process.pid())) {
                RubyVm vm = RubyVm.locate(target);
                Interpreter interpreter = new Interpreter(vm.reader());
                Fields fields = new Fields(interpreter);
                Map<ImemoType, Integer> seen = new EnumMap<>(ImemoType.class);
                int iseqs = 0;
                SlotCursor slot = vm.slots();
                while (slot.next()) {
                    if (slot.type() != RubyType.IMEMO || slot.state() != SlotState.LIVE) {
                        continue;
                    }
                    ImemoType type = interpreter.reader().imemoType(slot.flags());
                    seen.merge(type, 1, Integer::sum);
                    fields.of(slot.address());
                    if (type == ImemoType.ISEQ) {
                        Iseq iseq = interpreter.iseq(slot.address()).orElseThrow();
                        assertThat(iseq.label()).isPresent();
                        assertThat(iseq.path()).isPresent();
                        assertThat(iseq.local() == iseq.address()
                                        || interpreter.iseq(iseq.local()).isPresent())
                                .isTrue();
                        assertThat(iseq.parent() == 0
                                        || interpreter.iseq(iseq.parent()).isPresent())
                                .isTrue();
                        int last = iseq.line(iseq.encoded() + 8L * iseq.size());
                        assertThat(last).as(iseq.toString()).isBetween(0, 100_000);
                        iseqs++;
                    } else if (type == ImemoType.MENT) {
                        assertThat(interpreter
                                        .method(slot.address())
                                        .orElseThrow()
                                        .name())
                                .isPresent();
                    } else if (type == ImemoType.ENV) {
                        Env env = interpreter.env(slot.address()).orElseThrow();
                        assertThat(interpreter.reader().memory().mapped(env.values(), 8 * env.size()))
                                .isTrue();
                        interpreter.environments().locals(env.ep());
                    }
                }
                assertThat(iseqs).isGreaterThan(500);
                // What the answer needed came and went since.
                assertThat(seen.get(ImemoType.ISEQ))
                        .isCloseTo(count.get("imemo_iseq").asInt(), within(50));
                assertThat(seen.get(ImemoType.MENT))
                        .isCloseTo(count.get("imemo_ment").asInt(), within(50));
            }
        }
    }
}
