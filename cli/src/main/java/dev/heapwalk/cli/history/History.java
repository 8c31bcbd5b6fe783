// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.history;

import dev.heapwalk.cli.output.KeptFile;
import dev.heapwalk.cli.output.RefusedException;
import dev.heapwalk.cli.output.Spool;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;
import java.io.BufferedOutputStream;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.CRC32C;
import java.util.zip.CheckedOutputStream;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import java.util.zip.InflaterInputStream;

/**
 * A file of states. It begins with a {@linkplain #MAGIC word} and the number of its format; each state follows with a
 * head of its own, which is written last and has checksums, so that a state is whole or is none, whenever the command
 * that writes it ends. A number is big-endian.
 *
 * <p>The head of a state: {@link #STATE}, then the lengths of the facts and of the blocks in bytes, the CRC-32C of
 * both, and the CRC-32C of these four numbers. The facts: name, time, target, count, bytes. The blocks, deflated: the
 * categories, and then of each block the distance from the end of the one before, its size, and its category.
 */
public final class History implements AutoCloseable {
    /** The name that stands for the target as it is. */
    public static final String CURRENT = "current";

    private static final byte[] MAGIC = "heapwalk history".getBytes(StandardCharsets.US_ASCII);
    private static final int FORMAT = 1;
    private static final int HEAD = MAGIC.length + Integer.BYTES;

    private static final int STATE = 0x53544154;
    private static final int STATE_HEAD = 3 * Integer.BYTES + 2 * Long.BYTES;
    /** No facts are longer, so that a length that is damaged asks for little. */
    private static final int MOST_FACTS = 1 << 16;
    /** How much is searched at once. */
    private static final int SOME = 1 << 16;
    /** A block takes no more bytes than that before it is deflated. */
    private static final int MOST_A_BLOCK = 30;

    private final KeptFile file;
    private final List<State> states = new ArrayList<>();
    /** Where the next state goes: what stands there is none. */
    private long end;

    private long length;
    /** Where something stands that is no whole state, -1 for nowhere. */
    private long damaged = -1;

    private History(KeptFile file) throws IOException {
        this.file = file;
        read();
    }

    /** Opens a file to change it, or makes one. */
    public static History change(Path path) {
        return opened(KeptFile.change(path));
    }

    /** Opens a file to read it; empty if there is none. */
    public static Optional<History> read(Path path) {
        return KeptFile.read(path).map(History::opened);
    }

    private static History opened(KeptFile file) {
        boolean good = false;
        try {
            History history = new History(file);
            good = true;
            return history;
        } catch (IOException e) {
            throw KeptFile.failure("read", file.path(), e);
        } finally {
            if (!good) {
                file.close();
            }
        }
    }

    /** Whether a file is a history, by how it begins. */
    public static boolean is(Path path) {
        try (FileChannel channel = FileChannel.open(path)) {
            return bytes(channel, 0, MAGIC.length).equals(ByteBuffer.wrap(MAGIC));
        } catch (IOException e) {
            return false;
        }
    }

    private static ByteBuffer bytes(FileChannel channel, long position, int length) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(length);
        while (bytes.hasRemaining() && channel.read(bytes, position + bytes.position()) >= 0) {
            // The rest is still to come.
        }
        if (bytes.hasRemaining()) {
            throw new EOFException("it ends too early");
        }
        return bytes.flip();
    }

    private void read() throws IOException {
        FileChannel channel = file.channel();
        length = channel.size();
        if (length < HEAD && isBegun(channel)) {
            return;
        }
        ByteBuffer head = bytes(channel, 0, (int) Math.min(length, HEAD));
        if (length < HEAD || !head.slice(0, MAGIC.length).equals(ByteBuffer.wrap(MAGIC))) {
            throw new RefusedException("%s is no history of heapwalk".formatted(file.path()));
        }
        int format = head.getInt(MAGIC.length);
        if (format > FORMAT) {
            throw new RefusedException("%s was written by a newer heapwalk: it has format %d, and this one knows %d"
                    .formatted(file.path(), format, FORMAT));
        }
        end = HEAD;
        while (length - end >= STATE_HEAD) {
            Optional<State> state = state(channel, end);
            if (state.isEmpty()) {
                damaged = end;
                state = following(channel, end + 1);
            }
            if (state.isEmpty()) {
                break;
            }
            states.add(state.get());
            end = state.get().position() + state.get().length();
        }
        if (length > end) {
            damaged = end;
        }
    }

    /** The next whole state at a position or behind it, where one before it is damaged. */
    private Optional<State> following(FileChannel channel, long position) throws IOException {
        for (long at = position; length - at >= STATE_HEAD; at += SOME - STATE_HEAD) {
            ByteBuffer some = bytes(channel, at, (int) Math.min(SOME, length - at));
            for (int i = 0; i <= some.limit() - STATE_HEAD; i++) {
                if (some.getInt(i) == STATE) {
                    Optional<State> state = state(channel, at + i);
                    if (state.isPresent()) {
                        return state;
                    }
                }
            }
        }
        return Optional.empty();
    }

    /** Whether a file that is shorter than its head is one that was being begun. */
    private boolean isBegun(FileChannel channel) throws IOException {
        ByteBuffer begun = bytes(channel, 0, (int) length);
        ByteBuffer whole = head();
        return begun.equals(whole.slice(0, (int) length));
    }

    private static ByteBuffer head() {
        return ByteBuffer.allocate(HEAD).put(MAGIC).putInt(FORMAT).flip();
    }

    /** What stands at a position; empty if that is no whole state. */
    private Optional<State> state(FileChannel channel, long position) throws IOException {
        ByteBuffer head = bytes(channel, position, STATE_HEAD);
        long facts = head.getLong(4);
        long blocks = head.getLong(12);
        long rest = length - position - STATE_HEAD;
        if (head.getInt(0) != STATE
                || head.getInt(24) != crc(head.slice(0, 24))
                || facts < 0
                || facts > MOST_FACTS
                || blocks < 0
                || blocks > rest - facts
                || head.getInt(20) != crc(channel, position + STATE_HEAD, facts + blocks)) {
            return Optional.empty();
        }
        ByteBuffer told = bytes(channel, position + STATE_HEAD, (int) facts);
        try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(told.array()))) {
            return Optional.of(new State(
                    text(in),
                    in.readLong(),
                    text(in),
                    in.readLong(),
                    in.readLong(),
                    position,
                    STATE_HEAD + facts + blocks));
        }
    }

    private static int crc(ByteBuffer bytes) {
        CRC32C crc = new CRC32C();
        crc.update(bytes);
        return (int) crc.getValue();
    }

    private static int crc(FileChannel channel, long position, long length) throws IOException {
        CRC32C crc = new CRC32C();
        ByteBuffer some = ByteBuffer.allocate(SOME);
        for (long done = 0; done < length; ) {
            some.clear().limit((int) Math.min(some.capacity(), length - done));
            int got = channel.read(some, position + done);
            if (got < 0) {
                throw new EOFException("it ends too early");
            }
            crc.update(some.flip());
            done += got;
        }
        return (int) crc.getValue();
    }

    private static void text(String text, DataOutputStream out) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(bytes.length);
        out.write(bytes);
    }

    private static String text(DataInputStream in) throws IOException {
        int length = in.readInt();
        if (length < 0) {
            throw new IOException("a text in it is damaged");
        }
        return new String(in.readNBytes(length), StandardCharsets.UTF_8);
    }

    /** What it is called. */
    public Path path() {
        return file.path();
    }

    /** The states, from the oldest on. */
    public List<State> states() {
        return List.copyOf(states);
    }

    /** The state of a name. */
    public Optional<State> state(String name) {
        return states.stream().filter(one -> one.name().equals(name)).findFirst();
    }

    /** What is in the file besides whole states, such as one that was being written when a command ended. */
    public Optional<String> damage() {
        return damaged < 0
                ? Optional.empty()
                : Optional.of(
                        "what stands at byte %,d of %s is no whole state, and is left out".formatted(damaged, path()));
    }

    /**
     * Adds a state.
     *
     * @param name its name, which no other has
     * @param millis when it was, since 1970
     * @param target of what it is
     * @param blocks its blocks
     * @param most how many bytes the file may have
     * @return the state
     * @throws RefusedException if the file would be larger; it stays as it was then
     */
    public State add(String name, long millis, String target, Snapshot blocks, long most) {
        FileChannel channel = file.channel();
        try {
            long position = Math.max(end, HEAD);
            // Whatever was being written when a command ended goes first, and with it what could be taken for a state.
            channel.truncate(end);
            if (end == 0) {
                channel.write(head(), 0);
            }
            CRC32C crc = new CRC32C();
            channel.position(position + STATE_HEAD);
            // Not closed: the channel is the file's.
            OutputStream plain = new Limited(Channels.newOutputStream(channel), most - position - STATE_HEAD);
            CheckedOutputStream checked = new CheckedOutputStream(new BufferedOutputStream(plain, 1 << 16), crc);
            checked.write(facts(name, millis, target, blocks));
            checked.flush();
            long facts = channel.position() - position - STATE_HEAD;
            write(blocks, checked);
            checked.flush();
            long size = channel.position() - position - STATE_HEAD;
            ByteBuffer head = ByteBuffer.allocate(STATE_HEAD)
                    .putInt(STATE)
                    .putLong(facts)
                    .putLong(size - facts)
                    .putInt((int) crc.getValue());
            head.putInt(crc(head.slice(0, 24))).flip();
            // What it stands for is on the disk before it is.
            channel.force(true);
            channel.write(head, position);
            channel.force(true);
            State added = new State(name, millis, target, blocks.count(), blocks.bytes(), position, STATE_HEAD + size);
            states.add(added);
            end = position + added.length();
            length = end;
            return added;
        } catch (Limited.Full e) {
            cut(channel);
            throw new RefusedException(
                    "%s would have more than %,d bytes: 'heapwalk log TARGET --delete NAME' makes room, --max-history allows more"
                            .formatted(path(), most));
        } catch (IOException e) {
            cut(channel);
            throw KeptFile.failure("write", path(), e);
        }
    }

    private void cut(FileChannel channel) {
        try {
            channel.truncate(end);
        } catch (IOException e) {
            // It is no state all the same.
        }
    }

    private static byte[] facts(String name, long millis, String target, Snapshot blocks) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        DataOutputStream out = new DataOutputStream(bytes);
        text(name, out);
        out.writeLong(millis);
        text(target, out);
        out.writeLong(blocks.count());
        out.writeLong(blocks.bytes());
        return bytes.toByteArray();
    }

    private static void write(Snapshot blocks, OutputStream to) throws IOException {
        Deflater deflater = new Deflater(Deflater.BEST_SPEED);
        try {
            DeflaterOutputStream packed = new DeflaterOutputStream(to, deflater, 1 << 16);
            DataOutputStream out = new DataOutputStream(packed);
            out.writeInt(blocks.categories().size());
            for (Category category : blocks.categories()) {
                text(category.domain().label(), out);
                text(category.kind(), out);
                text(category.detail(), out);
            }
            out.flush();
            blocks.transferTo(packed);
            packed.finish();
        } finally {
            deflater.end();
        }
    }

    /** Reads the blocks of a state. */
    public Snapshot blocks(State state) {
        Spool rows = new Spool();
        boolean good = false;
        try {
            FileChannel channel = file.channel();
            channel.position(state.position()
                    + STATE_HEAD
                    + bytes(channel, state.position(), STATE_HEAD).getLong(4));
            // Not closed: the channel is the file's.
            InputStream packed = new InflaterInputStream(Channels.newInputStream(channel));
            DataInputStream in = new DataInputStream(packed);
            List<Category> categories = new ArrayList<>();
            for (int left = in.readInt(); left > 0; left--) {
                categories.add(new Category(new Domain(text(in)), text(in), text(in)));
            }
            long most = state.count() * MOST_A_BLOCK;
            byte[] some = new byte[SOME];
            for (int got = in.read(some); got > 0; got = in.read(some)) {
                rows.write(some, 0, got);
                if (rows.length() > most) {
                    throw new IOException("the state '%s' is damaged".formatted(state.name()));
                }
            }
            good = true;
            return Snapshot.of(rows, categories, state.count(), state.bytes());
        } catch (IOException e) {
            throw KeptFile.failure("read", path(), e);
        } finally {
            if (!good) {
                rows.close();
            }
        }
    }

    /** Forgets a state. The history is only good to be closed then. */
    public void delete(State state) {
        file.replace((from, to) -> {
            long behind = state.position() + state.length();
            transfer(from, 0, state.position(), to);
            transfer(from, behind, end - behind, to);
        });
    }

    private static void transfer(FileChannel from, long position, long length, FileChannel to) throws IOException {
        for (long done = 0; done < length; ) {
            done += from.transferTo(position + done, length - done, to);
        }
    }

    @Override
    public void close() {
        file.close();
    }

    /** Takes so many bytes and no more. */
    private static final class Limited extends OutputStream {
        private final OutputStream out;
        private long left;

        /** There are more bytes. */
        static final class Full extends IOException {
            private static final long serialVersionUID = 1L;
        }

        Limited(OutputStream out, long most) {
            this.out = out;
            this.left = most;
        }

        @Override
        public void write(int value) throws IOException {
            write(new byte[] {(byte) value}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws IOException {
            left -= length;
            if (left < 0) {
                throw new Full();
            }
            out.write(bytes, offset, length);
        }
    }
}
