// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit.fuzz;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeSet;

/**
 * One harmed input: a core and a sysroot, of which something is no longer as a sound process has it. What it is follows
 * from the seed and the number alone. Closing it mends all again.
 */
public final class FuzzInput implements AutoCloseable {
    /** The kinds of harm. */
    public enum Harm {
        /** The file header of the core. */
        ELF_HEADER,
        /** The program headers of the core. */
        PROGRAM_HEADERS,
        /** Heads and contents of notes. */
        NOTES,
        /** The core is cut off. */
        CUT,
        /** Words of memory whose kind is known. */
        MEMORY,
        /** Words of memory of any kind, or whole stretches. */
        ANYWHERE,
        /** The parts of a file below the sysroot. */
        FILE_PARTS,
        /** A file below the sysroot is another kind of file, or holds something else. */
        OTHER_FILE
    }

    private static final Set<Place> OUTSIDE_MALLOC =
            EnumSet.of(Place.SLOT, Place.PAGE, Place.TABLE, Place.VM, Place.STATIC, Place.OBJECT);
    private static final int[] HEADER_FIELDS = {4, 5, 6, 7, 16, 18, 20, 24, 32, 40, 48, 52, 54, 56, 58, 60, 62};
    private static final int[] HEADER_WIDTHS = {1, 1, 1, 1, 2, 2, 4, 8, 8, 8, 4, 2, 2, 2, 2, 2, 2};
    private static final int[] SEGMENT_FIELDS = {0, 4, 8, 16, 24, 32, 40, 48};
    private static final List<byte[]> TEXTS = List.of(
            bytes("\u001b]0;title\u0007\u001b[31m"),
            bytes("\r\n\t\"\\{}"),
            bytes("\u202e\u2028\u0085\u009b31m"),
            new byte[] {(byte) 0xff, (byte) 0xfe, (byte) 0xc0, (byte) 0x80, (byte) 0xed, (byte) 0xa0, (byte) 0x80, 0},
            bytes("../../../../../../etc/passwd"),
            bytes("/dev/zero\0"),
            bytes("%s%n{0}\0\0"),
            bytes("\0\0\0\0\0\0\0\0"));

    private final FuzzSeed seed;
    private final Harm harm;
    private final boolean touchesMalloc;
    private final List<String> what = new ArrayList<>();
    private final TreeSet<String> files = new TreeSet<>();
    private final SplittableRandom random;
    private Path core;

    private FuzzInput(FuzzSeed seed, SplittableRandom random) throws IOException {
        this.seed = seed;
        this.random = random;
        core = seed.core();
        harm = chosen();
        touchesMalloc = apply();
    }

    /**
     * Makes an input.
     *
     * @param seeds what to choose from
     * @param seed which inputs of all
     * @param number which of them
     * @return the input, made; to be closed before the next is made
     * @throws IOException if a file can't be changed
     */
    public static FuzzInput of(List<FuzzSeed> seeds, long seed, long number) throws IOException {
        SplittableRandom random = new SplittableRandom(mixed(mixed(seed) ^ number));
        FuzzSeed chosen = seeds.get(random.nextInt(seeds.size()));
        // Cores of Ruby and Python take most of the time.
        boolean another = (chosen.isRuby() || chosen.isPython()) && random.nextBoolean();
        return new FuzzInput(another ? seeds.get(random.nextInt(seeds.size())) : chosen, random);
    }

    /** Every bit of the result depends on every bit of the word (the finalizer of MurmurHash3, on a Weyl sequence). */
    private static long mixed(long word) {
        long mixed = (word + 1) * 0x9e3779b97f4a7c15L;
        mixed = (mixed ^ mixed >>> 33) * 0xff51afd7ed558ccdL;
        mixed = (mixed ^ mixed >>> 33) * 0xc4ceb9fe1a85ec53L;
        return mixed ^ mixed >>> 33;
    }

    /**
     * What it was made of.
     *
     * @return the seed, harmed
     */
    public FuzzSeed seed() {
        return seed;
    }

    /**
     * What is harmed.
     *
     * @return the kind
     */
    public Harm harm() {
        return harm;
    }

    /**
     * Whether the harm may change what a walk of malloc's heap sees.
     *
     * @return false if that must be seen as it was
     */
    public boolean touchesMalloc() {
        return touchesMalloc;
    }

    /**
     * The core to read.
     *
     * @return the file
     */
    public Path core() {
        return core;
    }

    /**
     * What chooses what is done with the input; it follows from the number too.
     *
     * @return the source
     */
    public SplittableRandom random() {
        return random;
    }

    /**
     * An address that a command may ask for: where something known lies, or anywhere.
     *
     * @return an address of the process
     */
    public long anyAddress() {
        List<long[]> known = List.copyOf(seed.places().values());
        if (known.isEmpty() || random.nextInt(8) == 0) {
            return random.nextLong() >>> random.nextInt(64);
        }
        long[] addresses = known.get(random.nextInt(known.size()));
        return addresses[random.nextInt(addresses.length)];
    }

    /**
     * Copies the harmed core and files.
     *
     * @param folder where to, which must not be there yet
     * @throws IOException if they can't be copied
     */
    public void copy(Path folder) throws IOException {
        Files.createDirectories(folder);
        Folders.copySparse(core, folder.resolve(FuzzSeed.CORE));
        Folders.copy(seed.sysroot(), folder.resolve(FuzzSeed.FILES));
    }

    /**
     * All that is harmed.
     *
     * @return each change
     */
    public String describe() {
        return seed.name() + " " + harm + " " + String.join(", ", what);
    }

    @Override
    public String toString() {
        return seed.name() + " " + harm + " " + String.join(", ", what.subList(0, Math.min(what.size(), 12)))
                + (what.size() > 12 ? ", and so on: " + what.size() + " changes" : "");
    }

    private Harm chosen() {
        int roll = random.nextInt(100);
        boolean known = !seed.places().isEmpty();
        boolean beside = !seed.files().isEmpty();
        if (roll < 4) {
            return Harm.ELF_HEADER;
        } else if (roll < 12) {
            return Harm.PROGRAM_HEADERS;
        } else if (roll < 20) {
            return Harm.NOTES;
        } else if (roll < 23) {
            return Harm.CUT;
        } else if (roll < 30 || !known && !beside) {
            return Harm.ANYWHERE;
        } else if (roll < 38 && beside) {
            return Harm.FILE_PARTS;
        } else if (roll < 42 && beside) {
            return Harm.OTHER_FILE;
        }
        return known ? Harm.MEMORY : Harm.ANYWHERE;
    }

    private boolean apply() throws IOException {
        int changes = 1 + random.nextInt(random.nextInt(4) == 0 ? 200 : 4);
        switch (harm) {
            case ELF_HEADER -> header(1 + changes % 4);
            case PROGRAM_HEADERS -> segments(changes);
            case NOTES -> notes(changes);
            case CUT -> cut();
            case MEMORY -> {
                return memory(changes);
            }
            case ANYWHERE -> anywhere(changes);
            case FILE_PARTS -> parts(changes);
            case OTHER_FILE -> {
                return other();
            }
        }
        return true;
    }

    private void header(int changes) {
        for (int i = 0; i < changes; i++) {
            int field = random.nextInt(HEADER_FIELDS.length);
            change(HEADER_FIELDS[field], HEADER_WIDTHS[field], seed.file().size());
        }
    }

    private void segments(int changes) {
        List<Elf.Segment> segments = seed.file().elf().segments();
        for (int i = 0; i < changes; i++) {
            Elf.Segment segment = segments.get(random.nextInt(segments.size()));
            int field = random.nextInt(SEGMENT_FIELDS.length);
            change(
                    segment.at() + SEGMENT_FIELDS[field],
                    field < 2 ? 4 : 8,
                    segments.get(random.nextInt(segments.size())).address());
        }
    }

    private void notes(int changes) {
        List<Elf.Note> notes = seed.file().elf().notes();
        for (int i = 0; i < changes; i++) {
            Elf.Note note = notes.get(random.nextInt(notes.size()));
            switch (random.nextInt(4)) {
                case 0 -> change(note.at() + 4 * random.nextInt(3), 4, note.size());
                case 1 -> text(note.description() + random.nextInt(Math.max(note.size(), 1)));
                default ->
                    change(
                            note.description() + (random.nextInt(Math.max(note.size(), 1)) & -8),
                            8,
                            seed.file().word(note.description()));
            }
        }
    }

    private void cut() throws IOException {
        long most = Math.min(seed.file().size(), 16 << 20);
        long length = random.nextInt(3) == 0 ? random.nextLong(5000) : random.nextLong(most);
        core = seed.beside("cut");
        Files.deleteIfExists(core);
        try (RandomAccessFile out = new RandomAccessFile(core.toFile(), "rw")) {
            for (long at = 0; at < length; at += 1 << 16) {
                byte[] piece = seed.file().bytes(at, (int) Math.min(1 << 16, length - at));
                out.seek(at);
                out.write(piece);
            }
        }
        what.add("cut off after " + length);
    }

    /** Returns whether the heap of malloc is touched. */
    private boolean memory(int changes) {
        Map<Place, long[]> places = seed.places();
        List<Place> kinds = List.copyOf(places.keySet());
        List<Place> chosen = new ArrayList<>();
        boolean one = random.nextInt(3) > 0;
        for (int i = 0; i < changes; i++) {
            Place place = one && i > 0 ? chosen.getFirst() : kinds.get(random.nextInt(kinds.size()));
            chosen.add(place);
            long[] addresses = places.get(place);
            int index = random.nextInt(addresses.length);
            // Neighbours are harmed together now and then.
            int run = random.nextInt(16) == 0 ? 1 + random.nextInt(16) : 1;
            for (int j = index; j < Math.min(index + run, addresses.length); j++) {
                long address = addresses[j];
                long[] others =
                        random.nextInt(4) == 0 ? places.get(kinds.get(random.nextInt(kinds.size()))) : addresses;
                word(place, address, others[random.nextInt(others.length)]);
            }
        }
        return chosen.stream().anyMatch(place -> !OUTSIDE_MALLOC.contains(place));
    }

    private void word(Place place, long address, long another) {
        long at = seed.file().elf().offset(address);
        long word = seed.file().word(at);
        long value = random.nextInt(3) == 0
                ? switch (random.nextInt(5)) {
                    case 0 -> address;
                    case 1 -> another - 16;
                    case 2 -> seed.file().wordAt(another);
                    case 3 -> another + random.nextInt(8) * 8;
                    default -> another;
                }
                : value(word, another, 8);
        seed.file().set(at, 8, value);
        what.add("%s 0x%x: 0x%x -> 0x%x".formatted(place, address, word, value));
    }

    private void anywhere(int changes) {
        List<Elf.Segment> loads = seed.file().elf().segments().stream()
                .filter(segment -> segment.type() == Elf.PT_LOAD && segment.fileSize() >= 4096)
                .toList();
        for (int i = 0; i < changes; i++) {
            Elf.Segment load = loads.get(random.nextInt(loads.size()));
            long at = load.offset() + (random.nextLong(load.fileSize() - 8) & -8L);
            // Most of a large core is zeros, which nobody reads.
            for (int tries = 0; tries < 50 && seed.file().word(at) == 0; tries++) {
                load = loads.get(random.nextInt(loads.size()));
                at = load.offset() + (random.nextLong(load.fileSize() - 8) & -8L);
            }
            switch (random.nextInt(8)) {
                case 0 -> text(at);
                case 1 -> {
                    byte[] stretch = new byte[1 + random.nextInt(8192)];
                    byte fill = (byte) random.nextInt();
                    boolean same = random.nextBoolean();
                    for (int j = 0; j < stretch.length; j++) {
                        stretch[j] = same ? fill : (byte) random.nextInt();
                    }
                    seed.file().set(at, stretch);
                    what.add("%d bytes at offset 0x%x".formatted(stretch.length, at));
                }
                default -> change(at, 8, load.address());
            }
        }
    }

    private void text(long at) {
        byte[] text = TEXTS.get(random.nextInt(TEXTS.size()));
        if (at < seed.file().size()) {
            seed.file().set(at, text);
            what.add("text at offset 0x%x".formatted(at));
        }
    }

    private void change(long at, int width, long near) {
        if (at + width > seed.file().size()) {
            return;
        }
        long word = 0;
        byte[] old = seed.file().bytes(at, width);
        for (int i = width - 1; i >= 0; i--) {
            word = word << 8 | old[i] & 0xff;
        }
        long value = value(word, near, width);
        seed.file().set(at, width, value);
        what.add("offset 0x%x: 0x%x -> 0x%x".formatted(at, word, value));
    }

    /** A value that a number, a length, flags or a pointer should not have, or could have elsewhere. */
    private long value(long word, long near, int width) {
        return switch (random.nextInt(16)) {
            case 0 -> 0;
            case 1 -> -1;
            case 2 -> random.nextLong();
            case 3 -> random.nextLong(1 << 20);
            case 4, 5 -> word ^ 1L << random.nextInt(8 * width);
            case 6 -> near;
            case 7 -> near + 16;
            case 8 -> 1L << random.nextInt(64);
            case 9 -> (1L << random.nextInt(64)) - 1;
            case 10 -> Long.MIN_VALUE | word;
            case 11 -> 0x1b5b33316d0d0a07L;
            case 12 -> word & 0xffffffffL | random.nextLong() << 32;
            case 13 -> word ^ (long) random.nextInt(256) << 8 * random.nextInt(width);
            case 14 -> word + (random.nextInt(4096) - 2048);
            default -> word + (random.nextInt(64) - 32) * 16L;
        };
    }

    private String anyFile() {
        String file = seed.files().get(random.nextInt(seed.files().size()));
        files.add(file);
        return file;
    }

    private void parts(int changes) throws IOException {
        String file = anyFile();
        byte[] content = seed.sound(file);
        Elf.Bytes bytes = new InMemory(content);
        List<Elf.Part> parts = List.of(new Elf.Part(0, content.length));
        if (content.length > Elf.HEADER && content[0] == 0x7f) {
            parts = new Elf(bytes).parts();
        }
        for (int i = 0; i < changes; i++) {
            Elf.Part part = parts.get(random.nextInt(parts.size()));
            int width = 1 << random.nextInt(4);
            int at = (int) (part.at() + random.nextLong(part.size()) / width * width);
            if (random.nextInt(6) == 0) {
                byte[] text = TEXTS.get(random.nextInt(TEXTS.size()));
                System.arraycopy(text, 0, content, at, Math.min(text.length, content.length - at));
            } else {
                long word = 0;
                for (int j = width - 1; j >= 0; j--) {
                    word = word << 8 | (at + j < content.length ? content[at + j] & 0xff : 0);
                }
                long value = value(word, part.at(), width);
                for (int j = 0; j < width && at + j < content.length; j++) {
                    content[at + j] = (byte) (value >>> 8 * j);
                }
            }
            what.add("%s at 0x%x".formatted(file, at));
        }
        Files.write(seed.sysroot().resolve(file), content);
    }

    private boolean other() throws IOException {
        String file = random.nextInt(4) == 0 && seed.files().contains("etc/os-release") ? "etc/os-release" : anyFile();
        files.add(file);
        Path path = seed.sysroot().resolve(file);
        Files.delete(path);
        int kind = random.nextInt(12);
        switch (kind) {
            case 0 -> what.add(file + " is not there");
            case 1 -> {
                Files.createDirectory(path);
                what.add(file + " is a folder");
            }
            case 2 -> {
                Files.createSymbolicLink(path, path);
                what.add(file + " is a link to itself");
            }
            case 3 -> {
                Files.createSymbolicLink(path, Path.of("/dev/zero"));
                what.add(file + " is a link to /dev/zero");
            }
            case 4 -> {
                Tool.run("mkfifo", path.toString());
                what.add(file + " is a pipe");
            }
            case 5 -> {
                Files.createFile(path);
                what.add(file + " is empty");
            }
            case 6 -> {
                try (RandomAccessFile out = new RandomAccessFile(path.toFile(), "rw")) {
                    out.write(seed.sound(file));
                    out.setLength(1L << 32 + random.nextInt(8));
                }
                what.add(file + " has a hole of terabytes");
            }
            case 7 -> {
                byte[] noise = new byte[random.nextInt(10_000)];
                random.nextBytes(noise);
                Files.write(path, noise);
                what.add(file + " is noise");
            }
            case 8 -> {
                byte[] sound = seed.sound(file);
                Files.write(path, Arrays.copyOf(sound, random.nextInt(sound.length + 1)));
                what.add(file + " is cut off");
            }
            case 9 -> {
                String another = seed.files().get(random.nextInt(seed.files().size()));
                Files.write(path, seed.sound(another));
                what.add(file + " is " + another);
            }
            case 10 -> {
                Files.createSymbolicLink(path, Path.of("/proc/self/mem"));
                what.add(file + " is a link to /proc/self/mem");
            }
            default -> {
                byte[] text = TEXTS.get(random.nextInt(TEXTS.size()));
                Files.write(
                        path,
                        ("ID=" + new String(text, StandardCharsets.ISO_8859_1).repeat(1 + random.nextInt(500)))
                                .getBytes(StandardCharsets.ISO_8859_1));
                what.add(file + " is text");
            }
        }
        return !file.equals("etc/os-release");
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public void close() throws IOException {
        seed.file().restore();
        for (String file : files) {
            seed.restore(file);
        }
        if (!core.equals(seed.core())) {
            Files.delete(core);
        }
    }
}
