// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.raw.Words;
import java.io.BufferedReader;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** A process that called its own functions, told what they returned, and waits. */
final class CodeProcess implements AutoCloseable {
    private static final String READY = "READY";

    private final Process process;
    private final List<String> lines = new ArrayList<>();

    private CodeProcess(Process process) {
        this.process = process;
    }

    static CodeProcess start(List<String> command) throws IOException {
        CodeProcess started = new CodeProcess(
                new ProcessBuilder(command).redirectErrorStream(true).start());
        BufferedReader reader = started.process.inputReader(StandardCharsets.UTF_8);
        for (String line = reader.readLine(); !READY.equals(line); line = reader.readLine()) {
            if (line == null) {
                started.close();
                throw new IOException("ended; it said " + started.lines);
            }
            started.lines.add(line);
        }
        return started;
    }

    /** What it said. */
    List<String> lines() {
        return lines;
    }

    /** The process as a target. It waits, so there is no need to stop it, which the JVM that started it may not. */
    Target target() {
        return Target.observe(process.pid());
    }

    /** Memory as it is given to those who work out functions in it. */
    static CodeMemory memory(Reader reader) {
        return (address, bytes, length) -> {
            long offset = reader.find(address, length);
            if (offset < 0) {
                return false;
            }
            MemorySegment.copy(reader.segment(), Words.BYTE, offset, bytes, 0, length);
            return true;
        };
    }

    @Override
    public void close() {
        process.destroyForcibly();
    }
}
