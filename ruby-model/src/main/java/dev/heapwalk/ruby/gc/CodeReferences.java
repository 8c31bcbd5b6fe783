// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.gc;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.layout.AstLayout;
import dev.heapwalk.ruby.layout.EnvFlags;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.IseqLayout;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.MethodCursor;
import dev.heapwalk.ruby.object.Shapes;
import java.lang.foreign.MemorySegment;

/**
 * The references of what the virtual machine keeps for itself: compiled code, methods, environments. C name {@code
 * gc_mark_imemo}.
 */
final class CodeReferences {
    private final ObjectReader reader;
    private final Reader memory;
    private final Marking mark;
    private final MarkLayout.Iseq iseq;
    private final AstLayout tree;
    private final ImemoLayout imemo;
    private final long[] code = new long[Window.MAX_LENGTH / 16];

    CodeReferences(Marking mark) {
        this.mark = mark;
        this.reader = mark.reader();
        this.memory = reader.memory();
        this.iseq = RubyLayout.of(reader.edition()).mark().iseq();
        this.tree = RubyLayout.of(reader.series()).ast();
        this.imemo = RubyLayout.of(reader.edition()).imemo();
    }

    /** Marks what an object of type {@code T_IMEMO} refers to. Returns whether that is known in full. */
    boolean of(RValue slot) {
        long object = slot.address();
        long flags = slot.flags();
        // The slot may lie in the reader's window, so all of it is read before anything else is. Most kinds are known
        // by their words alone.
        long first = slot.readLong(ImemoLayout.FIRST);
        long second = slot.readLong(ImemoLayout.SECOND);
        long third = slot.readLong(ImemoLayout.THIRD);
        long fourth = slot.readLong(ImemoLayout.FOURTH);
        switch (reader.imemoType(flags)) {
            case ENV -> environment(first, second, third, fourth);
            case CREF -> {
                mark.value("klass", second);
                mark.value("next", third);
                mark.value("refinements", first);
            }
            case SVAR -> {
                mark.value("cref_or_me", first);
                mark.value("lastline", second);
                mark.value("backref", third);
                mark.value("others", fourth);
            }
            case CVAR_ENTRY -> {
                mark.elements("");
                mark.numbered(0, first);
                mark.numbered(1, second);
                mark.numbered(2, third);
                mark.numbered(3, fourth);
            }
            case THROW_DATA -> mark.value("throw_obj", second);
            case IFUNC -> mark.maybe("data", third);
            case MEMO -> {
                mark.value("v1", first);
                mark.value("v2", second);
                mark.maybe("u3", third);
            }
            case MENT -> method(object, first, second, fourth);
            case ISEQ -> {
                mark.value("wrapper", first);
                iseq(flags, second, third);
            }
            case TMPBUF -> buffers(object);
            case AST -> {
                return tree(first, third, fourth);
            }
            case PARSER_STRTERM -> {
                if ((flags & imemo.strtermLiteral()) != 0) {
                    mark.value("literal", first);
                }
            }
            case CALLINFO -> {}
            case CALLCACHE -> callCache(flags, first, second);
            case CONSTCACHE -> mark.value("value", first);
            case FIELDS -> fields(object, flags, second);
            case UNKNOWN -> {
                return false;
            }
        }
        return true;
    }

    private void environment(long code, long ep, long values, long size) {
        if (ep == 0) {
            return;
        }
        mark.value("code", code);
        mark.name(EdgeLabel.Form.LOCAL, "", code, ep - values >> 3);
        mark.run(values, size & 0xffffffffL);
        // rb_vm_env_prev_env
        if ((memory.readLong(ep) & EnvFlags.LOCAL) == 0) {
            long previous = memory.readLong(ep + EnvFlags.SPECIAL) & ~EnvFlags.SPECIAL_TAG;
            mark.at("closure", previous + EnvFlags.OBJECT);
        }
    }

    private void method(long entry, long definedClass, long definition, long owner) {
        mark.value("owner", owner);
        mark.value("defined_class", definedClass);
        if (definition == 0) {
            return;
        }
        long offset = memory.require(definition, ImemoLayout.DEFINITION_THIRD);
        MemorySegment segment = memory.segment();
        int bits = segment.get(Words.INT, offset);
        long first = segment.get(Words.LONG, offset + ImemoLayout.DEFINITION_BODY);
        long second = segment.get(Words.LONG, offset + ImemoLayout.DEFINITION_SECOND);
        switch (MethodCursor.Kind.of(bits)) {
            case ISEQ -> {
                mark.value("code", first);
                mark.value("cref", second);
                if ((bits & imemo.overloads()) != 0 && definedClass != 0) {
                    mark.value("overloaded", entry);
                }
            }
            case ATTRSET, IVAR -> mark.value("location", second);
            case BMETHOD -> {
                mark.value("proc", first);
                // Since 4.0 the ractors have the hooks.
                if (second != 0 && imemo.blockMethodHasHooks()) {
                    mark.hooks(second);
                }
            }
            case ALIAS -> mark.value("original", first);
            case REFINED -> {
                mark.value("original", first);
                if (imemo.refinedMarksOwner()) {
                    mark.value("refined_owner", second);
                }
            }
            default -> {}
        }
    }

    private void callCache(long flags, long klass, long entry) {
        if (imemo.callCacheMarksEntry()) {
            mark.value("cme", entry);
        } else if ((flags & ImemoLayout.CALL_CACHE_UNCHAINED) != 0) {
            mark.value("cme", entry);
            if (imemo.callCacheMarksClass()) {
                mark.value("klass", klass);
            }
        }
    }

    private void buffers(long object) {
        long at = object;
        for (int left = Marking.LONGEST_LIST; at != 0; left--) {
            if (left == 0) {
                throw new UnmappedAddressException(at, object, Marking.LONGEST_LIST);
            }
            long start = memory.readLong(at + imemo.bufferStart());
            long count = memory.readLong(at + imemo.bufferCount());
            long next = imemo.buffersChained() ? memory.readLong(at + ImemoLayout.BUFFER_NEXT) : 0;
            if (count < 0 || count > Long.MAX_VALUE / Long.BYTES) {
                throw new UnmappedAddressException(start, start, Long.MAX_VALUE);
            }
            if (start != 0 && count != 0) {
                mark.locations("buffer", start, start + count * Long.BYTES);
            }
            at = next;
        }
    }

    /**
     * A syntax tree, without the lists of arguments in it, so that it is never known in full. Until 3.3. C name
     * {@code rb_ast_mark}.
     */
    private boolean tree(long buffer, long third, long fourth) {
        if (tree.marksOptions()) {
            mark.value("compile_option", third);
        }
        if (tree.marksScripts()) {
            mark.value("script_lines", fourth);
        }
        if (buffer == 0) {
            return true;
        }
        mark.fields(buffer, tree.bufferValues());
        if (tree.nodePointers()) {
            mark.value("tokens", third);
        }
        long element = memory.readLong(buffer + tree.markable());
        long length = tree.markableUsed() < 0 ? -1 : memory.readLong(buffer + tree.markableUsed());
        for (int left = Marking.LONGEST_LIST; element != 0 && left > 0; left--) {
            long count = length >= 0 ? length : memory.readLong(element + AstLayout.ELEMENT_LENGTH);
            nodes(element, count);
            length = -1;
            element = memory.readLong(element);
        }
        return false;
    }

    /** Marks the literals of the nodes that may have some. */
    private void nodes(long element, long count) {
        boolean pointers = tree.nodePointers();
        int size = pointers ? Long.BYTES : AstLayout.NODE_SIZE;
        long at = pointers ? memory.readLong(element + AstLayout.ELEMENT_NODES) : element + AstLayout.ELEMENT_BUFFER;
        memory.requireMapped(at, count, size);
        for (long i = 0; i < count; i++) {
            mark.at("literal", (pointers ? memory.readLong(at + i * size) : at + i * size) + tree.nodeLiteral());
        }
    }

    /** The instance variables of another object. C name {@code struct rb_fields}. */
    private void fields(long object, long flags, long first) {
        int shape = Shapes.of(flags);
        if (reader.shapes().tooComplex(shape)) {
            mark.ivars(first);
        } else {
            mark.name(EdgeLabel.Form.IVAR_OF_SHAPE, "", shape, 0);
            mark.run(
                    (flags & ImemoLayout.FIELDS_HEAP) == 0 ? object + ImemoLayout.FIELDS_VALUES : first,
                    reader.shapes().nextIvIndex(shape));
        }
    }

    private void iseq(long flags, long body, long auxiliary) {
        if (body != 0) {
            body(body, flags, auxiliary);
        }
        if ((flags & ImemoLayout.CODE_NOT_LOADED) != 0) {
            mark.value("loader", auxiliary);
        } else if ((flags & ImemoLayout.CODE_COMPILING) != 0) {
            if (auxiliary != 0) {
                mark.values("compile_data", auxiliary, 2);
            }
        } else if (auxiliary != 0 && imemo.codeHasHooks()) {
            mark.hooks(auxiliary);
        }
    }

    private void body(long body, long flags, long auxiliary) {
        if (iseq.markBits() >= 0) {
            storedByKind(body);
            markedWords(body);
        } else if ((flags & ImemoLayout.CODE_MARKABLE) != 0) {
            operands(body);
        }
        mark.fields(body, iseq.values());
        calls(body);
        long keywords = memory.readLong(body + IseqLayout.PARAM_KEYWORD);
        boolean compiling = (flags & ImemoLayout.CODE_COMPILING) != 0 && auxiliary != 0;
        if ((memory.readInt(body + IseqLayout.PARAM_FLAGS) & IseqLayout.HAS_KEYWORDS) != 0
                && keywords != 0
                && !(imemo.keywordsAfterCompiling() && compiling)) {
            long count = (long) memory.readInt(keywords) - memory.readInt(keywords + IseqLayout.KEYWORD_REQUIRED);
            long values = memory.readLong(keywords + IseqLayout.KEYWORD_DEFAULTS);
            if (values != 0) {
                mark.values("keyword.default_values", values, count);
            }
        }
        long table = memory.readLong(body + iseq.catchTable());
        if (table != 0) {
            long size = memory.readInt(table) & 0xffffffffL;
            long first = table + IseqLayout.CATCH_ENTRIES;
            memory.requireMapped(first, size, IseqLayout.CATCH_ENTRY_SIZE);
            mark.elements("catch_table");
            for (long i = 0; i < size; i++) {
                mark.numbered(
                        i, memory.readLong(first + i * IseqLayout.CATCH_ENTRY_SIZE + IseqLayout.CATCH_ENTRY_ISEQ));
            }
        }
    }

    /** Call information and caches. */
    private void calls(long body) {
        if (!imemo.callsMarked()) {
            return;
        }
        long calls = memory.readLong(body + iseq.callData());
        long count = memory.readInt(body + iseq.callCount()) & 0xffffffffL;
        if (calls == 0 || count == 0) {
            return;
        }
        memory.requireMapped(calls, count, IseqLayout.CALL_SIZE);
        mark.elements("call_data");
        for (long i = 0; i < count; i++) {
            long offset = memory.require(calls + i * IseqLayout.CALL_SIZE, IseqLayout.CALL_SIZE);
            long cache = memory.segment().get(Words.LONG, offset + IseqLayout.CALL_CACHE);
            mark.numbered(i, memory.segment().get(Words.LONG, offset));
            if (cache != 0 && !imemo.callCachesForgotten() && active(cache)) {
                mark.numbered(i, cache);
            }
        }
    }

    /** Whether a call cache still holds. C names {@code vm_cc_invalidated_p} and {@code cc_is_active}. */
    boolean active(long cache) {
        // One that lies in no slot belongs to no heap: there is one for all empty ones.
        if (!reader.isSlot(cache)) {
            return false;
        }
        long offset = memory.require(cache, ImemoLayout.CALL_CACHE_ENTRY + Long.BYTES);
        long flags = memory.segment().get(Words.LONG, offset);
        long klass = memory.segment().get(Words.LONG, offset + ImemoLayout.CALL_CACHE_CLASS);
        long entry = memory.segment().get(Words.LONG, offset + ImemoLayout.CALL_CACHE_ENTRY);
        return (flags & imemo.uncacheable()) == 0 && klass != 0 && entry != 0 && !mark.invalidated(entry);
    }

    /** The words of the code that a bitmap marks. Since 3.2. */
    private void markedWords(long body) {
        long bits = memory.readLong(body + iseq.markBits());
        if (bits == 0) {
            return;
        }
        long size = memory.readInt(body + IseqLayout.ISEQ_SIZE) & 0xffffffffL;
        long encoded = memory.readLong(body + IseqLayout.ISEQ_ENCODED);
        mark.elements("code");
        if (size <= Long.SIZE) {
            markedWords(encoded, 0, bits);
            return;
        }
        memory.requireMapped(encoded, size, Long.BYTES);
        for (long i = 0; i < (size + Long.SIZE - 1) / Long.SIZE; i++) {
            markedWords(encoded, i * Long.SIZE, memory.readLong(bits + i * Long.BYTES));
        }
    }

    private void markedWords(long encoded, long first, long bits) {
        for (long left = bits; left != 0; left &= left - 1) {
            long index = first + Long.numberOfTrailingZeros(left);
            mark.numbered(index, memory.readLong(encoded + index * Long.BYTES));
        }
    }

    /**
     * What was stored beside the code: caches of class variables, values of once blocks, caches of constants. Since
     * 3.2.
     */
    private void storedByKind(long body) {
        long storage = memory.readLong(body + iseq.inlineStorage());
        if (storage == 0) {
            return;
        }
        long constants = memory.readInt(body + iseq.inlineCounts()) & 0xffffffffL;
        long once = memory.readInt(body + iseq.inlineCounts() + MarkLayout.Iseq.ONCE_COUNT) & 0xffffffffL;
        long ivars = memory.readInt(body + iseq.inlineCounts() + MarkLayout.Iseq.IVAR_COUNT) & 0xffffffffL;
        long classVariables =
                memory.readInt(body + iseq.inlineCounts() + MarkLayout.Iseq.CLASS_VARIABLE_COUNT) & 0xffffffffL;
        int size = iseq.inlineStorageSize();
        memory.requireMapped(storage, constants + once + ivars + classVariables, size);
        long at = storage + ivars * size;
        for (long i = 0; i < classVariables; i++, at += size) {
            long entry = memory.readLong(at);
            if (entry != 0) {
                // An object in later patch levels of 4.0, else in memory of its own.
                if (reader.isSlot(entry)) {
                    mark.value("class_variable_cache", entry);
                } else {
                    mark.at("class_variable_cache", entry + IseqLayout.CLASS_VARIABLE_CREF);
                }
            }
        }
        for (long i = 0; i < once; i++, at += size) {
            mark.at("once", at + IseqLayout.ONCE_VALUE);
        }
        for (long i = 0; i < constants; i++, at += size) {
            mark.at("constant_cache", at);
        }
    }

    /**
     * The operands in the code, until 3.1. Which words are operands only the interpreter's own tables tell, but a word
     * that is a slot's address can be nothing else, and what stands before a pointer into the storage beside the code
     * tells what that is: a once block follows its code. A cache of a constant is an object, one of a variable is not.
     */
    private void operands(long body) {
        long size = memory.readInt(body + IseqLayout.ISEQ_SIZE) & 0xffffffffL;
        long encoded = memory.readLong(body + IseqLayout.ISEQ_ENCODED);
        long storage = memory.readLong(body + iseq.inlineStorage());
        long stored = (memory.readInt(body + iseq.inlineCounts()) & 0xffffffffL) * iseq.inlineStorageSize();
        memory.requireMapped(encoded, size, Long.BYTES);
        long previous = 0;
        mark.elements("code");
        for (long index = 0; index < size; ) {
            int length = (int) Math.min(code.length, size - index);
            long offset = memory.require(encoded + index * Long.BYTES, (long) length * Long.BYTES);
            MemorySegment.copy(memory.segment(), Words.LONG, offset, code, 0, length);
            for (int i = 0; i < length; i++) {
                long word = code[i];
                long within = word - storage;
                if (storage != 0 && within >= 0 && within < stored && within % iseq.inlineStorageSize() == 0) {
                    stored(word, previous);
                    mark.elements("code");
                } else {
                    mark.numbered(index + i, word);
                }
                previous = word;
            }
            index += length;
        }
    }

    private void stored(long entry, long previous) {
        if (reader.isSlot(previous)) {
            mark.at("once", entry + IseqLayout.ONCE_VALUE);
        } else if (imemo.constantCacheInOperand()) {
            long cached = memory.readLong(entry);
            if (reader.isSlot(cached)) {
                mark.value("constant_cache", cached);
            } else if (cached != 0) {
                mark.at("constant_cache", cached + IseqLayout.CONSTANT_VALUE);
            }
        }
    }
}
