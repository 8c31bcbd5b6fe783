// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.ClassLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import java.util.Optional;

/** The names that {@code Thread::Backtrace::Location#label} gives: since 3.4 with the class. For one thread. */
final class Labels {
    /** No program nests code deeper; more steps to a label than this are a cycle. */
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
    Optional<String> of(MethodEntry method) {
        Optional<String> name = reader.symbols().of(method.originalId());
        return withClass ? name.map(plain -> qualified(method.owner(), plain)) : name;
    }

    /** Code whose method a class has. */
    Optional<String> of(Iseq iseq, long owner) {
        return withClass ? labelled(iseq, owner, DEEPEST).or(iseq::label) : iseq.label();
    }

    /** Empty also after so many steps. */
    private Optional<String> labelled(Iseq iseq, long owner, int steps) {
        Iseq at = iseq;
        for (int left = steps; left > 0; left--) {
            switch (at.type()) {
                case METHOD -> {
                    return at.label().map(plain -> qualified(owner, plain));
                }
                case BLOCK, PLAIN -> {
                    return blockLabel(at, owner, left);
                }
                case RESCUE, ENSURE, EVAL -> {
                    Optional<Iseq> parent = parent(at);
                    if (parent.isEmpty()) {
                        return iseq.label();
                    }
                    at = parent.get();
                }
                default -> {
                    return at.label();
                }
            }
        }
        return Optional.empty();
    }

    /** The code around some code; empty also where that is damaged. */
    private Optional<Iseq> parent(Iseq code) {
        try {
            return interpreter.iseq(code.parent());
        } catch (UnmappedAddressException e) {
            return Optional.empty();
        }
    }

    private Optional<String> blockLabel(Iseq block, long owner, int steps) {
        int left = steps;
        int level = 0;
        Iseq at = block;
        if (block.parent() != 0) {
            for (; at.address() != block.local(); left--) {
                Optional<Iseq> parent = left == 0 ? Optional.empty() : parent(at);
                if (parent.isEmpty()) {
                    return block.label();
                }
                level += at.type() == IseqType.BLOCK ? 1 : 0;
                at = parent.get();
            }
        }
        Optional<String> within = at == block ? at.label() : labelled(at, owner, left - 1);
        String before = level <= 1 ? "block in " : "block (" + level + " levels) in ";
        return within.map(before::concat);
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
                return permanentName(owner).map(named -> named + "#" + name).orElse(name);
            }
            long attached = memory.readLong(owner + layout.extension() + layout.attachedObject());
            if (!reader.isSlot(attached)) {
                return name;
            }
            RubyType attachedType = RubyType.of(memory.readLong(attached));
            return attachedType == RubyType.CLASS || attachedType == RubyType.MODULE
                    ? permanentName(attached).map(named -> named + "." + name).orElse(name)
                    : name;
        } catch (UnmappedAddressException e) {
            return name;
        }
    }

    private Optional<String> permanentName(long klass) {
        ClassLayout layout = RubyLayout.of(reader.series()).classes();
        int bits = memory.readByte(klass + layout.extension() + layout.permanentClasspath());
        return (bits >>> layout.permanentBit() & 1) == 0
                ? Optional.empty()
                : reader.classNames().of(klass);
    }
}
