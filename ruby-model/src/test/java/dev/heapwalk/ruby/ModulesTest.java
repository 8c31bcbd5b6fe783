// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.object.ConstantCursor;
import dev.heapwalk.ruby.object.IvarCursor;
import dev.heapwalk.ruby.object.MethodCursor;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every class and module of a process beside what Ruby's own reflection tells. */
class ModulesTest {
    private static final ObjectMapper JACKSON = new ObjectMapper();

    /** What no script of the testkit has: prepended and refined methods, hidden and deprecated constants, odd names. */
    private static final String MAKE = """
            eval
            module Prepended; def both; super; end; def sized; end; end;
            class Odd; prepend Prepended; include Comparable;
            def both; end; protected def kept; end; private def hidden; end; attr_accessor :attribute; define_method(:made) { 1 };
            alias other both; undef_method :dup; alias_method :"with space", :both; public :puts;
            SHOWN = [1]; HIDDEN = 2; private_constant :HIDDEN; OLD = 3; deprecate_constant :OLD; const_set("Gr\\u00f6\\u00dfe", 4.5); NAN = nil;
            autoload :Later, "heapwalk/no/such/file";
            @ivar = "on the class"; instance_variable_set("@gr\\u00f6\\u00dfe", nil); @@cvar = {a: 1}; @@other = 5;
            class << self; def single; end; attr_writer :x; @deep = 1; end; end;
            module Refining; REFINEMENT = refine Odd do; def both; end; def more; end; self; end; end;
            class Grown; 30.times { |i| const_set("C#{i}", i); define_method("m#{i}") {}; instance_variable_set("@i#{i}", i) };
            10.times { |i| remove_const("C#{i * 2}"); remove_method("m#{i * 3}"); remove_instance_variable("@i#{i}") }; end;
            $alone = "alone"; def $alone.lonely; end;
            $anonymous = [Class.new(Odd), Module.new, Class.new { const_set(:Inside, Class.new) }];
            nil""";

    private static final String TELL = """
            eval $VERBOSE = nil;
            $tell = lambda { |v| Target.address(v) || (Symbol === v ? "sym" : v.inspect) };
            $told = ObjectSpace.each_object(Module).map { |m|
            me = lambda { |name, *a| Module.instance_method(name).bind(m).call(*a) };
            {address: Target.address(m), name: me[:name], singleton: me[:singleton_class?],
            superclass: Class === m ? Target.address(Class.instance_method(:superclass).bind(m).call) : nil,
            ancestors: me[:ancestors].map { |a| Target.address(a) },
            constants: me[:constants, false].map { |c| [c, me[:autoload?, c, false] ? nil : ($tell[me[:const_get, c, false]] rescue nil),
            me[:const_source_location, c, false]] },
            public: me[:public_instance_methods, false], protected: me[:protected_instance_methods, false],
            private: me[:private_instance_methods, false],
            written: (me[:public_instance_methods, false] + me[:private_instance_methods, false]).select { |n|
            me[:instance_method, n].source_location rescue nil },
            cvars: me[:class_variables, false].map { |c| [c, $tell[me[:class_variable_get, c]]] },
            ivars: Kernel.instance_method(:instance_variables).bind(m).call.map { |c|
            [c, $tell[Kernel.instance_method(:instance_variable_get).bind(m).call(c)]] }} };
            $told.map(&:to_json)""";

    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void areAsReflectionTells(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask(oneLine(MAKE));
            Map<Long, JsonNode> told = new HashMap<>();
            for (String line : process.ask(oneLine(TELL))) {
                JsonNode module = JACKSON.readTree(line.getBytes(StandardCharsets.ISO_8859_1));
                told.put(Long.decode(module.get("address").textValue()), module);
            }
            assertThat(told).hasSizeGreaterThan(500);
            String refinement = process.ask("eval Target.address(Refining::REFINEMENT) + ' ' + Target.address(Odd)")
                    .getFirst();
            String alone =
                    process.ask("eval Target.address($alone.singleton_class)").getFirst() + " "
                            + process.ask("eval Target.address($alone)").getFirst();
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.attach(process.pid())) {
                check(RubyVm.locate(target), told, alone, refinement);
                check(RubyVm.locate(target, RubyVm.Symbols.IGNORE), told, alone, refinement);
            }
            try (Target target = Target.core(core, ruby.root())) {
                check(RubyVm.locate(target, RubyVm.Symbols.IGNORE), told, alone, refinement);
            }
        }
    }

    private static String oneLine(String text) {
        return text.replace('\n', ' ');
    }

    private static void check(RubyVm vm, Map<Long, JsonNode> told, String alone, String refinement) {
        ObjectReader reader = vm.reader();
        SlotCursor slot = vm.slots(reader);
        Set<Long> seen = new HashSet<>();
        SoftAssertions softly = new SoftAssertions();
        String attached = null;
        String refined = null;
        while (slot.next()) {
            if (slot.type() != RubyType.CLASS && slot.type() != RubyType.MODULE || !told.containsKey(slot.address())) {
                continue;
            }
            seen.add(slot.address());
            if (alone.startsWith("0x%x ".formatted(slot.address()))) {
                attached = "0x%x 0x%x".formatted(slot.address(), slot.asClass().attachedObject());
            }
            if (refinement.startsWith("0x%x ".formatted(slot.address()))) {
                refined = "0x%x 0x%x".formatted(slot.address(), slot.asClass().refinedClass());
            }
            new Comparison(reader, slot.address(), told.get(slot.address()), softly).run(slot.asClass());
        }
        softly.assertThat(seen).isEqualTo(told.keySet());
        softly.assertThat(attached).isEqualTo(alone);
        softly.assertThat(refined).isEqualTo(refinement);
        softly.assertAll();
    }

    /** One module beside what Ruby told of it. */
    private record Comparison(ObjectReader reader, long address, JsonNode told, SoftAssertions softly) {

        private void is(String what, Object actual, Object expected) {
            softly.assertThat(actual)
                    .as("%s of %s at 0x%x", what, told.get("name"), address)
                    .isEqualTo(expected);
        }

        private static String text(byte[] bytes) {
            return new String(bytes, StandardCharsets.UTF_8);
        }

        private static TreeSet<String> set(JsonNode list) {
            TreeSet<String> set = new TreeSet<>();
            list.forEach(element -> set.add(element.textValue()));
            return set;
        }

        private String value(long value) {
            return Inspection.of(reader, value);
        }

        void run(RClass module) {
            is(
                    "name",
                    reader.classNames().of(address).orElse(null),
                    told.get("name").textValue());
            is("singleton", module.singleton(), told.get("singleton").booleanValue());
            if (module.type() == RubyType.CLASS) {
                JsonNode expected = told.get("superclass");
                is(
                        "superclass",
                        module.superclass(),
                        expected.isNull() ? 0L : (long) Long.decode(expected.textValue()));
            }
            ancestors(module);
            constants();
            methods();
            variables();
        }

        /** Each of them once, where its own methods are. */
        private void ancestors(RClass module) {
            List<String> actual = new ArrayList<>();
            // Since 3.1 those of the refined class are left out.
            long refined = module.type() == RubyType.MODULE && reader.series() >= 301 ? module.refinedClass() : 0;
            long owner = address;
            for (long at = address; at != 0 && at != refined; at = module.rawSuperclass()) {
                reader.at(at, module);
                if (module.type() == RubyType.ICLASS) {
                    // An origin is no place of a module, and a copy of a class may share the places of the other's.
                    long includer = reader.at(at, module).includer();
                    if (module.klass() != owner && reader.classNames().of(owner).isPresent()) {
                        is("includer at 0x%x".formatted(at), includer, owner);
                    }
                } else {
                    owner = at;
                }
                if (module.origin() == at) {
                    actual.add("0x%x".formatted(module.type() == RubyType.ICLASS ? module.klass() : at));
                }
            }
            List<String> expected = new ArrayList<>();
            told.get("ancestors").forEach(ancestor -> expected.add(ancestor.textValue()));
            is("ancestors", actual, expected);
        }

        private void constants() {
            Map<String, String> expected = new TreeMap<>();
            Map<String, String> actual = new TreeMap<>();
            told.get("constants").forEach(constant -> {
                JsonNode place = constant.get(2);
                expected.put(constant.get(0).textValue(), constant.get(1).asText() + " " + place(place));
            });
            ConstantCursor constant = new ConstantCursor(reader).over(address);
            while (constant.next()) {
                ConstantCursor.Constant taken = constant.constant();
                String name = taken.name().orElseThrow();
                assertThat(constant).hasToString("constant %d = 0x%x".formatted(constant.serial(), taken.value()));
                // Some constants of Ruby's own have no name that a program could write.
                if (!taken.isPrivate() && Character.isUpperCase(name.codePointAt(0))) {
                    String file = reader.isSlot(constant.file())
                            ? text(reader.symbols()
                                    .bytesOfString(constant.file())
                                    .orElseThrow())
                            : "";
                    actual.put(
                            name,
                            (taken.autoload() ? "null" : value(taken.value())) + " "
                                    + (file.isEmpty() ? "" : file + ":" + taken.line()));
                }
            }
            // What is yet to be loaded has no value; of its place each version tells something else.
            expected.entrySet()
                    .removeIf(entry -> entry.getValue().startsWith("null ") && actual.remove(entry.getKey()) != null);
            is("constants", actual, expected);
        }

        private static String place(JsonNode place) {
            return place != null && place.path(0).isTextual()
                    ? place.get(0).textValue() + ":" + place.get(1).intValue()
                    : "";
        }

        private void methods() {
            Map<MethodCursor.Visibility, TreeSet<String>> actual = new HashMap<>();
            for (MethodCursor.Visibility visibility : MethodCursor.Visibility.values()) {
                actual.put(visibility, new TreeSet<>());
            }
            TreeSet<String> code = new TreeSet<>();
            TreeSet<String> blocks = new TreeSet<>();
            TreeSet<String> attributes = new TreeSet<>();
            TreeSet<String> elsewhere = new TreeSet<>();
            MethodCursor method = new MethodCursor(reader).over(address);
            while (method.next()) {
                if (method.name().isEmpty()) {
                    continue;
                }
                MethodCursor.Method taken = method.method();
                String name = taken.name().orElseThrow();
                assertThat(method.toString()).contains("%s, %s".formatted(method.kind(), method.visibility()));
                switch (taken.kind()) {
                    case UNDEF -> {}
                    // What they stand for is told instead of them.
                    case ZSUPER, REFINED, ALIAS -> elsewhere.add(name);
                    case UNKNOWN -> softly.fail("method %s of 0x%x is of no kind", name, address);
                    case ISEQ -> {
                        if (taken.visibility() != MethodCursor.Visibility.PROTECTED) {
                            code.add(name);
                        }
                    }
                    case BMETHOD -> blocks.add(name);
                    case IVAR, ATTRSET -> attributes.add(name);
                    default -> {}
                }
                if (method.kind() != MethodCursor.Kind.UNDEF) {
                    actual.get(taken.visibility()).add(name);
                }
            }
            for (MethodCursor.Visibility visibility : MethodCursor.Visibility.values()) {
                if (visibility != MethodCursor.Visibility.UNDEFINED) {
                    TreeSet<String> expected = set(told.get(visibility.name().toLowerCase(java.util.Locale.ROOT)));
                    TreeSet<String> own = actual.get(visibility);
                    own.removeAll(elsewhere);
                    expected.removeAll(elsewhere);
                    is(visibility + " methods", own, expected);
                }
            }
            // Attributes have a place too, and a method made of a Symbol has none.
            TreeSet<String> expected = set(told.get("written"));
            expected.removeAll(elsewhere);
            is("methods of code that is in no file", without(code, expected), new TreeSet<>(Set.of()));
            is("methods that have a place", without(expected, code, attributes, blocks), new TreeSet<>(Set.of()));
        }

        @SafeVarargs
        private static TreeSet<String> without(Set<String> set, Set<String>... others) {
            TreeSet<String> left = new TreeSet<>(set);
            for (Set<String> other : others) {
                left.removeAll(other);
            }
            return left;
        }

        private void variables() {
            Map<String, String> expected = new TreeMap<>();
            Map<String, String> actual = new TreeMap<>();
            told.get("cvars")
                    .forEach(pair ->
                            expected.put(pair.get(0).textValue(), pair.get(1).textValue()));
            told.get("ivars")
                    .forEach(pair ->
                            expected.put(pair.get(0).textValue(), pair.get(1).textValue()));
            IvarCursor ivar = new IvarCursor(reader).over(address);
            while (ivar.next()) {
                String name = text(ivar.name().orElseThrow());
                if (name.startsWith("@")) {
                    actual.put(name, value(ivar.value()));
                }
            }
            is("variables", actual, expected);
        }
    }
}
