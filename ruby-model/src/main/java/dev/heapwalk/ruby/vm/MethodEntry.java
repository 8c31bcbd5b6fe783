// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

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
    private final MethodType type;
    private final long originalId;
    private final long body0;
    private final long body1;
    private final long body2;
    private String label;

    MethodEntry(
            Interpreter interpreter,
            long address,
            long flags,
            long definedClass,
            long definition,
            long calledId,
            long owner,
            MethodType type,
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
        this.type = type;
        this.originalId = originalId;
        this.body0 = body0;
        this.body1 = body1;
        this.body2 = body2;
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
     * @return {@code flags}; bits 16 and 17 are the visibility
     */
    public long flags() {
        return flags;
    }

    /**
     * Who may call it.
     *
     * @return {@code public}, {@code private} or {@code protected}; {@code undefined} for none of them
     */
    public String visibility() {
        // IMEMO_FL_USER0 and 1, which is FL_USER4 and 5.
        return switch ((int) (flags >>> 16 & 3)) {
            case 1 -> "public";
            case 2 -> "private";
            case 3 -> "protected";
            default -> "undefined";
        };
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
     * @return its text; null if the ID has none
     */
    public String name() {
        return interpreter.reader().symbols().of(calledId);
    }

    /**
     * How it is defined.
     *
     * @return the type; null if the number is none or there is no definition
     */
    public MethodType type() {
        return type;
    }

    /**
     * The code of a method in Ruby.
     *
     * @return target address of an iseq, 0 for other types
     */
    public long iseq() {
        return type == MethodType.ISEQ ? body0 : 0;
    }

    /**
     * The class reference of a method in Ruby.
     *
     * @return target address of a cref, 0 for other types
     */
    public long cref() {
        return type == MethodType.ISEQ ? body1 : 0;
    }

    /**
     * The function of a method in C.
     *
     * @return its target address, 0 for other types
     */
    public long function() {
        return type == MethodType.CFUNC ? body0 : 0;
    }

    /**
     * How many arguments the function takes.
     *
     * @return -1 for {@code argc, argv}, -2 for an Array, else a count; 0 for other types
     */
    public int functionArity() {
        return type == MethodType.CFUNC ? (int) body2 : 0;
    }

    /**
     * The block of a method made by {@code define_method}.
     *
     * @return the Proc's {@code VALUE}, 0 for other types
     */
    public long proc() {
        return type == MethodType.BMETHOD ? body0 : 0;
    }

    /**
     * The instance variable that {@code attr_reader} or {@code attr_writer} is for.
     *
     * @return its {@code ID}, 0 for other types
     */
    public long attributeId() {
        return type == MethodType.IVAR || type == MethodType.ATTRSET ? body0 : 0;
    }

    /**
     * The method that an alias or a refined method stands for.
     *
     * @return target address of a method entry, 0 if there is none
     */
    public long original() {
        return type == MethodType.ALIAS || type == MethodType.REFINED ? body0 : 0;
    }

    /** How backtraces show it when it is written in C. */
    String label() {
        if (label == null) {
            label = interpreter.labels().of(this);
        }
        return label;
    }

    @Override
    public String toString() {
        return name() + " (" + (type == null ? "?" : type.label()) + ")";
    }
}
