// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.DataLayout;
import dev.heapwalk.ruby.layout.EnvFlags;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.object.ImemoType;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Reads local variables through environment pointers. An {@code ep} points at the flags of one level of scope; the
 * pointer to the level around it or the block stands before them, before that the method or class reference, and before
 * that the local variables. A level lies on the VM stack, or in an object where it outlived its frame. For one thread.
 */
public final class Environments {
    /** {@code VM_ENV_DATA_SIZE}: method or class reference, block or outer level, flags. */
    private static final int DATA_SIZE = 3;
    /** Of a block handler: it is the address of a {@code struct rb_captured_block}. */
    private static final long CAPTURED = 1;
    /** Of such a block handler: the block is a function in C. */
    private static final long CAPTURED_IN_C = 2;
    /** No program nests scopes deeper; more levels than this are a cycle. */
    private static final int DEEPEST = 1000;

    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final Reader memory;

    Environments(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.memory = reader.memory();
    }

    /**
     * The level of scope around another.
     *
     * @param ep target address of the flags of a level
     * @return that of the level around it, 0 for the outermost level of a method
     */
    public long outer(long ep) {
        return (memory.readLong(ep) & EnvFlags.LOCAL) != 0
                ? 0
                : memory.readLong(ep + EnvFlags.SPECIAL) & ~EnvFlags.SPECIAL_TAG;
    }

    /**
     * The block that was given to the method of a level.
     *
     * @param ep target address of the flags of any level in the method
     * @return what {@code VM_ENV_BLOCK_HANDLER} is: 0 for none, the {@code VALUE} of a Proc or Symbol, or the address
     *     of a captured block with the low bits 01 (in Ruby) or 11 (in C)
     */
    public long blockHandler(long ep) {
        return memory.readLong(outermost(ep) + EnvFlags.SPECIAL);
    }

    /** The outermost level of the method that a level is in. */
    long outermost(long ep) {
        long at = ep;
        for (int depth = 0; depth < DEEPEST; depth++) {
            long outer = outer(at);
            if (outer == 0) {
                return at;
            }
            at = outer;
        }
        throw new UnmappedAddressException(ep, ep, 8);
    }

    /**
     * The method that a level belongs to.
     *
     * @param ep target address of the flags of a level
     * @return the method; empty if it belongs to none, such as the body of a class
     */
    public Optional<MethodEntry> method(long ep) {
        long at = ep;
        for (int depth = 0; depth < DEEPEST; depth++) {
            long reference = memory.readLong(at + EnvFlags.METHOD);
            Optional<MethodEntry> found = interpreter.method(reference);
            if (found.isPresent()) {
                return found;
            }
            long outer = outer(at);
            if (outer == 0) {
                // The special variables of a method hide it.
                return interpreter.isImemo(reference, ImemoType.SVAR)
                        ? interpreter.method(memory.readLong(reference + ImemoLayout.SVAR_METHOD))
                        : Optional.empty();
            }
            at = outer;
        }
        return Optional.empty();
    }

    /**
     * The environment object of a level.
     *
     * @param ep target address of the flags of a level
     * @return target address of an imemo env; 0 while the level lies on the VM stack
     */
    public long object(long ep) {
        if ((memory.readLong(ep) & EnvFlags.ESCAPED) == 0) {
            return 0;
        }
        long env = memory.readLong(ep + EnvFlags.OBJECT);
        return interpreter.isImemo(env, ImemoType.ENV) && memory.readLong(env + ImemoLayout.ENV_EP) == ep ? env : 0;
    }

    /**
     * The local variables of a level and those around it, inner ones first, in the order of
     * {@code Binding#local_variables}, each name once.
     *
     * @param ep target address of the flags of a level that has an object, which tells its code
     * @return a new list, empty if nothing tells the code
     */
    public List<Local> locals(long ep) {
        return locals(ep, Optional.empty());
    }

    /**
     * The local variables of a level and those around it, inner ones first, in the order of
     * {@code Binding#local_variables}, each name once.
     *
     * @param ep target address of the flags of a level
     * @param iseq the code of that level
     * @return a new list
     */
    public List<Local> locals(long ep, Iseq iseq) {
        return locals(ep, iseq.present());
    }

    private List<Local> locals(long ep, Optional<Iseq> iseq) {
        List<Local> found = new ArrayList<>();
        Set<String> names = new HashSet<>();
        long at = ep;
        Optional<Iseq> code = iseq;
        for (int depth = 0; depth < DEEPEST && at != 0; depth++) {
            long flags = memory.readLong(at);
            long env = object(at);
            if (env != 0) {
                Optional<Iseq> own = interpreter.iseq(memory.readLong(env + ImemoLayout.ENV_ISEQ));
                code = own.isPresent() ? own : code;
            }
            // A level whose code is not known, such as that of a function in C, has no names.
            if ((flags & (EnvFlags.ISOLATED | EnvFlags.CFRAME)) != 0 || code.isEmpty()) {
                break;
            }
            add(found, names, at, flags, code.get());
            at = outer(at);
            code = at == 0 ? Optional.empty() : interpreter.iseq(code.get().parent());
        }
        return found;
    }

    private void add(List<Local> found, Set<String> names, long ep, long flags, Iseq code) {
        for (int i = 0; i < code.localCount(); i++) {
            Optional<String> name = code.localName(i);
            if (name.isPresent() && names.add(name.get())) {
                found.add(new Local(name, value(ep, flags, code, i), block(ep, flags, code, i)));
            }
        }
    }

    /**
     * The arguments of a level.
     *
     * @param ep target address of the flags of a level
     * @param iseq the code of that level
     * @return a new list
     */
    public List<Argument> arguments(long ep, Iseq iseq) {
        long flags = memory.readLong(ep);
        List<Argument> found = new ArrayList<>(iseq.parameters().size());
        for (Parameter parameter : iseq.parameters()) {
            int index = parameter.index();
            found.add(new Argument(parameter, value(ep, flags, iseq, index), block(ep, flags, iseq, index)));
        }
        return found;
    }

    private long value(long ep, long flags, Iseq code, int index) {
        long value = memory.readLong(ep - 8L * (DATA_SIZE - 1 + code.localCount() - index));
        if (isUntouchedBlock(flags, code, index)) {
            // The block becomes an object when the program first looks at it.
            long handler = memory.readLong(ep + EnvFlags.SPECIAL);
            if (handler == 0) {
                return reader.constants().nil();
            }
            return (handler & CAPTURED) != 0 ? reader.constants().undef() : handler;
        }
        return value;
    }

    /** The block that a parameter stands for that the program has not looked at; empty for any other variable. */
    private Optional<Block> block(long ep, long flags, Iseq code, int index) {
        long handler = isUntouchedBlock(flags, code, index) ? memory.readLong(ep + EnvFlags.SPECIAL) : 0;
        if ((handler & CAPTURED) == 0) {
            return Optional.empty();
        }
        // struct rb_captured_block: self, ep, code.
        long captured = handler & ~3;
        return Optional.of(new Block(
                (handler & CAPTURED_IN_C) == 0 ? Block.Kind.ISEQ : Block.Kind.IFUNC,
                memory.readLong(captured),
                memory.readLong(captured + DataLayout.BLOCK_EP),
                memory.readLong(captured + DataLayout.BLOCK_CODE)));
    }

    private static boolean isUntouchedBlock(long flags, Iseq code, int index) {
        return (flags & EnvFlags.MODIFIED_BLOCK_PARAM) == 0 && code.address() == code.local() && isBlock(code, index);
    }

    private static boolean isBlock(Iseq code, int index) {
        List<Parameter> parameters = code.parameters();
        return !parameters.isEmpty()
                && parameters.getLast().kind() == Parameter.Kind.BLOCK
                && parameters.getLast().index() == index;
    }
}
