// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.demo;

import dev.heapwalk.cli.output.AtExit;
import dev.heapwalk.cli.output.Failure;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * A process to try heapwalk on: a child JVM that allocates in a known pattern, or a Ruby or a Python that makes
 * some objects, and that waits until it is ended.
 */
public final class Demo implements AutoCloseable {
    private static final String RUBY_HOLDS = "a shop with 300 books, 20 carts and 3 threads";

    private static final String PYTHON_HOLDS =
            "a shop with 300 books, 20 carts, 4 threads and 5 deliveries that await a van";

    /** A shell between the two JVMs: this one waits for its own children, and would take a child's stop for its end. */
    private static final String BETWEEN = "exec 3<&0; \"$@\" <&3 3<&- & exec <&- 3<&- 2>/dev/null; wait $!";

    private final Process shell;
    private final AtExit atExit;
    private volatile long pid;

    private Demo(Process shell) {
        this.shell = shell;
        this.atExit = new AtExit("end the demo", this::end);
    }

    /** Starts the JVM and waits until it has allocated. */
    public static Demo start() {
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        return start(
                List.of(
                        java,
                        "-Xmx16m",
                        "-XX:+UseSerialGC",
                        "-XX:TieredStopAtLevel=1",
                        "-XX:-UsePerfData",
                        "-Xlog:disable",
                        "-Xlog:all=error,aot*=off,cds*=off:stderr",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        DemoProgram.class.getName()),
                DemoProgram.PATTERN);
    }

    /** Starts a Ruby and waits until it has made its objects. */
    public static Demo ruby() {
        return interpreter("ruby", "Ruby", "ruby", "-e", "demo.rb", RUBY_HOLDS);
    }

    /** Starts a Python and waits until it has made its objects. */
    public static Demo python() {
        return interpreter("python", "Python", "python3", "-c", "demo.py", PYTHON_HOLDS);
    }

    private static Demo interpreter(
            String commands, String language, String program, String option, String script, String holds) {
        String found = onPath(program);
        if (found == null) {
            throw new UncheckedIOException(
                    new IOException(("the demo of the %s commands needs a %s, and there is no %s "
                                    + "on PATH: install one (on Debian: apt install %s), or name a process that runs")
                            .formatted(commands, language, program, program)));
        }
        try (InputStream lines = Demo.class.getResourceAsStream(script)) {
            return start(List.of(found, option, new String(lines.readAllBytes(), StandardCharsets.UTF_8)), holds);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String onPath(String program) {
        String path = System.getenv("PATH");
        for (String folder : path == null ? new String[0] : path.split(":")) {
            Path file = Path.of(folder).resolve(program);
            if (Files.isExecutable(file) && !Files.isDirectory(file)) {
                return file.toString();
            }
        }
        return null;
    }

    private static Demo start(List<String> command, String holds) {
        List<String> line = new ArrayList<>(List.of("sh", "-c", BETWEEN, "sh"));
        line.addAll(command);
        ProcessBuilder builder = new ProcessBuilder(line);
        // Options meant for the reader of the demo are not meant for the demo.
        builder.environment()
                .keySet()
                .removeAll(
                        Set.of("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "RUBYOPT", "PYTHONSTARTUP", "PYTHONINSPECT"));
        builder.redirectError(ProcessBuilder.Redirect.INHERIT);
        try {
            Demo demo = new Demo(builder.start());
            boolean ready = false;
            try {
                ready = demo.ready();
            } finally {
                if (!ready) {
                    demo.close();
                }
            }
            Failure.say("demo: process " + demo.pid() + " holds " + holds);
            return demo;
        } catch (IOException e) {
            throw new UncheckedIOException(new IOException(
                    "can't start the demo process with " + command.getFirst() + ": " + e.getMessage(), e));
        }
    }

    private boolean ready() throws IOException {
        BufferedReader said = new BufferedReader(new InputStreamReader(shell.getInputStream(), StandardCharsets.UTF_8));
        String line = said.readLine();
        if (line == null || !line.startsWith(DemoProgram.READY + " ")) {
            throw new IOException("it said '" + line + "' instead of " + DemoProgram.READY);
        }
        pid = Long.parseLong(line.substring(DemoProgram.READY.length() + 1));
        return true;
    }

    public long pid() {
        return pid;
    }

    private void end() {
        // It ends with its input, and at once if it said who it is.
        if (pid != 0 && shell.isAlive()) {
            ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        }
        try {
            shell.getOutputStream().close();
        } catch (IOException e) {
            // It has ended.
        }
    }

    @Override
    public void close() {
        end();
        try {
            shell.waitFor(5, TimeUnit.SECONDS);
            atExit.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
