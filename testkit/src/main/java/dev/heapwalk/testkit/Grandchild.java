// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;

/**
 * A process with a shell between it and this JVM, so that this JVM can stop it: the JDK waits for its own children, and
 * would take a child's stop for its end.
 */
public final class Grandchild extends Process {
    // The second shell tells the id and then becomes the program.
    private static final String BETWEEN = "exec 3<&0; \"$@\" <&3 3<&- & exec <&- 3<&- 2>/dev/null; wait $!; exit $?";
    private static final String BEFORE = "echo $$; exec \"$@\"";

    private final Process shell;
    private final long pid;

    private Grandchild(Process shell, long pid) {
        this.shell = shell;
        this.pid = pid;
    }

    /**
     * Starts a process.
     *
     * @param builder its command and what belongs to it; its output must be a pipe
     * @return the process; its id is that of the program
     * @throws IOException if it can't be started
     */
    public static Grandchild start(ProcessBuilder builder) throws IOException {
        List<String> command = new ArrayList<>(List.of("sh", "-c", BETWEEN, "sh", "sh", "-c", BEFORE, "sh"));
        command.addAll(builder.command());
        Process shell = builder.command(command).start();
        StringBuilder line = new StringBuilder();
        // Byte by byte: what follows belongs to the program.
        for (int c = shell.getInputStream().read();
                c != '\n';
                c = shell.getInputStream().read()) {
            if (c < 0) {
                throw new IOException(command + " ended at once");
            }
            line.append((char) c);
        }
        return new Grandchild(shell, Long.parseLong(line.toString()));
    }

    @Override
    public long pid() {
        return pid;
    }

    @Override
    public OutputStream getOutputStream() {
        return shell.getOutputStream();
    }

    @Override
    public InputStream getInputStream() {
        return shell.getInputStream();
    }

    @Override
    public InputStream getErrorStream() {
        return shell.getErrorStream();
    }

    @Override
    public int waitFor() throws InterruptedException {
        return shell.waitFor();
    }

    @Override
    public int exitValue() {
        return shell.exitValue();
    }

    @Override
    public boolean isAlive() {
        return shell.isAlive();
    }

    @Override
    public ProcessHandle toHandle() {
        return ProcessHandle.of(pid).orElseThrow();
    }

    @Override
    public void destroy() {
        if (shell.isAlive()) {
            ProcessHandle.of(pid).ifPresent(ProcessHandle::destroy);
        }
    }

    @Override
    public Process destroyForcibly() {
        if (shell.isAlive()) {
            ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        }
        return this;
    }
}
