// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.ruby.object.MethodCursor;
import java.util.Optional;

/**
 * A method as it stands in a class. C names {@code rb_method_entry_t}, {@code rb_callable_method_entry_t} and
 * {@code rb_method_definition_t}. What was read, for one thread.
 */
public final class MethodEntry {
    private final Interpreter interpreter;
    private final long address;
    private final long flags;
    private final long definedClass;
    private final long definition;
    private final long calledId;
    private final long owner;
    private final MethodCursor.Kind kind;
    private final long originalId;
    private final long body0;
    private final long body1;
    private final long body2;
    /** Says that there is this method; made once, so that it can be told of each frame without making anything. */
    private final Optional<MethodEntry> present = Optional.of(this);

    private Optional<String> label;

    MethodEntry(
            Interpreter interpreter,
            long address,
            long flags,
            long definedClass,
            long definition,
            long calledId,
            long owner,
            MethodCursor.Kind kind,
            long originalId,
            long body0,
            long body1,
            long body2) {
        this.interpreter = interpreter;
        this.address = address;
        this.flags = flags;
        this.definedClass = definedClass;
        this.definition = definition;
        this.calledId = calledId;
        this.owner = owner;
        this.kind = kind;
        this.originalId = originalId;
        this.body0 = body0;
        this.body1 = body1;
        this.body2 = body2;
    }

    Optional<MethodEntry> present() {
        return present;
    }

    /**
     * Where it is.
     *
     * @return target address of the slot
     */
    public long address() {
        return address;
    }

    /**
     * The flags of the slot.
     *
     * @return {@code flags}
     */
    public long flags() {
        return flags;
    }

    /**
     * Who may call it.
     *
     * @return the visibility
     */
    public MethodCursor.Visibility visibility() {
        return MethodCursor.Visibility.of(flags);
    }

    /**
     * The class that it is called through, an iclass for a method of a module.
     *
     * @return target address of {@code defined_class}, 0 for one that only a module has
     */
    public long definedClass() {
        return definedClass;
    }

    /**
     * The class or module that has it.
     *
     * @return target address of {@code owner}
     */
    public long owner() {
        return owner;
    }

    /**
     * Where its definition is, which entries share.
     *
     * @return target address of {@code def}, 0 if it has none
     */
    public long definition() {
        return definition;
    }

    /**
     * The name that it is called by.
     *
     * @return the {@code ID} {@code called_id}
     */
    public long calledId() {
        return calledId;
    }

    /**
     * The name that it was defined by, which differs for an alias.
     *
     * @return the {@code ID} {@code original_id}
     */
    public long originalId() {
        return originalId;
    }

    /**
     * The name that it is called by.
     *
     * @return its text; empty if the ID has none
     */
    public Optional<String> name() {
        return interpreter.reader().symbols().of(calledId);
    }

    /**
     * How it is defined.
     *
     * @return the kind
     */
    public MethodCursor.Kind kind() {
        return kind;
    }

    /**
     * The code of a method in Ruby.
     *
     * @return target address of an iseq, 0 for other kinds
     */
    public long iseq() {
        return kind == MethodCursor.Kind.ISEQ ? body0 : 0;
    }

    /**
     * The class reference of a method in Ruby.
     *
     * @return target address of a cref, 0 for other kinds
     */
    public long cref() {
        return kind == MethodCursor.Kind.ISEQ ? body1 : 0;
    }

    /**
     * The function of a method in C.
     *
     * @return its target address, 0 for other kinds
     */
    public long function() {
        return kind == MethodCursor.Kind.CFUNC ? body0 : 0;
    }

    /**
     * How many arguments the function takes.
     *
     * @return -1 for {@code argc, argv}, -2 for an Array, else a count; 0 for other kinds
     */
    public int functionArity() {
        return kind == MethodCursor.Kind.CFUNC ? (int) body2 : 0;
    }

    /**
     * The block of a method made by {@code define_method}.
     *
     * @return the Proc's {@code VALUE}, 0 for other kinds
     */
    public long proc() {
        return kind == MethodCursor.Kind.BMETHOD ? body0 : 0;
    }

    /**
     * The instance variable that {@code attr_reader} or {@code attr_writer} is for.
     *
     * @return its {@code ID}, 0 for other kinds
     */
    public long attributeId() {
        return kind == MethodCursor.Kind.IVAR || kind == MethodCursor.Kind.ATTRSET ? body0 : 0;
    }

    /**
     * The method that an alias or a refined method stands for.
     *
     * @return target address of a method entry, 0 if there is none
     */
    public long original() {
        return kind == MethodCursor.Kind.ALIAS || kind == MethodCursor.Kind.REFINED ? body0 : 0;
    }

    /** How backtraces show it when it is written in C; empty if it has no name. */
    Optional<String> label() {
        if (label == null) {
            label = interpreter.labels().of(this);
        }
        return label;
    }

    @Override
    public String toString() {
        return name().orElse("?") + " (" + kind + ")";
    }
}
