// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.core;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.ThreadState;
import dev.heapwalk.memory.machine.Processor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Makes the notes that all programs for one machine have in common, in the layouts of the kernel's {@code
 * linux/elfcore.h} and of its {@code fs/binfmt_elf.c}.
 */
public final class ProcessNotes {
    /** {@code pr_fname} with its zero byte. */
    private static final int NAME_LENGTH = 16;
    /** {@code ELF_PRARGSZ}. */
    private static final int ARGUMENTS_LENGTH = 80;
    /** The size of {@code siginfo_t}, on all machines. */
    private static final int SIGNAL_LENGTH = 128;

    private static final String STATES = "RSDTZW";

    private final Machine machine;
    private final Processor processor;
    private final Process process;

    /**
     * What the kernel tells of a process.
     *
     * @param pid its id
     * @param parent its parent's id
     * @param group the id of its process group
     * @param session the id of its session
     * @param state a letter such as {@code S}
     * @param nice its nice value
     * @param flags the kernel's flags of it
     * @param user the real user's id
     * @param userGroup the real group's id
     * @param name its name ({@code comm})
     * @param arguments its command line, with a zero byte behind each word
     */
    public record Process(
            long pid,
            long parent,
            long group,
            long session,
            char state,
            int nice,
            long flags,
            int user,
            int userGroup,
            String name,
            byte[] arguments) {}

    /**
     * Makes the notes of a process.
     *
     * @param machine the machine that its program was built for
     * @param process what is known of it
     */
    public ProcessNotes(Machine machine, Process process) {
        this.machine = machine;
        this.processor = Processor.of(machine);
        this.process = process;
    }

    private static ByteBuffer bytes(int size) {
        return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
    }

    /** A word of the target's. */
    private void word(ByteBuffer to, int at, long value) {
        if (machine.wordSize() == Long.BYTES) {
            to.putLong(at, value);
        } else {
            to.putInt(at, (int) value);
        }
    }

    /**
     * {@code NT_PRSTATUS}, {@code struct elf_prstatus}. The registers are zeros where they are not known, as of a thread
     * that runs on. No signal is named, since none has ended the process.
     *
     * @param thread a thread
     * @return the note
     */
    public CoreNote status(ThreadState thread) {
        int set = processor.statusRegisters();
        int valid = set + processor.registerSetSize();
        // Whether there are registers of floating-point numbers, and as much behind it as a long is aligned to.
        int word = machine.wordSize();
        ByteBuffer bytes = bytes((valid + Integer.BYTES + word - 1) / word * word);
        int ids = processor.statusThread();
        bytes.putInt(ids, (int) thread.tid());
        bytes.putInt(ids + 4, (int) process.parent);
        bytes.putInt(ids + 8, (int) process.group);
        bytes.putInt(ids + 12, (int) process.session);
        thread.registers().ifPresent(registers -> {
            long[] general = registers.general();
            for (int i = 0; i < general.length && (i + 1) * word <= valid - set; i++) {
                word(bytes, set + i * word, general[i]);
            }
        });
        bytes.putInt(valid, 1);
        return new CoreNote(CoreNote.CORE, CoreNote.STATUS, bytes.array());
    }

    /**
     * {@code NT_SIGINFO}, a {@code siginfo_t} of no signal.
     *
     * @return the note
     */
    public CoreNote noSignal() {
        return new CoreNote(CoreNote.CORE, CoreNote.SIGNAL_INFO, new byte[SIGNAL_LENGTH]);
    }

    /**
     * {@code NT_PRPSINFO}, {@code struct elf_prpsinfo}.
     *
     * @return the note
     */
    public CoreNote info() {
        int name = processor.infoName();
        int ids = processor.infoProcess();
        boolean wide = machine.wordSize() == Long.BYTES;
        ByteBuffer bytes = bytes(name + NAME_LENGTH + ARGUMENTS_LENGTH);
        bytes.put(0, (byte) Math.max(0, STATES.indexOf(process.state)));
        bytes.put(1, (byte) process.state);
        bytes.put(2, (byte) (process.state == 'Z' ? 1 : 0));
        bytes.put(3, (byte) process.nice);
        word(bytes, wide ? 8 : 4, process.flags);
        if (wide) {
            bytes.putInt(16, process.user);
            bytes.putInt(20, process.userGroup);
        } else {
            bytes.putShort(8, (short) process.user);
            bytes.putShort(10, (short) process.userGroup);
        }
        bytes.putInt(ids, (int) process.pid);
        bytes.putInt(ids + 4, (int) process.parent);
        bytes.putInt(ids + 8, (int) process.group);
        bytes.putInt(ids + 12, (int) process.session);
        put(bytes, name, process.name.getBytes(StandardCharsets.UTF_8), NAME_LENGTH - 1);
        byte[] arguments = process.arguments.clone();
        for (int i = 0; i < arguments.length; i++) {
            arguments[i] = arguments[i] == 0 ? (byte) ' ' : arguments[i];
        }
        put(bytes, name + NAME_LENGTH, arguments, ARGUMENTS_LENGTH - 1);
        return new CoreNote(CoreNote.CORE, CoreNote.PROCESS_INFO, bytes.array());
    }

    /** The command line is the last that {@code NT_PRPSINFO} has. */
    static CoreNote withoutArguments(CoreNote info) {
        byte[] content = info.content().clone();
        Arrays.fill(content, Math.max(0, content.length - ARGUMENTS_LENGTH), content.length, (byte) 0);
        return new CoreNote(info.owner(), info.type(), content);
    }

    private static void put(ByteBuffer to, int at, byte[] text, int most) {
        to.put(at, text, 0, Math.min(text.length, most));
    }

    /**
     * {@code NT_FILE}: where which part of which file is mapped.
     *
     * @param mappings all mappings
     * @param pageSize the unit of offsets, in bytes
     * @return the note
     */
    public CoreNote files(Mappings mappings, int pageSize) {
        List<Mapping> files = new ArrayList<>();
        int names = 0;
        for (Mapping mapping : mappings) {
            if (mapping.path().startsWith("/")) {
                files.add(mapping);
                names += mapping.path().getBytes(StandardCharsets.UTF_8).length + 1;
            }
        }
        int word = machine.wordSize();
        ByteBuffer bytes = bytes((2 + 3 * files.size()) * word + names);
        word(bytes, 0, files.size());
        word(bytes, word, pageSize);
        int entry = 2 * word;
        int name = (2 + 3 * files.size()) * word;
        for (Mapping mapping : files) {
            word(bytes, entry, mapping.start());
            word(bytes, entry + word, mapping.end());
            word(bytes, entry + 2 * word, mapping.fileOffset() / pageSize);
            entry += 3 * word;
            byte[] path = mapping.path().getBytes(StandardCharsets.UTF_8);
            bytes.put(name, path);
            name += path.length + 1;
        }
        return new CoreNote(CoreNote.CORE, CoreNote.FILES, bytes.array());
    }
}
