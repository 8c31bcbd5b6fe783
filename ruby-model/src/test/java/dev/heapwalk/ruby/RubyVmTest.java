// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import dev.heapwalk.testkit.CoreEditor;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RubyVmTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void countsWhatObjectSpaceCounts(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            Path core = Cores.gcore(process, folder);
            Map<String, Long> stopped;
            try (Target target = Target.attach(process.pid())) {
                RubyVm vm = RubyVm.locate(target);
                RubyVm blind = RubyVm.locate(target, RubyVm.Symbols.IGNORE);
                assertThat(vm.version()).startsWith(ruby.version() + ".").isEqualTo(blind.version());
                assertThat(vm.platform()).isEqualTo(blind.platform()).isNotEmpty();
                assertThat(vm.address()).isEqualTo(blind.address());
                assertThat(vm.objspace()).isEqualTo(blind.objspace());
                assertThat(vm.symbolIds()).isEqualTo(blind.symbolIds()).isNotZero();
                assertThat(vm.globals()).isEqualTo(blind.globals()).isNotZero();
                assertThat(vm.genericIvars()).isEqualTo(blind.genericIvars());
                assertThat(vm.shapeList()).isEqualTo(blind.shapeList());
                assertThat(vm.shapeList() != 0).isEqualTo(ruby.isAtLeast(3, 2));
                assertThat(vm.collection()).isEqualTo(RubyVm.Collection.NONE);
                stopped = TypeCounts.of(vm);
                assertThat(TypeCounts.of(blind)).isEqualTo(stopped);
                assertThat(vm.reader().symbols().ofSerial(vm.reader().symbols().serialOf("each_with_index")))
                        .hasValue("each_with_index");
            }
            try (Target target = Target.observe(process.pid())) {
                assertThat(TypeCounts.of(RubyVm.locate(target))).isEqualTo(stopped);
            }
            try (Target target = Target.core(core, ruby.root())) {
                assertThat(TypeCounts.of(RubyVm.locate(target))).isEqualTo(stopped);
                assertThat(TypeCounts.of(RubyVm.locate(target, RubyVm.Symbols.IGNORE)))
                        .isEqualTo(stopped);
            }
            TypeCounts.assertSaidBy(process, stopped);
        }
    }

    /** A cursor reads what its window shows without asking: whoever closes the core under it must not end the JVM. */
    @Test
    void aCursorOverAClosedCoreEndsAtTheNextPage() throws Exception {
        Path core;
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start()) {
            core = Cores.gcore(process, folder);
        }
        SlotCursor slot = slotsOfAClosedCore(core);
        int page = slot.page();
        System.gc();
        System.gc();
        assertThatThrownBy(() -> {
                    while (slot.next()) {
                        assertThat(slot.page()).isEqualTo(page);
                        assertThat(slot.type()).isNotNull();
                    }
                })
                .isInstanceOf(IllegalStateException.class)
                .hasMessageStartingWith("core file " + core)
                .hasMessageEndingWith(" is closed: it can't be read any more");
        assertThatThrownBy(slot::klass).isInstanceOf(IllegalStateException.class);
    }

    private static SlotCursor slotsOfAClosedCore(Path core) {
        try (Target target = Target.core(core, Ruby.TRIXIE.root())) {
            SlotCursor slot = RubyVm.locate(target).slots();
            assertThat(slot.next()).isTrue();
            return slot;
        }
    }

    /** Nothing here needs the C library's malloc. */
    @Test
    void readsARubyOnAnotherAllocator() throws Exception {
        try (Jemalloc jemalloc = new Jemalloc(Ruby.TRIXIE, folder);
                RubyProcess process =
                        jemalloc.in(RubyProcess.of(Ruby.TRIXIE, "every_type")).start();
                Target target = Target.attach(process.pid())) {
            assertThat(Files.readString(Path.of("/proc/" + process.pid() + "/maps")))
                    .contains("jemalloc");
            Map<String, Long> counts = TypeCounts.of(RubyVm.locate(target));
            assertThat(TypeCounts.of(RubyVm.locate(target, RubyVm.Symbols.IGNORE)))
                    .isEqualTo(counts);
            assertThat(counts.get("T_CLASS")).isGreaterThan(500);
        }
    }

    /** Slots of 48 bytes, on every page. */
    @Test
    void refusesADebugBuild() throws Exception {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start()) {
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.core(core, process.ruby().root());
                    CoreEditor editor = new CoreEditor(core)) {
                RubyVm vm = RubyVm.locate(target);
                for (int page = 0; page < vm.pages().count(); page++) {
                    int slotSize = vm.pages().slotSize(page) * 48 / 40;
                    int slots = (int) (vm.pages().body(page)
                                    + vm.layout().page().bodySize()
                                    - vm.pages().start(page))
                            / slotSize;
                    long word = editor.word(vm.pages().descriptor(page));
                    editor.set(vm.pages().descriptor(page), word & -1L << 32 | slots << 16 | slotSize);
                }
            }
            try (Target target = Target.core(core, process.ruby().root())) {
                assertThatThrownBy(() -> RubyVm.locate(target))
                        .isInstanceOf(UnsupportedTargetException.class)
                        .hasMessageContaining("runs Ruby 3.3")
                        .hasMessageContaining("slots of 48 bytes, as a debug build's");
            }
        }
    }

    /**
     * The hints of the layout fail: a patch release has moved the object space in the virtual machine, and the list in
     * it.
     */
    @Test
    void findsWhatAPatchReleaseMoved() throws Exception {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start()) {
            Path core = Cores.gcore(process, folder);
            Map<String, Long> counts;
            try (Target target = Target.core(core, process.ruby().root());
                    CoreEditor editor = new CoreEditor(core)) {
                RubyVm vm = RubyVm.locate(target);
                counts = TypeCounts.of(vm);
                long pointer = vm.address() + vm.layout().vm().objspace();
                editor.set(pointer + 16, editor.word(pointer));
                editor.set(pointer, 0);
                long list = vm.objspace() + vm.layout().objspace().sorted();
                for (int word = 5; word >= 0; word--) {
                    editor.set(list + 16 + 8 * word, editor.word(list + 8 * word));
                }
                editor.set(list, 0);
                editor.set(list + 8, 0);
            }
            try (Target target = Target.core(core, process.ruby().root())) {
                RubyVm vm = RubyVm.locate(target);
                assertThat(TypeCounts.of(vm)).isEqualTo(counts);
                assertThat(vm.evidence())
                        .anyMatch(evidence -> evidence.basis().contains("not where it is known to be"));
            }
        }
    }

    /** A page has been put into the list and does not point back yet. */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void findsTheOtherPagesWhileOneIsMade(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            Path core = Cores.gcore(process, folder);
            List<Long> starts;
            try (Target target = Target.core(core, ruby.root());
                    CoreEditor editor = new CoreEditor(core)) {
                RubyVm vm = RubyVm.locate(target);
                starts = starts(vm.pages());
                editor.set(body(vm, starts.remove(2)), 0);
            }
            try (Target target = Target.core(core, ruby.root())) {
                assertThat(starts(RubyVm.locate(target).pages())).isEqualTo(starts);
                assertThat(starts(RubyVm.locate(target, RubyVm.Symbols.IGNORE).pages()))
                        .isEqualTo(starts);
            }
        }
    }

    /**
     * Pages at the beginning have been freed, and the rest of the list has not yet been moved down over their entries.
     */
    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void findsEveryPageWhileOthersAreFreed(Ruby ruby) throws Exception {
        int freed = 30;
        try (RubyProcess process = RubyProcess.of(ruby, "every_type").start()) {
            Path core = Cores.gcore(process, folder);
            List<Long> starts;
            try (Target target = Target.core(core, ruby.root());
                    CoreEditor editor = new CoreEditor(core)) {
                RubyVm vm = RubyVm.locate(target);
                starts = starts(vm.pages());
                assertThat(starts).hasSizeGreaterThan(2 * freed);
                for (int i = 0; i < freed; i++) {
                    long body = body(vm, starts.remove(1));
                    // What free leaves in the descriptor.
                    editor.set(editor.word(body), 0x4141_4141_4141L);
                    editor.set(body, 0);
                }
                // A list of the later kind keeps its length until all are freed.
                if (!vm.layout().objspace().dynamicArray()) {
                    long count = vm.objspace() + vm.layout().objspace().sorted() + 8;
                    editor.set(count, editor.word(count) - freed);
                }
            }
            try (Target target = Target.core(core, ruby.root())) {
                assertThat(starts(RubyVm.locate(target).pages())).isEqualTo(starts);
            }
        }
    }

    private static List<Long> starts(HeapPages pages) {
        List<Long> starts = new ArrayList<>();
        for (int page = 0; page < pages.count(); page++) {
            starts.add(pages.start(page));
        }
        return starts;
    }

    private static long body(RubyVm vm, long start) {
        return start & -(long) vm.layout().page().bodySize();
    }

    /** The list names a page twice. */
    @Test
    void takesNoPageTwice() throws Exception {
        try (RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start()) {
            Path core = Cores.gcore(process, folder);
            int pages;
            try (Target target = Target.core(core, process.ruby().root());
                    CoreEditor editor = new CoreEditor(core)) {
                RubyVm vm = RubyVm.locate(target);
                pages = vm.pages().count();
                long list = editor.word(vm.objspace() + vm.layout().objspace().sorted());
                editor.set(list + 8 * 100, editor.word(list));
            }
            try (Target target = Target.core(core, process.ruby().root())) {
                HeapPages found = RubyVm.locate(target).pages();
                assertThat(found.count()).isEqualTo(pages - 1);
                for (int page = 1; page < found.count(); page++) {
                    assertThat(found.start(page)).isGreaterThan(found.start(page - 1));
                }
            }
        }
    }
}
