// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.testkit.ThisMachine;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;

/**
 * One JVM that runs command lines one after the other, with the packaged jars: starting a JVM for each would take most
 * of the tests' time. Its descriptors 1 and 2 become the files that a command line is to write to, so that the command
 * itself does what it always does. It is no parent of the targets, as the command is not.
 */
final class SharedJvm {
    private static SharedJvm current;

    private final Process process;
    private final DataOutputStream requests;
    private final DataInputStream answers;

    private SharedJvm() throws IOException {
        List<String> line = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "-Xmx512m",
                "-XX:MaxDirectMemorySize=512m",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED"));
        line.addAll(List.of("-cp", classPath(), SharedJvm.class.getName()));
        ProcessBuilder builder = new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().put("LC_ALL", "C.UTF-8");
        process = builder.start();
        requests = new DataOutputStream(process.getOutputStream());
        answers = new DataInputStream(process.getInputStream());
    }

    private static String classPath() throws IOException {
        try {
            Path own = Path.of(SharedJvm.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
            return Jars.all().stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator))
                    + File.pathSeparator
                    + own;
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Runs the command with some arguments. Returns its exit status. */
    static synchronized int run(List<String> arguments, Path out, Path err) throws IOException {
        if (current == null) {
            current = new SharedJvm();
        }
        SharedJvm jvm = current;
        try {
            return jvm.ask(arguments, out, err);
        } catch (IOException | RuntimeException e) {
            current = null;
            jvm.process.destroyForcibly();
            throw e;
        }
    }

    private int ask(List<String> arguments, Path out, Path err) throws IOException {
        requests.writeUTF(out.toString());
        requests.writeUTF(err.toString());
        requests.writeInt(arguments.size());
        for (String argument : arguments) {
            requests.writeUTF(argument);
        }
        requests.flush();
        CompletableFuture<Integer> status = CompletableFuture.supplyAsync(() -> {
            try {
                return answers.readInt();
            } catch (IOException e) {
                throw new UncheckedIOException("the JVM ended that should run " + arguments, e);
            }
        });
        try {
            return status.get(ThisMachine.PATIENCE.toSeconds(), TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new IOException(arguments + " did not end", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException(e);
        }
    }

    /** Runs what it is asked to, until there is nobody who asks. */
    public static void main(String[] none) throws Throwable {
        DataInputStream requests = new DataInputStream(System.in);
        try (OutputStream stream = new FileOutputStream("/proc/self/fd/" + Descriptors.copy(1));
                DataOutputStream answers = new DataOutputStream(stream)) {
            while (true) {
                String out;
                try {
                    out = requests.readUTF();
                } catch (EOFException e) {
                    return;
                }
                Descriptors.become(1, out);
                Descriptors.become(2, requests.readUTF());
                String[] arguments = new String[requests.readInt()];
                for (int i = 0; i < arguments.length; i++) {
                    arguments[i] = requests.readUTF();
                }
                int status = Heapwalk.run(arguments);
                System.out.flush();
                answers.writeInt(status);
                answers.flush();
            }
        }
    }
}
