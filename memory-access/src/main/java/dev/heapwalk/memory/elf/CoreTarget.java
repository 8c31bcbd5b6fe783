// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.elf;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.Truncation;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.memory.core.CoreFacts;
import dev.heapwalk.memory.core.CoreNote;
import dev.heapwalk.memory.held.HeldMemory;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;

/** A core file, mapped; its windows show the file itself. */
public final class CoreTarget implements Target {
    private static final int USUAL_PAGE = 1 << 12;

    private final Arena arena;
    private final CoreFile core;
    private final FileRoot root;
    private final HeldMemory memory;
    private final List<String> notices;
    private final List<ThreadState> threads;
    private List<ElfModule> modules;

    private CoreTarget(Arena arena, CoreFile core, Path sysroot) {
        this.arena = arena;
        this.core = core;
        this.root = new FileRoot(sysroot);
        CoreLayout layout = new CoreLayout(core, root);
        this.memory = layout.build();
        this.notices = layout.notices();
        this.threads = core.threads().stream()
                .map(thread -> new ThreadState(this, thread.tid(), thread.name(), thread.registers()))
                .toList();
    }

    /**
     * Opens a core file.
     *
     * @param core the file
     * @param sysroot the folder under which the files lie that the dead process had mapped
     * @return the target
     * @throws UnsupportedTargetException if the file is no core that can be read, or the sysroot is no folder
     * @throws dev.heapwalk.memory.PermissionDeniedException if the file may not be read
     */
    public static Target open(Path core, Path sysroot) {
        return open(core, sysroot, arena -> CoreFile.open(core, arena));
    }

    /**
     * Opens a core file that is open already, such as one without a name.
     *
     * @param channel the file, open to be read; it may be closed when this returns
     * @param core its name for messages
     * @param sysroot the folder under which the files lie that the dead process had mapped
     * @return the target
     * @throws UnsupportedTargetException if the file is no core that can be read, or the sysroot is no folder
     */
    public static Target open(FileChannel channel, Path core, Path sysroot) {
        return open(core, sysroot, arena -> CoreFile.open(channel, core, arena));
    }

    /**
     * How large a core is, as its headers say, for who has only begun to unpack one.
     *
     * @param beginning its first bytes
     * @return the size in bytes; empty if the headers do not end within these bytes, or are not those of a core
     */
    public static OptionalLong size(MemorySegment beginning) {
        Optional<ElfHeader> header = ElfHeader.parse(beginning).filter(known -> known.type() == ElfHeader.CORE);
        if (header.isEmpty()) {
            return OptionalLong.empty();
        }
        int entry = ProgramHeader.size(header.get().wide());
        long table = header.get().programHeaders();
        long length = (long) header.get().programHeaderCount() * entry;
        // Where there are more than 16 bits can count, their number stands elsewhere.
        if (header.get().programHeaderCount() == ElfHeader.EXTENDED_COUNT
                || table < 0
                || table > beginning.byteSize() - length) {
            return OptionalLong.empty();
        }
        long end = table + length;
        for (ProgramHeader each : ProgramHeader.parseAll(
                beginning.asSlice(table, length), header.get().wide())) {
            if (each.offset() < 0 || each.fileSize() < 0 || each.offset() + each.fileSize() < 0) {
                return OptionalLong.of(Long.MAX_VALUE);
            }
            end = Math.max(end, each.offset() + each.fileSize());
        }
        return OptionalLong.of(end);
    }

    /**
     * Whether a file begins like a core.
     *
     * @param beginning its first bytes, 64 at least unless it is shorter
     * @return whether it may be one
     */
    public static boolean isCore(MemorySegment beginning) {
        return ElfHeader.parse(beginning)
                .filter(known -> known.type() == ElfHeader.CORE)
                .isPresent();
    }

    private static Target open(Path core, Path sysroot, Function<Arena, CoreFile> read) {
        if (!Files.isDirectory(sysroot)) {
            throw new UnsupportedTargetException(
                    "can't read core file %s with the sysroot %s: that is no folder".formatted(core, sysroot));
        }
        Arena arena = Arena.ofShared();
        try {
            return new CoreTarget(arena, read.apply(arena), sysroot);
        } catch (RuntimeException | Error e) {
            arena.close();
            throw e;
        }
    }

    @Override
    public Mode mode() {
        return Mode.CORE;
    }

    @Override
    public OptionalInt signal() {
        return core.signal();
    }

    @Override
    public OptionalLong pid() {
        return core.pid();
    }

    @Override
    public String description() {
        return core.description();
    }

    @Override
    public Machine machine() {
        return core.machine();
    }

    @Override
    public int pageSize() {
        return (int) core.auxiliary().pageSize().orElse(USUAL_PAGE);
    }

    @Override
    public AddressSpace memory() {
        return memory;
    }

    @Override
    public List<ThreadState> threads() {
        return threads;
    }

    @Override
    public synchronized List<ElfModule> modules() {
        if (modules == null) {
            modules = List.copyOf(ElfModules.find(memory, root, core.machine(), core.auxiliary(), true));
        }
        return modules;
    }

    @Override
    public CoreFacts coreFacts() {
        List<CoreNote> notes = new ArrayList<>();
        core.notes()
                .forEach(segment -> Note.parse(
                        segment,
                        4,
                        note -> notes.add(new CoreNote(
                                note.owner(), note.type(), note.content().toArray(Words.BYTE)))));
        return new CoreFacts(notes, CoreFacts.ALL, Set.of(), Set.of(), Set.of());
    }

    @Override
    public List<String> notices() {
        return notices;
    }

    @Override
    public Optional<Truncation> truncation() {
        return core.truncation();
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
