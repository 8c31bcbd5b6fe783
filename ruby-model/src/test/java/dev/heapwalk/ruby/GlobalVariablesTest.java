// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.gc.Roots;
import dev.heapwalk.ruby.gc.Roots.Global;
import dev.heapwalk.ruby.gc.Roots.Scope;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.SpecialConstants;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GlobalVariablesTest {
    /** Their values are made at each use, by methods that a program may define. */
    private static final Set<String> COMPUTED = Set.of("$@", "$FILENAME");

    private record Value(String address, String inspected) {}

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void tellsTheValueOfEachThatRubyNames(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "globals")
                .option("-W1")
                .option("-l")
                .argument("one")
                .start()) {
            Map<String, Value> theirs = new LinkedHashMap<>();
            for (String line : process.ask("globals")) {
                String[] parts = line.split("\t", -1);
                theirs.put(
                        parts[0],
                        new Value(parts[1], new String(HexFormat.of().parseHex(parts[2]), StandardCharsets.UTF_8)));
            }
            assertThat(theirs).containsKeys("$1", "$2", "$!", "$~", "$stdout", "$LOADED_FEATURES", "$my_match");
            try (Target target = Target.attach(process.pid())) {
                ObjectReader reader = RubyVm.locate(target).reader();
                Map<String, Global> ours = new Roots(reader)
                        .globals().stream()
                                .collect(
                                        Collectors.toMap(global -> global.name().orElseThrow(), global -> global));
                assertThat(new TreeSet<>(ours.keySet())).isEqualTo(new TreeSet<>(theirs.keySet()));
                theirs.forEach((name, value) -> check(reader, ours.get(name), value));
                assertThat(List.of("$!", "$@", "$?", "$my_error"))
                        .allMatch(name -> ours.get(name).scope() == Scope.THREAD);
                assertThat(List.of("$~", "$_", "$&", "$1", "$my_match"))
                        .allMatch(name -> ours.get(name).scope() == Scope.FRAME);
            }
        }
    }

    private static void check(ObjectReader reader, Global ours, Value theirs) {
        String name = ours.name().orElseThrow();
        if (COMPUTED.contains(name)) {
            assertThat(ours.known()).as(name).isFalse();
            assertThat(ours.value()).as(name).matches(reader::isSlot);
        } else if (ours.part().isPresent()) {
            Roots.Part part = ours.part().get();
            byte[] bytes = new byte[(int) (part.end() - part.begin())];
            long from = reader.at(part.string(), new RString(reader)).bytes() + part.begin();
            reader.vm().target().memory().readFully(from, MemorySegment.ofArray(bytes));
            assertThat('"' + new String(bytes, StandardCharsets.UTF_8) + '"')
                    .as(name)
                    .isEqualTo(theirs.inspected());
        } else {
            assertThat(ours.known()).as(name).isTrue();
            if (reader.constants().isReference(ours.value())) {
                assertThat("0x%x".formatted(ours.value())).as(name).isEqualTo(theirs.address());
            } else {
                assertThat(inspected(reader, ours.value())).as(name).isEqualTo(theirs.inspected());
            }
        }
    }

    private static String inspected(ObjectReader reader, long value) {
        if (SpecialConstants.isFixnum(value)) {
            return Long.toString(value >> 1);
        }
        if (SpecialConstants.isFlonum(value)) {
            return Double.toString(SpecialConstants.flonum(value));
        }
        if (SpecialConstants.isStaticSymbol(value)) {
            return ":" + reader.symbols().of(value >>> 8).orElseThrow();
        }
        return value == 0 ? "false" : value == reader.constants().nil() ? "nil" : Boolean.toString(true);
    }
}
