// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.object;

import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.ClassLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.name.ClassNames;

/**
 * A class, a module, or a module's place among the ancestors of a class. C names {@code struct RClass} and {@code
 * rb_classext_t}. {@link ClassNames} tells its name, {@link ConstantCursor}, {@link MethodCursor} and {@link
 * IvarCursor} what it holds.
 *
 * <p>Fields of the extension are read when they are asked for and throw
 * {@link dev.heapwalk.memory.UnmappedAddressException} where they can't be.
 */
public final class RClass extends RValue {
    private static final int LONGEST_CHAIN = 1 << 16;

    private final ClassLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the slots
     */
    public RClass(ObjectReader reader) {
        super(reader);
        this.layout = RubyLayout.of(reader.series()).classes();
    }

    /**
     * Where the extension is.
     *
     * @return target address of the {@code rb_classext_t}
     */
    public long extension() {
        return extensionAt(address());
    }

    private long extensionAt(long klass) {
        return layout.extensionInline() ? klass + layout.extension() : memory().readLong(klass + layout.extension());
    }

    private long superclassAt(long klass) {
        return memory().readLong((layout.superInExtension() ? extensionAt(klass) : klass) + layout.superclass());
    }

    private long extended(int field) {
        return field < 0 ? 0 : memory().readLong(extension() + field);
    }

    /**
     * What comes next among its ancestors, which may be a module's place.
     *
     * @return {@code super}, a target address; 0 if there is none
     */
    public long rawSuperclass() {
        return superclassAt(address());
    }

    /**
     * The superclass, as {@code Class#superclass} gives it.
     *
     * @return target address of a class, 0 if there is none
     */
    public long superclass() {
        long above = rawSuperclass();
        for (int i = 0; i < LONGEST_CHAIN && reader().isSlot(above); i++) {
            long flags = memory().readLong(above);
            if (RubyType.of(flags) != RubyType.ICLASS) {
                return RubyType.of(flags) == RubyType.CLASS ? above : 0;
            }
            above = superclassAt(above);
        }
        return 0;
    }

    /**
     * Whether it is the singleton class of an object.
     *
     * @return {@code FL_SINGLETON} of a class
     */
    public boolean singleton() {
        return type() == RubyType.CLASS && has(layout.singleton());
    }

    /**
     * The object that it is the singleton class of.
     *
     * @return a {@code VALUE}, 0 if it is no singleton class or the object is not known
     */
    public long attachedObject() {
        if (!singleton()) {
            return 0;
        }
        return layout.attachedObject() >= 0
                ? extended(layout.attachedObject())
                : reader().classNames().attachedIvar(address());
    }

    /**
     * The table of methods.
     *
     * @return target address of a {@code struct rb_id_table}, 0 if there is none
     */
    public long methodTable() {
        return layout.methodsInExtension()
                ? extended(layout.methods())
                : memory().readLong(address() + layout.methods());
    }

    /**
     * The table of constants.
     *
     * @return target address of a {@code struct rb_id_table}, 0 if there is none
     */
    public long constantTable() {
        return extended(layout.constants());
    }

    /**
     * Where the instance variables are.
     *
     * @return {@code iv_tbl}, {@code iv_ptr} or {@code fields_obj}
     */
    public long ivars() {
        return extended(layout.ivars());
    }

    /**
     * The table of places that the instance variables of its objects have, before 3.2.
     *
     * @return target address of an {@code st_table}, 0 if there is none
     */
    public long ivIndexTable() {
        return extended(layout.ivIndexTable());
    }

    /**
     * The table of methods that were called through a module.
     *
     * @return {@code callable_m_tbl}, target address of a {@code struct rb_id_table}, 0 if there is none
     */
    public long callableTable() {
        return extended(layout.callables());
    }

    /**
     * The table of what calls were resolved to.
     *
     * @return {@code cc_tbl}, 0 if there is none
     */
    public long callCacheTable() {
        return extended(layout.callCaches());
    }

    /**
     * The table of class variables that were looked up.
     *
     * @return {@code cvc_tbl}, target address of a {@code struct rb_id_table}, 0 if there is none
     */
    public long classVariableTable() {
        return extended(layout.classVariables());
    }

    /**
     * What holds its own methods: another if modules were prepended.
     *
     * @return {@code origin_}, target address of a class, module or module's place
     */
    public long origin() {
        return extended(layout.origin());
    }

    /**
     * The class that a refinement refines: of the module that it is, or of that module's place.
     *
     * @return the hidden instance variable {@code __refined_class__} of a module, else {@code refined_class}; 0 if
     *     there is none
     */
    public long refinedClass() {
        return type() == RubyType.MODULE
                ? reader().classNames().refinedClassIvar(address())
                : extended(layout.refinedClass());
    }

    /**
     * Of a module's place, whether its table of methods is its own, and not the module's.
     *
     * @return {@code RICLASS_OWNS_M_TBL_P}
     */
    public boolean ownsMethods() {
        return layout.ownsMethods(
                layout.iclassBits() < 0 ? flags() : memory().readByte(extension() + layout.iclassBits()));
    }

    /**
     * Of a module's place, the class that has it among its ancestors.
     *
     * @return {@code includer}, 0 if there is none
     */
    public long includer() {
        // Since 3.3 one word is the attached object of a class, the allocator or the includer.
        return type() == RubyType.ICLASS ? extended(layout.includer()) : 0;
    }

    /**
     * Whether its name stands for ever.
     *
     * @return {@code permanent_classpath}; before 3.3 whether it has the instance variable {@code __classpath__}
     */
    public boolean permanentName() {
        return layout.permanentClasspath() >= 0
                ? (memory().readByte(extension() + layout.permanentClasspath()) >>> layout.permanentBit() & 1) != 0
                : reader().classNames().classpathIvar(address()) != 0;
    }

    /**
     * Its full name.
     *
     * @return {@code classpath}, a {@code VALUE}, since 3.3; 0 where it is an instance variable, or if it has none
     */
    public long classpath() {
        return extended(layout.classpath());
    }
}
