// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.PermissionDeniedException;
import dev.heapwalk.memory.Registers;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.Truncation;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.core.CoreNote;
import dev.heapwalk.memory.machine.Processor;
import dev.heapwalk.memory.raw.NativeAccess;
import dev.heapwalk.memory.raw.Words;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * A core file as it lies on disk: its segments and notes, nothing interpreted beyond that.
 *
 * @param path the file
 * @param mapping what keeps the file mapped
 * @param bytes the whole file, until the core is closed
 * @param machine the dead process's machine
 * @param segments its {@code PT_LOAD} headers, in the order of the file
 * @param threads the threads, the main thread first, then by id
 * @param signal the signal that ended the process, if the core has it
 * @param pid the process id, if the core has it
 * @param program the program's name ({@code comm}), or empty
 * @param auxiliary what {@code NT_AUXV} says
 * @param files what {@code NT_FILE} says
 * @param notes its {@code PT_NOTE} segments, as much of them as is there
 * @param notices what is wrong with the file
 * @param truncation how much of it is there, if it is cut off
 */
record CoreFile(
        Path path,
        MemorySegment mapping,
        MemorySegment bytes,
        Machine machine,
        List<ProgramHeader> segments,
        List<ThreadNote> threads,
        OptionalInt signal,
        OptionalLong pid,
        String program,
        AuxiliaryVector auxiliary,
        List<MappedFile> files,
        List<MemorySegment> notes,
        List<String> notices,
        Optional<Truncation> truncation) {

    /** Where {@code struct elf_prstatus} has {@code pr_cursig}, on all machines. */
    private static final int STATUS_SIGNAL = 12;

    private static final int MOST_SEGMENTS = 1 << 21;
    /** The kernel's own limit for ids. */
    private static final int MOST_THREADS = 1 << 22;

    /**
     * What the notes tell of a thread.
     *
     * @param tid its id
     * @param name its name, or empty
     * @param registers its registers, if they are there
     */
    record ThreadNote(long tid, String name, Optional<Registers> registers) {}

    /**
     * An entry of {@code NT_FILE}.
     *
     * @param start target address of the first byte
     * @param end target address behind the last byte
     * @param offset where {@code start} lies in the file, in bytes
     * @param path the file, as the dead process saw it
     */
    record MappedFile(long start, long end, long offset, String path) {}

    /** What it is, for messages. */
    String description() {
        return program.isEmpty() ? "core file " + path : "core file %s (%s)".formatted(path, program);
    }

    /**
     * Maps and parses a core.
     *
     * @param path the file
     * @param arena when it is closed, {@link #bytes} is
     * @return its parts
     */
    static CoreFile open(Path path, Arena arena) {
        return of(path, map(path, Arena.ofAuto()), arena);
    }

    /**
     * Maps and parses a core that is open.
     *
     * @param channel the file
     * @param path its name for messages
     * @param arena when it is closed, {@link #bytes} is
     * @return its parts
     */
    static CoreFile open(FileChannel channel, Path path, Arena arena) {
        try {
            return of(path, map(channel, path, Arena.ofAuto()), arena);
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    private static CoreFile of(Path path, MemorySegment mapping, Arena arena) {
        // Cursors read what a window shows without asking whether it was closed meanwhile. Until then the arena keeps
        // the mapping, too.
        MemorySegment bytes = until(arena, mapping);
        ElfHeader header = header(path, bytes);
        List<String> notices = new ArrayList<>();
        List<ProgramHeader> headers = programHeaders(path, bytes, header, notices);
        Machine machine = header.machine();
        Notes notes = new Notes(machine);
        List<MemorySegment> noteSegments = new ArrayList<>();
        for (ProgramHeader segment : headers) {
            if (segment.type() == ProgramHeader.NOTE) {
                long offset = Math.clamp(segment.offset(), 0, bytes.byteSize());
                long size = Math.clamp(segment.fileSize(), 0, bytes.byteSize() - offset);
                if (offset != segment.offset() || size != segment.fileSize()) {
                    notices.add(
                            "core file %s is cut off: of its notes (threads, registers, mapped files), %d bytes at offset %d, only %d are there"
                                    .formatted(path, segment.fileSize(), segment.offset(), size));
                }
                noteSegments.add(bytes.asSlice(offset, size));
                Note.parse(noteSegments.getLast(), 4, notes::take);
            }
        }
        return new CoreFile(
                path,
                mapping,
                bytes,
                machine,
                headers.stream()
                        .filter(segment -> segment.type() == ProgramHeader.LOAD)
                        .toList(),
                notes.threads(),
                notes.signal,
                notes.pid,
                notes.program,
                notes.auxiliary,
                List.copyOf(notes.files),
                List.copyOf(noteSegments),
                notices,
                truncation(bytes.byteSize(), headers, !notices.isEmpty()));
    }

    private static MemorySegment until(Arena arena, MemorySegment mapping) {
        try {
            return mapping.reinterpret(arena, closed -> Reference.reachabilityFence(mapping));
        } catch (IllegalCallerException e) {
            throw NativeAccess.refused("show a core file", e);
        }
    }

    /**
     * Compares the size of the file with the ends of its segments. Headers or notes that are missing are known already.
     */
    private static Optional<Truncation> truncation(long size, List<ProgramHeader> headers, boolean known) {
        long end = headers.stream()
                .filter(header -> header.fileSize() > 0 && header.offset() >= 0)
                .mapToLong(header -> header.offset() + header.fileSize())
                .max()
                .orElse(0);
        if (end > size) {
            return Optional.of(new Truncation(size, OptionalLong.of(end)));
        }
        return known ? Optional.of(new Truncation(size, OptionalLong.empty())) : Optional.empty();
    }

    private static MemorySegment map(Path path, Arena arena) {
        if (Files.isDirectory(path)) {
            throw new UnsupportedTargetException(
                    "can't read %s as a core file: it is a folder; name the core file in it".formatted(path));
        }
        if (Files.exists(path) && !Files.isRegularFile(path)) {
            throw new UnsupportedTargetException(
                    "can't read %s as a core file: it is no regular file; copy the core into one first"
                            .formatted(path));
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            return map(channel, path, arena);
        } catch (AccessDeniedException e) {
            throw new PermissionDeniedException(
                    "not permitted to read core file %s; run as its owner or as root".formatted(path));
        } catch (NoSuchFileException e) {
            throw new UnsupportedTargetException(
                    TargetException.Reason.NO_SUCH_FILE, "there is no core file %s".formatted(path));
        } catch (IOException e) {
            throw unreadable(path, e);
        }
    }

    private static MemorySegment map(FileChannel channel, Path path, Arena arena) throws IOException {
        if (channel.size() == 0) {
            throw new UnsupportedTargetException(
                    "can't read %s as a core file: it is empty (was the disk full, or `ulimit -c` too small?)"
                            .formatted(path));
        }
        return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
    }

    private static TargetException unreadable(Path path, IOException e) {
        return new TargetException("can't read core file %s: %s".formatted(path, e.getMessage()), e);
    }

    private static ElfHeader header(Path path, MemorySegment bytes) {
        if (!ElfHeader.isElf(bytes)) {
            throw new UnsupportedTargetException("can't read %s as a core file: %s".formatted(path, kind(bytes)));
        }
        if (bytes.get(Words.BYTE, 5) == 2) {
            throw new UnsupportedTargetException(
                    "can't read core file %s: it is of a big-endian machine; only little-endian ones are supported"
                            .formatted(path));
        }
        ElfHeader header = ElfHeader.parse(bytes)
                .orElseThrow(() -> new UnsupportedTargetException(
                        "can't read %s as a core file: it begins like ELF, but its header is damaged or cut off (the file has %d bytes)"
                                .formatted(path, bytes.byteSize())));
        if (header.type() != ElfHeader.CORE) {
            String kind = switch (header.type()) {
                case 1 -> "an object file";
                case ElfHeader.EXECUTABLE, ElfHeader.SHARED -> "a program or library";
                default -> "an ELF file of type " + header.type();
            };
            throw new UnsupportedTargetException(
                    "can't read %s as a core file: it is %s; name the core that the kernel or gcore wrote"
                            .formatted(path, kind));
        }
        return header;
    }

    private static String kind(MemorySegment bytes) {
        if (begins(bytes, 0x28, 0xb5, 0x2f, 0xfd)) {
            return "it is compressed; unpack it first: `zstd -d FILE` (or `coredumpctl dump --output=core PID`)";
        }
        if (begins(bytes, 0x04, 0x22, 0x4d, 0x18)) {
            return "it is compressed; unpack it first: `lz4 -d FILE` (or `coredumpctl dump --output=core PID`)";
        }
        if (begins(bytes, 0x1f, 0x8b)) {
            return "it is compressed; unpack it first: `gunzip FILE`";
        }
        if (begins(bytes, 0xfd, '7', 'z', 'X', 'Z', 0)) {
            return "it is compressed; unpack it first: `unxz FILE` (or `coredumpctl dump --output=core PID`)";
        }
        if (begins(bytes, 'B', 'Z', 'h')) {
            return "it is compressed; unpack it first: `bunzip2 FILE`";
        }
        if (begins(bytes, 'K', 'D', 'U', 'M', 'P')) {
            return "it is a dump of a kernel; only ELF cores of a process are supported";
        }
        if (begins(bytes, 'M', 'D', 'M', 'P')) {
            return "it is a minidump, which has no heap; only ELF cores are supported";
        }
        if (begins(bytes, 'J', 'A', 'V', 'A', ' ', 'P', 'R', 'O', 'F', 'I', 'L', 'E')) {
            return "it is a dump of a Java heap; only ELF cores are supported";
        }
        return "it is no ELF file; name the core that the kernel or gcore wrote, or a process id";
    }

    private static boolean begins(MemorySegment bytes, int... magic) {
        if (bytes.byteSize() < magic.length) {
            return false;
        }
        for (int i = 0; i < magic.length; i++) {
            if ((bytes.get(Words.BYTE, i) & 0xff) != magic[i]) {
                return false;
            }
        }
        return true;
    }

    private static List<ProgramHeader> programHeaders(
            Path path, MemorySegment bytes, ElfHeader header, List<String> notices) {
        long count = header.programHeaderCount();
        long sections = header.sectionHeaders();
        if (count == ElfHeader.EXTENDED_COUNT && sections > 0 && sections <= bytes.byteSize() - 64) {
            // Where there are more than 16 bits can count, the first section header has the number in sh_info.
            count = Integer.toUnsignedLong(bytes.get(Words.INT, sections + (header.wide() ? 44 : 28)));
        }
        int size = ProgramHeader.size(header.wide());
        long offset = header.programHeaders();
        long room = offset < 0 || offset > bytes.byteSize() ? 0 : (bytes.byteSize() - offset) / size;
        if (count == 0) {
            throw new UnsupportedTargetException(
                    "can't read core file %s: its header tells of no program headers, so there is no memory in it"
                            .formatted(path));
        }
        if (room == 0) {
            throw new UnsupportedTargetException(
                    "can't read core file %s: it is cut off at %d bytes, before its first program header; copy the whole file, or see whether the disk was full or `ulimit -c` too small"
                            .formatted(path, bytes.byteSize()));
        }
        if (count > room) {
            notices.add("core file %s is cut off: of its %d program headers only %d are there"
                    .formatted(path, count, room));
        }
        long taken = Math.min(count, room);
        if (taken > MOST_SEGMENTS) {
            throw new UnsupportedTargetException(
                    "can't read core file %s: it claims %d program headers; %d are supported"
                            .formatted(path, count, MOST_SEGMENTS));
        }
        return ProgramHeader.parseAll(bytes.asSlice(offset, taken * size), header.wide());
    }

    /** Gathers what the notes say. */
    private static final class Notes {
        private final Machine machine;
        private final Processor processor;
        private final List<ThreadNote> threads = new ArrayList<>();
        private final List<MappedFile> files = new ArrayList<>();
        private OptionalInt signal = OptionalInt.empty();
        private OptionalLong pid = OptionalLong.empty();
        private String program = "";
        private AuxiliaryVector auxiliary = AuxiliaryVector.EMPTY;

        Notes(Machine machine) {
            this.machine = machine;
            this.processor = Processor.of(machine);
        }

        void take(Note note) {
            MemorySegment content = note.content();
            if (note.owner().equals(CoreNote.CORE)) {
                switch (note.type()) {
                    case CoreNote.STATUS -> status(content);
                    case CoreNote.PROCESS_INFO -> processInfo(content);
                    case CoreNote.AUXILIARY -> auxiliary = AuxiliaryVector.parse(content, machine);
                    case CoreNote.FILES -> files(content);
                    default -> {}
                }
            } else if (note.owner().equals(CoreNote.LINUX) && note.type() == processor.threadPointerSet()) {
                threadPointer(content);
            }
        }

        /** {@code struct elf_prstatus}: the id, and the registers as {@code user_regs_struct} orders them. */
        private void status(MemorySegment content) {
            long size = content.byteSize();
            if (size < processor.statusThread() + Integer.BYTES || threads.size() == MOST_THREADS) {
                return;
            }
            long tid = Integer.toUnsignedLong(content.get(Words.INT, processor.statusThread()));
            // The first one is of the thread that the signal went to.
            int current = Short.toUnsignedInt(content.get(Words.SHORT, STATUS_SIGNAL));
            if (threads.isEmpty() && current != 0) {
                signal = OptionalInt.of(current);
            }
            int set = processor.registerSetSize();
            boolean whole = set > 0 && size >= processor.statusRegisters() + set;
            threads.add(new ThreadNote(
                    tid,
                    "",
                    whole
                            ? Optional.of(processor.registers(content.asSlice(processor.statusRegisters(), set), 0))
                            : Optional.empty()));
        }

        /** Of the thread whose status came last. */
        private void threadPointer(MemorySegment content) {
            if (content.byteSize() < 8 || threads.isEmpty()) {
                return;
            }
            ThreadNote thread = threads.removeLast();
            threads.add(new ThreadNote(
                    thread.tid(),
                    thread.name(),
                    thread.registers()
                            .map(registers ->
                                    new Registers(processor, registers.general(), content.get(Words.LONG, 0)))));
        }

        /** {@code struct elf_prpsinfo}: the process id and the first 15 bytes of the program's name. */
        private void processInfo(MemorySegment content) {
            int name = processor.infoName();
            if (content.byteSize() < name + 16) {
                return;
            }
            pid = OptionalLong.of(Integer.toUnsignedLong(content.get(Words.INT, processor.infoProcess())));
            program = text(content.asSlice(name, 16));
        }

        private static String text(MemorySegment bytes) {
            long length = 0;
            while (length < bytes.byteSize() && bytes.get(Words.BYTE, length) != 0) {
                length++;
            }
            return new String(bytes.asSlice(0, length).toArray(Words.BYTE), StandardCharsets.UTF_8);
        }

        /** Count and page size, then start, end and offset in pages of each file, then the names. */
        private void files(MemorySegment content) {
            int word = machine.wordSize();
            if (content.byteSize() < 2 * word) {
                return;
            }
            long count = word(content, 0);
            long page = word(content, word);
            if (count < 0 || count > (content.byteSize() - 2 * word) / (3 * word) || page <= 0 || page > 1 << 20) {
                return;
            }
            long name = (2 + 3 * count) * word;
            for (long i = 0; i < count && name < content.byteSize(); i++) {
                long entry = (2 + 3 * i) * word;
                String path = text(content.asSlice(name, Math.min(content.byteSize() - name, 1 << 14)));
                long length = 0;
                while (name + length < content.byteSize() && content.get(Words.BYTE, name + length) != 0) {
                    length++;
                }
                name += length + 1;
                long start = word(content, entry);
                long end = word(content, entry + word);
                long pages = word(content, entry + 2 * word);
                if (Long.compareUnsigned(start, end) < 0 && pages >= 0 && pages <= Long.MAX_VALUE / page) {
                    files.add(new MappedFile(start, end, pages * page, path));
                }
            }
        }

        private long word(MemorySegment bytes, long at) {
            return machine.wordSize() == 8
                    ? bytes.get(Words.LONG, at)
                    : Integer.toUnsignedLong(bytes.get(Words.INT, at));
        }

        /** The main thread first, then by id; only the main thread's name is in a core. */
        List<ThreadNote> threads() {
            long main = pid.orElse(-1);
            return threads.stream()
                    .map(thread ->
                            thread.tid() == main ? new ThreadNote(thread.tid(), program, thread.registers()) : thread)
                    .sorted(Comparator.comparing((ThreadNote thread) -> thread.tid() != main)
                            .thenComparingLong(ThreadNote::tid))
                    .toList();
        }
    }
}
