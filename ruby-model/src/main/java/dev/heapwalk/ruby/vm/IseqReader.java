// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.IseqLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.SpecialConstants;
import java.util.ArrayList;
import java.util.List;

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

    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final IseqLayout layout;
    private final Texts texts;

    IseqReader(Interpreter interpreter, Texts texts) {
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.layout = RubyLayout.of(reader.series()).iseq();
        this.texts = texts;
    }

    /** Reads one whose body is not 0; null if what is there makes no sense. */
    Iseq read(long address, long body) {
        IseqType type = IseqType.of(reader.half(body + IseqLayout.TYPE));
        int size = reader.half(body + IseqLayout.ISEQ_SIZE);
        long encoded = reader.word(body + IseqLayout.ISEQ_ENCODED);
        if (type == null || size < 0 || size > MOST_WORDS || size > 0 && !reader.mapped(encoded, 8L * size)) {
            return null;
        }
        long pathobj = reader.word(body + IseqLayout.PATHOBJ);
        boolean pair = texts.isArray(pathobj);
        String path = texts.of(pair ? texts.element(pathobj, 0) : pathobj);
        String absolutePath = pair ? texts.of(texts.element(pathobj, 1)) : path;
        long firstLine = layout.firstLineIsValue()
                ? reader.word(body + IseqLayout.FIRST_LINENO)
                : reader.half(body + IseqLayout.FIRST_LINENO) * 2L + 1;
        boolean shownAsC = layout.builtinAttributes() >= 0
                && (reader.half(body + layout.builtinAttributes()) & IseqLayout.C_TRACE) != 0;
        long[] locals = locals(body);
        return new Iseq(
                interpreter,
                address,
                body,
                type,
                path,
                absolutePath,
                texts.of(reader.word(body + IseqLayout.LABEL)),
                texts.of(reader.word(body + IseqLayout.BASE_LABEL)),
                SpecialConstants.isFixnum(firstLine) ? (int) (firstLine >> 1) : 0,
                encoded,
                size,
                reader.word(body + layout.parentIseq()),
                reader.word(body + layout.localIseq()),
                locals,
                parameters(body, locals),
                shownAsC);
    }

    private long[] locals(long body) {
        int count = reader.half(body + layout.localTableSize());
        long table = reader.word(body + layout.localTable());
        if (count < 0 || count > MOST_LOCALS || count > 0 && !reader.mapped(table, 8L * count)) {
            throw new UnmappedAddressException(table, table, Math.max(0, count));
        }
        long[] ids = new long[count];
        for (int i = 0; i < count; i++) {
            ids[i] = reader.word(table + 8L * i);
        }
        return ids;
    }

    private List<Parameter> parameters(long body, long[] locals) {
        List<Parameter> found = new ArrayList<>();
        int flags = reader.half(body + IseqLayout.PARAM_FLAGS);
        int next = 0;
        if ((flags & HAS_LEAD) != 0) {
            next = add(found, Parameter.Kind.REQ, locals, 0, reader.half(body + IseqLayout.PARAM_LEAD_NUM));
        }
        if ((flags & HAS_OPT) != 0) {
            add(found, Parameter.Kind.OPT, locals, next, reader.half(body + IseqLayout.PARAM_OPT_NUM));
        }
        if ((flags & HAS_REST) != 0) {
            add(found, Parameter.Kind.REST, locals, reader.half(body + IseqLayout.PARAM_REST_START), 1);
        }
        if ((flags & HAS_POST) != 0) {
            add(
                    found,
                    Parameter.Kind.REQ,
                    locals,
                    reader.half(body + IseqLayout.PARAM_POST_START),
                    reader.half(body + IseqLayout.PARAM_POST_NUM));
        }
        long keyword = (flags & (HAS_KW | HAS_KWREST)) == 0 ? 0 : reader.word(body + IseqLayout.PARAM_KEYWORD);
        if ((flags & HAS_KW) != 0) {
            int count = reader.half(keyword);
            int required = reader.half(keyword + IseqLayout.KEYWORD_REQUIRED);
            int first = reader.half(keyword + IseqLayout.KEYWORD_BITS) - count;
            add(found, Parameter.Kind.KEYREQ, locals, first, required);
            add(found, Parameter.Kind.KEY, locals, first + required, count - required);
        }
        if ((flags & HAS_KWREST) != 0) {
            add(found, Parameter.Kind.KEYREST, locals, reader.half(keyword + IseqLayout.KEYWORD_REST), 1);
        }
        if ((flags & HAS_BLOCK) != 0) {
            add(found, Parameter.Kind.BLOCK, locals, reader.half(body + IseqLayout.PARAM_BLOCK_START), 1);
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

    private String name(long id) {
        if (interpreter.isLocal(id)) {
            return reader.symbols().of(id);
        }
        // A parameter without a name has that of an operator since 3.2; others are the interpreter's own.
        String name = id == 0 ? null : reader.symbols().of(id);
        return name != null && (name.equals("*") || name.equals("**") || name.equals("&")) ? name : null;
    }
}
