// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A Redis of a Debian release, which is linked with jemalloc. It listens to a socket of its own in a temporary folder,
 * keeps nothing on disk, and does nothing but what it is asked, and its own housekeeping every tenth of a second. It
 * ends when this is closed, and when the JVM ends.
 */
public final class RedisProcess implements AutoCloseable {
    /** Under this name what checks its files is the server. */
    private static final String SERVER = "redis-server";

    private static final String PROGRAM = "/usr/bin/redis-check-rdb";
    private static final String SOCKET = "socket";
    private static final int PIPELINE = 1000;
    private static final long POLL_MILLIS = 20;

    private final TemporaryFolder folder;
    private final Process process;
    private final Thread hook;
    private final SocketChannel channel;
    private final ByteBuffer in = ByteBuffer.allocate(1 << 16).flip();

    private RedisProcess(TemporaryFolder folder, Process process, Thread hook, SocketChannel channel) {
        this.folder = folder;
        this.process = process;
        this.hook = hook;
        this.channel = channel;
    }

    /**
     * Starts it and waits until it answers.
     *
     * @param release where it runs
     * @return the process; to be closed
     * @throws IOException if it can't be started
     */
    public static RedisProcess start(Release release) throws IOException {
        Path root = release.root(false).orElseThrow();
        TemporaryFolder folder = TemporaryFolder.in(root.resolve("tmp"), "heapwalk-redis");
        String seen = "/" + root.relativize(folder.path());
        Files.createSymbolicLink(folder.path().resolve(SERVER), Path.of(PROGRAM));
        Process process = Grandchild.start(new ProcessBuilder(release.command(
                        false,
                        List.of(
                                seen + "/" + SERVER,
                                "--port",
                                "0",
                                "--unixsocket",
                                seen + "/" + SOCKET,
                                "--save",
                                "",
                                "--appendonly",
                                "no",
                                "--logfile",
                                seen + "/log",
                                "--dir",
                                seen)))
                .redirectErrorStream(true));
        Thread hook = new Thread(process::destroyForcibly);
        Runtime.getRuntime().addShutdownHook(hook);
        long begun = System.nanoTime();
        while (true) {
            try {
                return new RedisProcess(
                        folder,
                        process,
                        hook,
                        SocketChannel.open(
                                UnixDomainSocketAddress.of(folder.path().resolve(SOCKET))));
            } catch (IOException e) {
                if (!process.isAlive() || System.nanoTime() - begun > ThisMachine.PATIENCE.toNanos()) {
                    process.destroyForcibly();
                    folder.close();
                    throw new IOException("redis of " + release.label() + " does not answer", e);
                }
                pause(POLL_MILLIS);
            }
        }
    }

    /**
     * Its process id.
     *
     * @return the id, also seen from this machine
     */
    public long pid() {
        return process.pid();
    }

    /**
     * Lets it do as many commands as there are, some thousand at a time.
     *
     * @param commands each with its arguments, parted by blanks
     * @throws IOException if it is gone, or refuses one
     */
    public void doAll(List<String> commands) throws IOException {
        for (int i = 0; i < commands.size(); i += PIPELINE) {
            List<String> some = commands.subList(i, Math.min(commands.size(), i + PIPELINE));
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            for (String command : some) {
                String[] words = command.split(" ");
                out.writeBytes(("*" + words.length + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
                for (String word : words) {
                    out.writeBytes(
                            ("$" + word.length() + "\r\n" + word + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
                }
            }
            ByteBuffer bytes = ByteBuffer.wrap(out.toByteArray());
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
            for (String command : some) {
                String answer = line();
                if (answer.startsWith("-")) {
                    throw new IOException("redis refuses " + command + ": " + answer);
                }
            }
        }
    }

    /**
     * What it says of its memory. It counts that in its housekeeping, not when it is asked.
     *
     * @param name for example {@code allocator_allocated}
     * @return a number of {@code INFO memory}
     * @throws IOException if it is gone, or has no such number
     */
    public long memory(String name) throws IOException {
        channel.write(ByteBuffer.wrap("INFO memory\r\n".getBytes(StandardCharsets.ISO_8859_1)));
        int left = Integer.parseInt(line().substring(1)) + 2;
        long found = -1;
        while (left > 0) {
            String line = line();
            left -= line.length() + 2;
            if (line.startsWith(name + ":")) {
                found = Long.parseLong(line.substring(name.length() + 1));
            }
        }
        if (found < 0) {
            throw new IOException("redis has no " + name);
        }
        return found;
    }

    private String line() throws IOException {
        StringBuilder line = new StringBuilder();
        while (true) {
            while (in.hasRemaining()) {
                char c = (char) (in.get() & 0xff);
                if (c == '\n') {
                    return line.toString();
                }
                if (c != '\r') {
                    line.append(c);
                }
            }
            in.clear();
            if (channel.read(in) < 0) {
                throw new IOException("redis has ended");
            }
            in.flip();
        }
    }

    private static void pause(long millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** Ends it, at once and however it stands, and removes its files. */
    @Override
    public void close() {
        process.destroyForcibly();
        Runtime.getRuntime().removeShutdownHook(hook);
        try {
            process.waitFor();
            channel.close();
            folder.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } catch (IOException e) {
            throw new UncheckedIOException("could not remove what redis wrote", e);
        }
    }
}
