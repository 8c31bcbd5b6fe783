// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.dump;

import dev.heapwalk.heap.RootCategory;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.python.PythonInterpreter;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.PythonThread;
import dev.heapwalk.python.frame.Frames;
import dev.heapwalk.python.gc.Roots;
import dev.heapwalk.text.JsonLines;
import dev.heapwalk.text.TextRules;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;

/** Writes the line that comes before all objects: the format, the interpreters, and what their threads run. */
final class FirstLine {
    private static final byte[] ID = JsonLines.ascii("{\"id\":\"_ROOTS_\"");
    private static final byte[] FORMAT = DumpLine.key("format");
    private static final byte[] MAX_STRING = DumpLine.key("max_string");
    private static final byte[] REDACTED = DumpLine.key("redacted");
    private static final byte[] VERSION = DumpLine.key("version");
    private static final byte[] BUILD = DumpLine.key("build");
    private static final byte[] PLATFORM = DumpLine.key("platform");
    private static final byte[] ALLOCATOR = DumpLine.key("allocator");
    private static final byte[] GC = DumpLine.key("gc");
    private static final byte[] ROOTS = DumpLine.key("roots");
    private static final byte[] INTERPRETERS = DumpLine.key("interpreters");
    private static final byte[] NUMBER = JsonLines.ascii("\"interpreter\":");
    private static final byte[] MODULES = DumpLine.key("modules");
    private static final byte[] SYSDICT = DumpLine.key("sysdict");
    private static final byte[] BUILTINS = DumpLine.key("builtins");
    private static final byte[] THREADS = DumpLine.key("threads");
    private static final byte[] TID = DumpLine.key("tid");
    private static final byte[] FRAMES = DumpLine.key("frames");
    private static final byte[] PTHREAD = JsonLines.ascii("\"pthread\":");

    private final PythonRuntime runtime;
    private final ObjectBatches objects;

    FirstLine(PythonRuntime runtime, ObjectBatches objects) {
        this.runtime = runtime;
        this.objects = objects;
    }

    DumpSummary write(OutputStream out) {
        List<String> holes = new ArrayList<>();
        try (ObjectBatches.Lines lines = objects.lines(out)) {
            DumpLine line = lines.line;
            line.begin();
            lines.json.raw(ID);
            line.number(FORMAT, HeapDump.FORMAT);
            TextRules rules = line.rules();
            if (rules.most() < Long.MAX_VALUE) {
                line.number(MAX_STRING, rules.most());
            }
            if (rules.redacts()) {
                line.flag(REDACTED, true);
            }
            line.name(VERSION, runtime.version());
            if (!runtime.banner().isEmpty()) {
                line.name(BUILD, runtime.banner());
            }
            line.name(PLATFORM, runtime.target().machine().label());
            line.name(
                    ALLOCATOR,
                    (runtime.freeThreaded() ? "mimalloc" : runtime.pymallocs().isEmpty() ? "malloc" : "pymalloc")
                            + (runtime.debugHeads() ? " debug" : ""));
            line.name(GC, runtime.rest().tells() ? runtime.rest().likely() ? "none" : "running" : "unknown");
            lines.json.raw(INTERPRETERS);
            line.openArray();
            Frames frames = new Frames(runtime, lines.reader);
            for (PythonInterpreter interpreter : runtime.interpreters()) {
                line.comma();
                interpreter(interpreter, lines, frames, holes);
            }
            line.closeInner();
            roots(lines, holes);
            line.closeAll();
            lines.json.flush();
            return DumpSummary.head(lines.json.bytes(), holes);
        }
    }

    /** What keeps objects alive, each once for each kind of root. */
    private void roots(ObjectBatches.Lines lines, List<String> holes) {
        DumpLine line = lines.line;
        lines.json.raw(ROOTS);
        line.openObject();
        try (Roots roots = new Roots(runtime, lines.ofReferences)) {
            for (RootCategory category : roots.categories()) {
                LongTable told = new LongTable();
                line.member(category.label());
                line.openArray();
                roots.roots(category, (address, _, _) -> {
                    if (line.isListed(address) && told.add(address, 1) == 1) {
                        line.comma();
                        lines.json.address(address);
                    }
                });
                line.close();
            }
            holes.addAll(roots.missing());
        }
        line.close();
    }

    private void interpreter(PythonInterpreter of, ObjectBatches.Lines lines, Frames frames, List<String> holes) {
        DumpLine line = lines.line;
        line.openObject();
        lines.json.raw(NUMBER);
        lines.json.decimal(Math.max(0, of.id()));
        line.reference(MODULES, of.modules());
        line.reference(SYSDICT, of.sysdict());
        line.reference(BUILTINS, of.builtins());
        lines.json.raw(THREADS);
        line.openArray();
        for (PythonThread thread : of.threads()) {
            line.comma();
            line.openObject();
            lines.json.raw(PTHREAD);
            lines.json.string("#0x" + Long.toHexString(thread.threadId()));
            if (thread.nativeThreadId() >= 0) {
                line.number(TID, thread.nativeThreadId());
            }
            lines.json.raw(FRAMES);
            line.openArray();
            frames.overThread(thread);
            while (frames.next()) {
                line.comma();
                line.openObject();
                lines.objects.frame(frames);
                line.close();
            }
            line.close();
            line.close();
            if (!frames.note().isEmpty()) {
                holes.add("thread 0x%x: %s".formatted(thread.threadId(), frames.note()));
            }
        }
        line.close();
        line.close();
    }
}
