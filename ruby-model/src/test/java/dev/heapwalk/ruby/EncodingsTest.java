// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.name.Encodings;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class EncodingsTest {
    private static final String MAKE = "eval $VERBOSE = nil; "
            // Until 3.2 a program can make encodings; more than 127 do not fit in the flags of a String.
            + "40.times { |i| Encoding::UTF_8.replicate(\"MADE-#{i}\") } if Encoding.method_defined?(:replicate); "
            + "$strings = Encoding.list.map { |e| (\"text in \" + e.name).dup.force_encoding(e) }; nil";
    private static final String TELL =
            "eval $strings.map { |s| \"#{Target.address(s)} #{s.encoding.name} #{s.encoding.dummy?}\" }";

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void areNamedAsRubyNamesThem(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask(MAKE);
            Map<Long, String> told = new HashMap<>();
            for (String line : process.ask(TELL)) {
                String[] words = line.split(" ", 2);
                told.put(Long.decode(words[0]), words[1]);
            }
            assertThat(told).hasSizeGreaterThan(ruby.isAtLeast(3, 3) ? 100 : 140);
            try (Target target = Target.attach(process.pid())) {
                RubyVm vm = RubyVm.locate(target);
                ObjectReader reader = vm.reader();
                Encodings encodings = reader.encodings();
                Map<Long, String> actual = new HashMap<>();
                List<Integer> elsewhere = new ArrayList<>();
                SlotCursor slot = vm.slots(reader);
                while (slot.next()) {
                    if (told.containsKey(slot.address())) {
                        RString string = slot.asString();
                        if (string.encodingIndex() == Encodings.ELSEWHERE) {
                            elsewhere.add(encodings.indexOf(string));
                        }
                        int index = encodings.indexOf(string);
                        actual.put(slot.address(), encodings.name(index).orElseThrow() + " " + encodings.dummy(index));
                    }
                }
                assertThat(actual).isEqualTo(told);
                // Those of which there is one more than fit: 127 itself is the first.
                assertThat(elsewhere).hasSize(Math.max(0, told.size() - Encodings.ELSEWHERE));
                assertThat(encodings.name(-1)).isEmpty();
                assertThat(encodings.name(told.size())).isEmpty();
                assertThat(encodings.name(Integer.MAX_VALUE)).isEmpty();
            }
        }
    }
}
