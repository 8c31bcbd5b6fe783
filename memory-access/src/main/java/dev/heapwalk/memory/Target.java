// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import dev.heapwalk.memory.core.CoreFacts;
import dev.heapwalk.memory.core.CoreNote;
import dev.heapwalk.memory.core.ProcessNotes;
import dev.heapwalk.memory.elf.CoreTarget;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.linux.LiveTarget;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;

/**
 * A process whose memory is read, alive or as a core file. Opened once, closed once; closing releases every buffer and
 * mapping that was handed out and, for an attached process, lets it run on.
 *
 * <p>All methods may be called from any thread; windows and cursors made from a target belong to one thread each.
 */
public interface Target extends AutoCloseable {

    /**
     * Stops a process until the target is closed. It is let go on {@link #close()}, on any failure, when the JVM shuts
     * down, and by the kernel when the JVM dies.
     *
     * <p>The program does not notice, except in its clock: a call that the stop interrupted is restarted, with its
     * whole timeout where the kernel does not count what was left ({@code epoll_wait}, {@code sigtimedwait}, {@code
     * semtimedop} and socket timeouts). A process that this JVM started itself can't be stopped, since the JDK would
     * take that for its end.
     *
     * @param pid process id as seen by this process
     * @return the stopped process
     * @throws NoSuchProcessException if there is no such process, or it ended meanwhile
     * @throws PermissionDeniedException if the kernel refuses, or somebody else traces the process, or this JVM holds
     *     it already: the reason tells
     * @throws UnsupportedTargetException if it is no user process (a kernel thread, a zombie), this JVM or a child of
     *     it, or a thread can't be stopped within 500 ms (2 s, if it waits for nothing but a processor); nothing stays
     *     stopped then
     */
    static Target attach(long pid) {
        return attach(pid, TargetOptions.DEFAULT);
    }

    /**
     * As {@link #attach(long)}, with options.
     *
     * @param pid process id as seen by this process
     * @param options how long the process may be stopped, and who is told if it had to be let go early
     * @return the stopped process
     * @throws NoSuchProcessException as {@link #attach(long)} does
     * @throws PermissionDeniedException as {@link #attach(long)} does
     * @throws UnsupportedTargetException as {@link #attach(long)} does
     */
    static Target attach(long pid, TargetOptions options) {
        return LiveTarget.attach(pid, options);
    }

    /**
     * Has a process fork a frozen copy of itself, and reads that. The process stands still for as long as the kernel
     * takes to copy its page tables, some 20 ms for each gigabyte in memory, and runs on while the copy is read. It
     * does not notice more than of {@link #attach}: the copy runs nothing of the program, its end is told by no signal,
     * and it is killed when this is closed, or when the JVM dies. Each page that the process writes while the copy
     * lives is copied by the kernel then.
     *
     * <p>The registers are those of the stop. What the process shares with others is not frozen; what it keeps from its
     * children ({@code MADV_DONTFORK}, {@code MADV_WIPEONFORK}) is missing, or zeros. A process that waits for its
     * children by {@code __WALL} or {@code __WCLONE} sees the copy among them.
     *
     * @param pid process id as seen by this process
     * @return the copy, which needs the process no more
     * @throws NoSuchProcessException as {@link #attach(long)} does
     * @throws PermissionDeniedException as {@link #attach(long)} does
     * @throws UnsupportedTargetException as {@link #attach(long)} does
     * @throws TargetException with {@link TargetException.Reason#NOT_FORKED} if the process can't be made to fork; it is
     *     as it was then
     */
    static Target fork(long pid) {
        return fork(pid, TargetOptions.DEFAULT);
    }

    /**
     * As {@link #fork(long)}, with options.
     *
     * @param pid process id as seen by this process
     * @param options how long the process may be stopped, and who is told if a read of the copy hangs
     * @return the copy
     * @throws NoSuchProcessException as {@link #fork(long)} does
     * @throws PermissionDeniedException as {@link #fork(long)} does
     * @throws UnsupportedTargetException as {@link #fork(long)} does
     * @throws TargetException as {@link #fork(long)} does
     */
    static Target fork(long pid, TargetOptions options) {
        return LiveTarget.fork(pid, options);
    }

    /**
     * Loads what the first process that this JVM opens needs: the way to the C library, which takes some ten
     * milliseconds. Nobody has to call it; a program that has other things to do before it opens a process may do so in
     * another thread.
     *
     * @throws TargetException if this JVM was not allowed to call the C library
     */
    static void prepare() {
        LiveTarget.prepare();
    }

    /**
     * Reads a process without ever stopping it. What is read may be torn.
     *
     * @param pid process id as seen by this process
     * @return the running process
     * @throws NoSuchProcessException if there is no such process
     * @throws PermissionDeniedException if the kernel refuses
     * @throws UnsupportedTargetException if it is no user process
     */
    static Target observe(long pid) {
        return observe(pid, TargetOptions.DEFAULT);
    }

    /**
     * As {@link #observe(long)}, with options.
     *
     * @param pid process id as seen by this process
     * @param options how long {@link #stop()} may hold the process, and who is told if a read of it hangs
     * @return the running process
     * @throws NoSuchProcessException as {@link #observe(long)} does
     * @throws PermissionDeniedException as {@link #observe(long)} does
     * @throws UnsupportedTargetException as {@link #observe(long)} does
     */
    static Target observe(long pid, TargetOptions options) {
        return LiveTarget.observe(pid, options);
    }

    /**
     * Opens a core file, mapped into memory. Files that the dead process had mapped are looked for under {@code /}.
     *
     * @param core the file
     * @return the dead process
     * @throws UnsupportedTargetException if the file is no core that can be read
     */
    static Target core(Path core) {
        return CoreTarget.open(core, Path.of("/"));
    }

    /**
     * Opens a core file, mapped into memory.
     *
     * @param core the file
     * @param sysroot the folder under which the files lie that the dead process had mapped
     * @return the dead process
     * @throws UnsupportedTargetException if the file is no core that can be read
     */
    static Target core(Path core, Path sysroot) {
        return CoreTarget.open(core, sysroot);
    }

    /**
     * Opens a core file that is open already, such as one that was unpacked into a file without a name.
     *
     * @param core the file, open to be read; it may be closed when this returns
     * @param name its name for messages
     * @param sysroot the folder under which the files lie that the dead process had mapped
     * @return the dead process
     * @throws UnsupportedTargetException if the file is no core that can be read
     */
    static Target core(FileChannel core, Path name, Path sysroot) {
        return CoreTarget.open(core, name, sysroot);
    }

    /** How a target was opened. */
    enum Mode {
        /** A process that stands still while the target is open. */
        STOPPED,
        /** A process that runs on while it is read. */
        OBSERVED,
        /** A core file. */
        CORE,
        /** A copy of a process, which may have gone on. */
        COPY
    }

    /**
     * Says how the target was opened, for people. What a walker needs to know are {@link #still()} and {@link
     * #runsOn()}.
     *
     * @return the mode
     */
    Mode mode();

    /**
     * Whether the memory stands still at this moment, so that what is read of it belongs together.
     *
     * @return true for a stopped process, a copy and a core, as long as the target is open; for an observed process
     *     while {@link #stop()} holds it
     */
    default boolean still() {
        return moment() != 0;
    }

    /**
     * Tells one time of standing still from another: what is read of the memory at the same moment belongs together,
     * and need not be read again as long as that lasts.
     *
     * @return a number of the time during which the memory stands still, the same as long as it does: one above 0 for a
     *     stopped process and for a core; for an observed process another one at each {@link #stop()}, and 0 while it
     *     runs; another one also when {@link #settle} has let it go on for a moment
     */
    default long moment() {
        return runsOn() ? 0 : 1;
    }

    /**
     * Whether the process runs on at times while the target is open, so that what was located in it may be out of date
     * and is worth a {@code refresh()}. Whether it runs now is told by {@link #still()}.
     *
     * @return true for an observed process alone, also while {@link #stop()} holds it
     */
    default boolean runsOn() {
        return mode() == Mode.OBSERVED;
    }

    /** Holds a process for one consistent look at it. */
    interface Stop extends AutoCloseable {
        /** Lets the process run on. A second call does nothing. */
        @Override
        void close();
    }

    /**
     * Stops an observed process until what is returned is closed, for one look that belongs together. Meanwhile {@link
     * #still()} answers true and {@link #threads()} tells registers; the mappings are those of the stop. What was
     * located before stays good, as far as it is good for a process that runs on: it need not be located again, but
     * looked at again. A window shows what it has read before until it is told to {@linkplain Window#forget() forget}
     * it.
     *
     * <p>The process is let go as one that was {@linkplain #attach attached}: when this is closed, when the target is,
     * when the JVM shuts down, and by the kernel when the JVM dies. It does not notice more than there.
     *
     * <p>For a target that stands still anyway, nothing happens.
     *
     * @return what is to be closed, by any thread
     * @throws IllegalStateException if the target is held by a stop that is not closed, or is closed itself
     * @throws NoSuchProcessException if the process ended
     * @throws PermissionDeniedException as {@link #attach} does; the target can be observed as before
     * @throws UnsupportedTargetException as {@link #attach} does; the target can be observed as before
     */
    default Stop stop() {
        return () -> {};
    }

    /**
     * Stops an observed process as {@link #stop()} does, at a moment at which it is at rest. As long as it is
     * {@linkplain Rest#likely() known} to be in the middle of a change, it runs on. If it is in the middle of one all
     * the same when it stands still, it is {@linkplain #settle settled}, and where that takes too long, let go and
     * stopped again some milliseconds later, when it has run for as long as it stood still. So it runs for half of the
     * time at least, however long this takes. An interrupt does not end it, and is passed on.
     *
     * @param rest tells whether it is at rest
     * @param patience for how long this is tried; then it is stopped as it is, and {@link Rest#busy} tells that it is
     *     not at rest. Where the rest can't be {@linkplain Rest#tells() told}, it is stopped at once
     * @return what is to be closed, by any thread
     * @throws IllegalStateException as {@link #stop()} does
     * @throws NoSuchProcessException if the process ended
     * @throws PermissionDeniedException as {@link #stop()} does
     * @throws UnsupportedTargetException as {@link #stop()} and {@link #settle} do
     */
    default Stop stop(Rest rest, Duration patience) {
        return RestfulStop.of(this, rest, patience);
    }

    /**
     * Lets those threads of a stopped process go on for a moment that are in the middle of a change, until what is to
     * be read of it is whole. Each time they have some ten microseconds, and the others stand still meanwhile. This
     * ends after 250 times, after ten milliseconds in which they came on, or after a hundred in which they got no
     * processor, with the process as it is then: a thread may be in the middle of a change nearly always.
     *
     * <p>It is for the time right after a stop: what was read before, such as what a window shows, mappings, and what
     * was located, may be out of date after it.
     *
     * @param rest tells the threads that must go on, after each stop
     * @return whether the process is at rest now; false where that can't be told, and where it runs on. Of a core,
     *     which can't go on, only whether it is
     * @throws NoSuchProcessException if the process ended meanwhile
     * @throws UnsupportedTargetException if a thread could not be stopped again, as {@link #attach} says; then nothing
     *     stays stopped, and the target is closed
     */
    default boolean settle(Rest rest) {
        return still() && rest.tells() && rest.busy(threads()).isEmpty();
    }

    /**
     * Prepares to copy the process, so that it need stand still no longer than that takes, some milliseconds for each
     * 10 MiB, and can run on while the copy is read. Memory for the copy is reserved and files are opened now, so call
     * it while the process runs, and {@link Copier#copy()} while {@link #stop()} holds it.
     *
     * <p>What is resident is copied: all memory of its own, and what it shares or has mapped of files, of which large
     * mappings are left out. Memory that was never touched is known to be zeros. Nothing becomes resident by it.
     *
     * @param most how much memory of this process a copy may take, in bytes
     * @return what copies it; for a target whose memory never changes, what gives that target itself
     * @throws NoSuchProcessException if the process ended
     */
    default Copier copier(long most) {
        return () -> this;
    }

    /**
     * Prepares to have the process {@linkplain #fork fork} a copy, at a moment that is chosen by {@link #stop(Rest,
     * Duration)} and {@link #settle}. Call it while the process runs, and {@link Copier#copy()} while it is stopped;
     * then let it go, and read the copy. If it can't be made to fork, that call tells so, with {@link
     * TargetException.Reason#NOT_FORKED}: the process stands still as before, and can be read itself.
     *
     * @return what forks it; for a target whose memory never changes, what gives that target itself
     * @throws NoSuchProcessException if the process ended
     */
    default Copier forker() {
        return () -> this;
    }

    /**
     * For how long this target has kept the process stopped. What can be found out while it runs on, such as its
     * mappings and modules, {@link #attach} finds out before.
     *
     * @return the time from the first thread's stop to now, or to the end of the stop, of all stops together; zero
     *     where nothing was stopped
     */
    default Duration standstill() {
        return Duration.ZERO;
    }

    /**
     * The signal that ended the process, as its core says.
     *
     * @return the number of the signal; empty for a process that lives, and for a core that names none, such as one
     *     that was made of a process that went on
     */
    default OptionalInt signal() {
        return OptionalInt.empty();
    }

    /**
     * The process id.
     *
     * @return the id as seen by this process, or as the core file has it, if it does
     */
    OptionalLong pid();

    /**
     * Names the target for messages.
     *
     * @return for example {@code process 4711 (nginx)} or {@code core file /tmp/core.4711 (nginx)}
     */
    String description();

    /**
     * The processor that the target's program was built for.
     *
     * @return the machine
     */
    Machine machine();

    /**
     * The page size of the target.
     *
     * @return the size in bytes
     */
    int pageSize();

    /**
     * The target's memory.
     *
     * @return the same object at every call
     */
    AddressSpace memory();

    /**
     * The threads, the main thread first, then by id.
     *
     * @return an unmodifiable list; with registers for a stopped process and for a core, without for an observed
     *     process that runs
     */
    List<ThreadState> threads();

    /**
     * The id by which a thread knows itself, which is another one in a container: in the pid namespace of the process.
     * That of the main thread is the process id there.
     *
     * @param tid the id of one of {@link #threads()}
     * @return the id there; {@code tid} itself for a core or a copy, for a thread that has ended, and where the kernel does
     *     not tell (before 4.1)
     */
    default long tidInside(long tid) {
        return tid;
    }

    /**
     * The ELF modules that are loaded, in address order: the program, its libraries, the vDSO.
     *
     * @return an unmodifiable list, found again for an observed process at each call if its mappings have changed; what
     *     is still loaded is the same object then
     */
    List<ElfModule> modules();

    /**
     * The module that an address lies in.
     *
     * @param address a target address
     * @return the module, one of {@link #modules()}; of an observed process one that was found before, if the address
     *     lies in one
     */
    default Optional<ElfModule> moduleAt(long address) {
        return modules().stream().filter(module -> module.contains(address)).findFirst();
    }

    /**
     * What a core file has of the process beside its memory, see {@link dev.heapwalk.memory.core.CoreWriter}. Of a
     * process that stands still it is as it is now; with all registers of all threads, which takes some microseconds for
     * each. Of a process that runs on it has none.
     *
     * @return what it has; of a core what that has; of a target that knows no more, its threads alone
     * @throws NoSuchProcessException if the process ended
     */
    default CoreFacts coreFacts() {
        ProcessNotes notes = new ProcessNotes(
                machine(),
                new ProcessNotes.Process(pid().orElse(0), 0, 0, 0, 'R', 0, 0, 0, 0, description(), new byte[0]));
        List<CoreNote> all = new ArrayList<>(List.of(notes.info()));
        threads().forEach(thread -> all.add(notes.status(thread)));
        all.add(notes.files(memory().mappings(), pageSize()));
        return new CoreFacts(all, CoreFacts.ALL, Set.of(), Set.of(), Set.of());
    }

    /**
     * What is known to be missing: parts of a core that were cut off or left out, files on disk that are not those that
     * were mapped. Each is one line for a person, with addresses and with what to do about it.
     *
     * @return an unmodifiable list, empty if nothing is known to be missing
     */
    default List<String> notices() {
        return List.of();
    }

    /**
     * Whether the target is a file that ends too early, so that what is looked for may be in the part that is missing.
     *
     * @return how much of it is there, or empty if none is known to be missing
     */
    default Optional<Truncation> truncation() {
        return Optional.empty();
    }

    /**
     * Lets the process go, or ends all that windows show of the core. A second call does nothing. Buffers are freed and
     * the core's file is unmapped when the garbage collector finds that no window is left.
     */
    @Override
    void close();
}
