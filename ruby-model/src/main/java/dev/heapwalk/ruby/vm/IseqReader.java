// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.IseqLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.SpecialConstants;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads compiled code as a whole. For one thread. */
final class IseqReader {
    private static final int HAS_LEAD = 1;
    private static final int HAS_OPT = 1 << 1;
    private static final int HAS_REST = 1 << 2;
    private static final int HAS_POST = 1 << 3;
    private static final int HAS_KW = 1 << 4;
    private static final int HAS_KWREST = 1 << 5;
    private static final int HAS_BLOCK = 1 << 6;
    private static final int MOST_LOCALS = 1 << 16;
    private static final int MOST_WORDS = 1 << 26;
    private static final Optional<String> MAIN = Optional.of("<main>");

    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final Reader memory;
    private final IseqLayout layout;
    private final Texts texts;

    IseqReader(Interpreter interpreter, Texts texts) {
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.memory = reader.memory();
        this.layout = RubyLayout.of(reader.series()).iseq();
        this.texts = texts;
    }

    /** Reads one whose body is not 0; empty if what is there makes no sense. */
    Optional<Iseq> read(long address, long body) {
        IseqType type = IseqType.of(memory.readInt(body + IseqLayout.TYPE));
        int size = memory.readInt(body + IseqLayout.ISEQ_SIZE);
        long encoded = memory.readLong(body + IseqLayout.ISEQ_ENCODED);
        if (type == null || size < 0 || size > MOST_WORDS || size > 0 && !memory.mapped(encoded, 8L * size)) {
            return Optional.empty();
        }
        long pathobj = memory.readLong(body + IseqLayout.PATHOBJ);
        boolean pair = texts.isArray(pathobj);
        Optional<String> path = texts.of(pair ? texts.element(pathobj, 0) : pathobj);
        Optional<String> absolutePath = pair ? texts.of(texts.element(pathobj, 1)) : path;
        long firstLine = layout.firstLineIsValue()
                ? memory.readLong(body + IseqLayout.FIRST_LINENO)
                : memory.readInt(body + IseqLayout.FIRST_LINENO) * 2L + 1;
        boolean shownAsC = layout.builtinAttributes() >= 0
                && (memory.readInt(body + layout.builtinAttributes()) & IseqLayout.C_TRACE) != 0;
        Optional<String> label = texts.of(memory.readLong(body + IseqLayout.LABEL));
        long[] locals = locals(body);
        Iseq read = new Iseq(
                interpreter,
                address,
                body,
                type,
                path,
                absolutePath,
                // A literal in C, which cores may lack.
                label.isEmpty() && type == IseqType.MAIN ? MAIN : label,
                texts.of(memory.readLong(body + IseqLayout.BASE_LABEL)),
                SpecialConstants.isFixnum(firstLine) ? (int) (firstLine >> 1) : 0,
                encoded,
                size,
                memory.readLong(body + layout.parentIseq()),
                memory.readLong(body + layout.localIseq()),
                locals,
                parameters(body, locals),
                shownAsC);
        return read.present();
    }

    private long[] locals(long body) {
        int count = memory.readInt(body + layout.localTableSize());
        long table = memory.readLong(body + layout.localTable());
        if (count < 0 || count > MOST_LOCALS) {
            throw new UnmappedAddressException(table, table, Math.max(0, count));
        }
        long[] ids = new long[count];
        if (count > 0 && texts.mayLack(table) && memory.find(table, Long.BYTES) < 0) {
            // That of a rescue clause is a constant in C.
            return ids;
        }
        if (count > 0 && !memory.mapped(table, 8L * count)) {
            throw new UnmappedAddressException(table, table, count);
        }
        for (int i = 0; i < count; i++) {
            ids[i] = memory.readLong(table + 8L * i);
        }
        return ids;
    }

    private List<Parameter> parameters(long body, long[] locals) {
        List<Parameter> found = new ArrayList<>();
        int flags = memory.readInt(body + IseqLayout.PARAM_FLAGS);
        int next = 0;
        if ((flags & HAS_LEAD) != 0) {
            next = add(found, Parameter.Kind.REQ, locals, 0, memory.readInt(body + IseqLayout.PARAM_LEAD_NUM));
        }
        if ((flags & HAS_OPT) != 0) {
            add(found, Parameter.Kind.OPT, locals, next, memory.readInt(body + IseqLayout.PARAM_OPT_NUM));
        }
        if ((flags & HAS_REST) != 0) {
            add(found, Parameter.Kind.REST, locals, memory.readInt(body + IseqLayout.PARAM_REST_START), 1);
        }
        if ((flags & HAS_POST) != 0) {
            add(
                    found,
                    Parameter.Kind.REQ,
                    locals,
                    memory.readInt(body + IseqLayout.PARAM_POST_START),
                    memory.readInt(body + IseqLayout.PARAM_POST_NUM));
        }
        long keyword = (flags & (HAS_KW | HAS_KWREST)) == 0 ? 0 : memory.readLong(body + IseqLayout.PARAM_KEYWORD);
        if ((flags & HAS_KW) != 0) {
            int count = memory.readInt(keyword);
            int required = memory.readInt(keyword + IseqLayout.KEYWORD_REQUIRED);
            int first = memory.readInt(keyword + IseqLayout.KEYWORD_BITS) - count;
            add(found, Parameter.Kind.KEYREQ, locals, first, required);
            add(found, Parameter.Kind.KEY, locals, first + required, count - required);
        }
        if ((flags & HAS_KWREST) != 0) {
            add(found, Parameter.Kind.KEYREST, locals, memory.readInt(keyword + IseqLayout.KEYWORD_REST), 1);
        }
        if ((flags & HAS_BLOCK) != 0) {
            add(found, Parameter.Kind.BLOCK, locals, memory.readInt(body + IseqLayout.PARAM_BLOCK_START), 1);
        }
        return found;
    }

    private int add(List<Parameter> found, Parameter.Kind kind, long[] locals, int first, int count) {
        int end = (int) Math.min(locals.length, Math.max(0, (long) first + count));
        for (int i = Math.max(0, first); i < end; i++) {
            found.add(new Parameter(kind, name(locals[i]), i));
        }
        return end;
    }

    private Optional<String> name(long id) {
        if (interpreter.isLocal(id)) {
            return reader.symbols().of(id);
        }
        // A parameter without a name has that of an operator since 3.2; others are the interpreter's own.
        return id == 0
                ? Optional.empty()
                : reader.symbols().of(id).filter(name -> name.equals("*") || name.equals("**") || name.equals("&"));
    }
}
