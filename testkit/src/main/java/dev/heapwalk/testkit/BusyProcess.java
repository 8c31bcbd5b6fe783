// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A process that allocates and frees without pause, and keeps a table of what is live, which whoever stops it reads:
 * rows of an address, 0 where there is no block, and the size that was asked for. A block is allocated before it is in
 * the table, and is taken out before it is freed; so what is in the table is a block at every moment.
 *
 * <p>Its first argument is {@code small} for blocks below 4 KiB, {@code trim} for those with which the heap grows and
 * shrinks all the time, {@code large} for such with mappings of their own; the second one says how many threads do the
 * same beside the first one, -1 for one that waits; a third one {@code child} has it all done in a child, and {@code
 * damaged} has a block overwritten that is kept. With {@code handler} a signal handler interrupts malloc all the time,
 * with {@code altstack} two do so, one in the other, on a stack of their own, and with {@code stuck} one never returns.
 */
public final class BusyProcess implements AutoCloseable {
    /** The bytes of a row. */
    public static final int ROW = 16;

    /** How many rows, the first ones, are of blocks that are kept. */
    public static final int KEPT = 2000;

    /** The row of the block whose size word is overwritten, if one is. */
    public static final int DAMAGED = 1000;

    private final Grandchild shell;
    private final long pid;
    private final long table;
    private final int rows;

    private BusyProcess(Grandchild shell, String told) {
        String[] words = told.split(" ");
        this.shell = shell;
        this.table = Long.parseUnsignedLong(words[0], 16);
        this.rows = Integer.parseInt(words[1]);
        this.pid = Long.parseLong(words[2]);
    }

    /**
     * Starts one in a release.
     *
     * @param release where it runs
     * @param debugSymbols whether in the copy that has {@code libc6-dbg}
     * @param arguments as above
     * @return the process, which is busy already
     * @throws IOException if it can't be started
     */
    public static BusyProcess start(Release release, boolean debugSymbols, String... arguments) throws IOException {
        List<String> line = new ArrayList<>(List.of(CProgram.portable("busy").install(release, debugSymbols)));
        line.addAll(List.of(arguments));
        return start(release.command(debugSymbols, line));
    }

    /**
     * Starts one that was compiled in some way of its own.
     *
     * @param program the program, made from {@link #source()}
     * @param arguments as above
     * @return the process, which is busy already
     * @throws IOException if it can't be started
     */
    public static BusyProcess start(Path program, String... arguments) throws IOException {
        List<String> line = new ArrayList<>(List.of(program.toString()));
        line.addAll(List.of(arguments));
        return start(line);
    }

    private static BusyProcess start(List<String> line) throws IOException {
        Grandchild shell = Grandchild.start(new ProcessBuilder(line).redirectError(ProcessBuilder.Redirect.INHERIT));
        BufferedReader out = new BufferedReader(new InputStreamReader(shell.getInputStream()));
        String told = out.readLine();
        if (told == null) {
            shell.destroyForcibly();
            throw new IOException(line + " ended at once");
        }
        return new BusyProcess(shell, told);
    }

    /**
     * What it is made from.
     *
     * @return C
     * @throws IOException if it can't be read
     */
    public static String source() throws IOException {
        return CProgram.resource("busy");
    }

    /**
     * The process.
     *
     * @return its id
     */
    public long pid() {
        return pid;
    }

    /**
     * Where the table lies.
     *
     * @return target address
     */
    public long table() {
        return table;
    }

    /**
     * How long it is.
     *
     * @return how many rows of {@link #ROW} bytes it has
     */
    public int rows() {
        return rows;
    }

    /**
     * Whether it has not ended.
     *
     * @return whether it runs
     */
    public boolean isAlive() {
        return ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false);
    }

    @Override
    public void close() {
        ProcessHandle.of(pid).ifPresent(ProcessHandle::destroyForcibly);
        shell.destroyForcibly();
    }
}
