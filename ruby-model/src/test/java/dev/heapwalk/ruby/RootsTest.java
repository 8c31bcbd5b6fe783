// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.gc.Roots;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RootsTest {
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void listsTheRootsThatObjectSpaceLists(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            Map<String, long[]> ours = new LinkedHashMap<>();
            try (Target target = Target.attach(process.pid())) {
                Roots roots = new Roots(RubyVm.locate(target).reader());
                for (RootCategory category : roots.categories()) {
                    if (roots.isDumped(category)) {
                        ours.put(category.label(), references(roots, category));
                    }
                }
                assertThat(roots.missing()).isEmpty();
                assertThat(roots.currentContext()).isNotZero();
            }
            OwnDump theirs = OwnDump.read(process.dumpAll());
            assertThat(ours.keySet()).isEqualTo(theirs.roots().keySet());
            for (Map.Entry<String, long[]> entry : theirs.roots().entrySet()) {
                String category = entry.getKey();
                long[] own = ours.get(category);
                if (category.equals("machine_context")) {
                    // The stack has changed, but not its depths.
                    assertThat(own).as(category).containsAnyOf(entry.getValue());
                    continue;
                }
                // A cache of a call may have come to an end with the command.
                assertThat(LongStream.concat(
                                Arrays.stream(OwnDump.without(own, entry.getValue())),
                                Arrays.stream(OwnDump.without(entry.getValue(), own))))
                        .as(category)
                        .allMatch(one -> theirs.objects().get(one).detail().equals("callcache"));
                assertThat(own).as(category).isNotEmpty();
            }
        }
    }

    private static long[] references(Roots roots, RootCategory category) {
        List<Long> found = new ArrayList<>();
        roots.roots(category, (address, of, label) -> {
            assertThat(of).isEqualTo(category);
            found.add(address);
        });
        return OwnDump.sorted(found.stream().mapToLong(Long::longValue).toArray());
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void tellsGlobalVariablesFinalizersAndWhatRunsAtTheEnd(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            // Answers are read byte by byte.
            String answer = process.ask("eval global_variables.join(' ')").getFirst();
            List<String> names = List.of(
                    new String(answer.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8).split(" "));
            String plain = process.ask("eval Target.address($plain)").getFirst();
            String finalized =
                    process.ask("eval Target.address(KEPT['finalized object'])").getFirst();
            try (Target target = Target.attach(process.pid())) {
                ObjectReader reader = RubyVm.locate(target).reader();
                Roots roots = new Roots(reader);
                Map<String, Roots.Global> globals = roots.globals().stream()
                        .collect(Collectors.toMap(global -> global.name().orElseThrow(), global -> global));
                // Those of the last match, $1 and so on, are of the frame that asked.
                assertThat(globals.keySet().stream().filter(name -> !name.matches("\\$[1-9]")))
                        .containsExactlyInAnyOrderElementsOf(names.stream()
                                .filter(name -> !name.matches("\\$[1-9]"))
                                .toList());
                assertThat("0x%x".formatted(globals.get("$plain").value())).isEqualTo(plain);
                assertThat(globals.get("$other_name").entry())
                        .isEqualTo(globals.get("$plain").entry());
                assertThat(globals.get("$nothing"))
                        .matches(Roots.Global::known)
                        .matches(global -> global.value() == reader.constants().nil());
                assertThat(globals.get("$LOAD_PATH").entry())
                        .isEqualTo(globals.get("$:").entry());
                // Opens what is to be read next, so that its value is known to nobody before.
                assertThat(globals.get("$FILENAME").known()).isFalse();
                assertThat(globals.get("$FILENAME").value()).matches(reader::isSlot);
                assertThat(List.of("$,", "$/", "$0", "$PROGRAM_NAME"))
                        .allMatch(name -> globals.get(name).known());
                assertThat(roots.finalizers())
                        .anyMatch(finalizer ->
                                "0x%x".formatted(finalizer.object()).equals(finalized));
                assertThat(roots.atExit()).hasSize(3).allMatch(reader::isSlot);
                assertThat(roots.registered()).isNotEmpty();
            }
        }
    }
}
