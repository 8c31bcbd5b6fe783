// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.testkit.CProgram;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A C program that runs. A shell stands between this JVM and the program: the JDK waits for its own children and would take
 * a child's stop for its end.
 */
final class CTarget implements AutoCloseable {
    private static final String SHELL =
            "exec 3<&0; \"$@\" <&3 3<&- & exec 3<&- <&-; echo $! >&2; wait $!; echo exit $? >&2";

    private final Process shell;
    private final BufferedReader out;
    private final BufferedReader err;
    private final BufferedWriter in;
    private final long pid;

    private CTarget(List<String> command) throws IOException {
        List<String> line = new ArrayList<>(List.of("sh", "-c", SHELL, "sh"));
        line.addAll(command);
        shell = new ProcessBuilder(line).start();
        out = new BufferedReader(new InputStreamReader(shell.getInputStream()));
        err = new BufferedReader(new InputStreamReader(shell.getErrorStream()));
        in = new BufferedWriter(new OutputStreamWriter(shell.getOutputStream()));
        pid = Long.parseLong(err.readLine());
    }

    static CTarget run(List<String> command) throws IOException {
        return new CTarget(command);
    }

    static CTarget start(String name, String source, String... arguments) throws IOException {
        Path program = CProgram.compile(name, source);
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(List.of(arguments));
        return new CTarget(command);
    }

    long pid() {
        return pid;
    }

    /** The next line that the program prints. */
    String line() throws IOException {
        String line = out.readLine();
        if (line == null) {
            throw new IOException("the program ended: " + err.readLine());
        }
        return line;
    }

    long hex() throws IOException {
        return Long.parseUnsignedLong(line(), 16);
    }

    void say(String line) throws IOException {
        in.write(line + "\n");
        in.flush();
    }

    /** What the program's exit status was, as the shell tells it; waits for its end. */
    int exit() throws IOException {
        String line;
        while ((line = err.readLine()) != null) {
            if (line.startsWith("exit ")) {
                return Integer.parseInt(line.substring(5));
            }
        }
        throw new IOException("the shell did not tell the exit status");
    }

    @Override
    public void close() throws IOException {
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        in.close();
        try {
            shell.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
