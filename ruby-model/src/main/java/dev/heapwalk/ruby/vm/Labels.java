// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.ClassLayout;
import dev.heapwalk.ruby.layout.RubyLayout;

/** The names that {@code Thread::Backtrace::Location#label} gives: since 3.4 with the class. For one thread. */
final class Labels {
    /** No program nests blocks deeper; more levels than this are a cycle. */
    private static final int DEEPEST = 1000;

    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final Reader memory;
    private final boolean withClass;

    Labels(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.memory = reader.memory();
        this.withClass = RubyLayout.of(reader.series()).context().labelsWithClass();
    }

    boolean withClass() {
        return withClass;
    }

    /** A method that is written in C. */
    String of(MethodEntry method) {
        String name = reader.symbols().of(method.originalId());
        return withClass && name != null ? qualified(method.owner(), name) : name;
    }

    /** Code whose method a class has. */
    String of(Iseq iseq, long owner) {
        return withClass ? labelled(iseq, owner) : iseq.label();
    }

    private String labelled(Iseq iseq, long owner) {
        Iseq at = iseq;
        for (int depth = 0; depth < DEEPEST && at != null; depth++) {
            switch (at.type()) {
                case METHOD -> {
                    return qualified(owner, at.label());
                }
                case BLOCK, PLAIN -> {
                    return blockLabel(at, owner);
                }
                case RESCUE, ENSURE, EVAL -> at = interpreter.iseq(at.parent());
                default -> {
                    return at.label();
                }
            }
        }
        return iseq.label();
    }

    private String blockLabel(Iseq block, long owner) {
        int level = 0;
        Iseq at = block;
        if (block.parent() != 0) {
            for (int depth = 0; at != null && at.address() != block.local(); depth++) {
                if (depth == DEEPEST) {
                    return block.label();
                }
                level += at.type() == IseqType.BLOCK ? 1 : 0;
                at = interpreter.iseq(at.parent());
            }
        }
        if (at == null) {
            return block.label();
        }
        String within = at == block ? at.label() : labelled(at, owner);
        return level <= 1 ? "block in " + within : "block (" + level + " levels) in " + within;
    }

    private String qualified(long owner, String name) {
        if (!reader.isSlot(owner)) {
            return name;
        }
        try {
            long flags = memory.readLong(owner);
            RubyType type = RubyType.of(flags);
            if (type != RubyType.CLASS && type != RubyType.MODULE) {
                return name;
            }
            ClassLayout layout = RubyLayout.of(reader.series()).classes();
            if (type != RubyType.CLASS || (flags & layout.singleton()) == 0) {
                String named = permanentName(owner);
                return named == null ? name : named + "#" + name;
            }
            long attached = memory.readLong(owner + layout.extension() + layout.attachedObject());
            if (!reader.isSlot(attached)) {
                return name;
            }
            RubyType attachedType = RubyType.of(memory.readLong(attached));
            String named =
                    attachedType == RubyType.CLASS || attachedType == RubyType.MODULE ? permanentName(attached) : null;
            return named == null ? name : named + "." + name;
        } catch (UnmappedAddressException e) {
            return name;
        }
    }

    private String permanentName(long klass) {
        ClassLayout layout = RubyLayout.of(reader.series()).classes();
        int bits = memory.readByte(klass + layout.extension() + layout.permanentClasspath());
        return (bits >>> layout.permanentBit() & 1) == 0
                ? null
                : reader.classNames().of(klass);
    }
}
