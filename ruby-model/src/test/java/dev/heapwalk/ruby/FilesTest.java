// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.object.RFile;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FilesTest {
    private static final String MAKE =
            "eval $files = [File.open('/etc/passwd'), File.open('/dev/null', 'w'), File.open('/dev/null', 'r+b'), File.open('/etc/group').tap(&:close), "
                    + "*IO.pipe, $stdin, $stdout, File.allocate]; nil";
    /** The descriptor, how it was opened, and the path where it has one, all as the kernel and Ruby tell them. */
    private static final String TELL = "eval require 'fcntl'; $files.map { |f| closed = (f.closed? rescue true); "
            + "\"#{Target.address(f)} #{closed ? -1 : f.fileno} #{closed ? -1 : f.fcntl(Fcntl::F_GETFL) & Fcntl::O_ACCMODE} "
            + "#{f.path rescue ''}\" }";

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void haveDescriptorsAndPaths(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            process.ask(MAKE);
            Map<Long, String[]> told = new HashMap<>();
            for (String line : process.ask(TELL)) {
                String[] words = line.split(" ");
                told.put(Long.decode(words[0]), words);
            }
            assertThat(told).hasSize(9);
            try (Target target = Target.attach(process.pid())) {
                RubyVm vm = RubyVm.locate(target);
                ObjectReader reader = vm.reader();
                SlotCursor slot = vm.slots(reader);
                int seen = 0;
                while (slot.next()) {
                    String[] words = told.get(slot.address());
                    if (words == null) {
                        continue;
                    }
                    seen++;
                    RFile file = slot.asFile();
                    assertThat(file.descriptor())
                            .as("descriptor of %s", String.join(" ", words))
                            .isEqualTo(Integer.parseInt(words[1]));
                    assertThat(file.closed()).isEqualTo(words[1].equals("-1"));
                    if (words.length > 3) {
                        assertThat(reader.symbols().bytesOfString(file.path()).orElseThrow())
                                .asString(StandardCharsets.UTF_8)
                                .isEqualTo(words[3]);
                    }
                    if (!file.closed()) {
                        int access = Integer.parseInt(words[2]);
                        boolean readable = (file.mode() & RFile.READABLE) != 0;
                        boolean writable = (file.mode() & RFile.WRITABLE) != 0;
                        // O_RDONLY, O_WRONLY, O_RDWR; a program may open less than its descriptor allows.
                        assertThat(readable || writable).isTrue();
                        assertThat(!readable || access != 1)
                                .as("%s is read", words[3 < words.length ? 3 : 1])
                                .isTrue();
                        assertThat(!writable || access != 0)
                                .as("%s is written", words[3 < words.length ? 3 : 1])
                                .isTrue();
                    }
                }
                assertThat(seen).isEqualTo(9);
            }
        }
    }
}
