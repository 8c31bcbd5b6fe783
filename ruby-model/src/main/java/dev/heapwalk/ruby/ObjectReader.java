// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.name.ClassNames;
import dev.heapwalk.ruby.name.Encodings;
import dev.heapwalk.ruby.name.StructMembers;
import dev.heapwalk.ruby.name.SymbolNames;
import dev.heapwalk.ruby.object.ImemoType;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.Shapes;
import dev.heapwalk.ruby.object.SpecialConstants;

/**
 * Follows the pointers of a Ruby heap: reads objects, tables and names by address. It keeps what it has read and the
 * names that it has made out, so it belongs to one thread; make another for each.
 *
 * <p>Every view that it hands out is one that it uses again: what {@link #at} returned is good until the next {@code
 * at}. A reference that a target holds may lead to no slot: {@link #isSlot} tells before, and {@link #find} tells and
 * lays a view at once.
 */
public final class ObjectReader {
    private final RubyVm vm;
    private final RubyLayout layout;
    private final SpecialConstants constants;
    private final ImemoType[] imemoTypes;
    private final HeapPages pages;
    private final Reader memory;
    private final RValue value;
    private final RString string;
    private SymbolNames symbols;
    private ClassNames classNames;
    private Shapes shapes;
    private GenericIvars genericIvars;
    private Encodings encodings;
    private HashTypes hashTypes;
    private StructMembers structMembers;

    ObjectReader(RubyVm vm, Reader memory) {
        this.vm = vm;
        this.layout = vm.layout();
        this.constants = new SpecialConstants(layout.nil(), layout.undef());
        this.imemoTypes = ImemoType.numbered(layout.imemo().renumbered());
        this.pages = vm.pages();
        this.memory = memory;
        this.value = new RValue(this);
        this.string = new RString(this);
    }

    /**
     * The virtual machine whose heap is read.
     *
     * @return the one that made this reader
     */
    public RubyVm vm() {
        return vm;
    }

    /**
     * The series of versions that the virtual machine belongs to.
     *
     * @return what {@link RubyVm#series()} tells
     */
    public int series() {
        return layout.version();
    }

    /**
     * The layouts that the virtual machine is read with.
     *
     * @return what {@link RubyVm#edition()} tells
     */
    public int edition() {
        return layout.edition();
    }

    /**
     * The values that are no references.
     *
     * @return those of this version
     */
    public SpecialConstants constants() {
        return constants;
    }

    /**
     * What a {@code T_IMEMO} is.
     *
     * @param flags {@code RBasic.flags} of one
     * @return the type, {@link ImemoType#UNKNOWN} if the number stands for none
     */
    public ImemoType imemoType(long flags) {
        return imemoTypes[(int) (flags >>> Flags.USHIFT) & 0xf];
    }

    /**
     * The names of symbols.
     *
     * @return the same object at every call
     */
    public SymbolNames symbols() {
        if (symbols == null) {
            symbols = new SymbolNames(this);
        }
        return symbols;
    }

    /**
     * The names of classes and modules.
     *
     * @return the same object at every call
     */
    public ClassNames classNames() {
        if (classNames == null) {
            classNames = new ClassNames(this);
        }
        return classNames;
    }

    /**
     * The shapes of objects.
     *
     * @return the same object at every call; one without shapes before 3.2
     */
    public Shapes shapes() {
        if (shapes == null) {
            shapes = new Shapes(this);
        }
        return shapes;
    }

    /**
     * The encodings of strings.
     *
     * @return the same object at every call
     */
    public Encodings encodings() {
        if (encodings == null) {
            encodings = new Encodings(this);
        }
        return encodings;
    }

    /**
     * The names of the members of Structs.
     *
     * @return the same object at every call
     */
    public StructMembers structMembers() {
        if (structMembers == null) {
            structMembers = new StructMembers(this);
        }
        return structMembers;
    }

    /**
     * Whether tables of a type compare keys by identity, as those of {@code Hash#compare_by_identity} do.
     *
     * @param tableType {@code st_table.type}, a target address
     * @return whether they do; false too where nothing tells
     */
    public boolean comparesByIdentity(long tableType) {
        if (hashTypes == null) {
            hashTypes = new HashTypes(this);
        }
        return hashTypes.identity(tableType);
    }

    /**
     * Where the instance variables are of an object that has no room for them.
     *
     * @param object target address of the object
     * @return target address of a {@code struct gen_ivtbl}, of an {@code imemo_fields} since 4.0; 0 if it has none
     */
    public long genericIvars(long object) {
        if (genericIvars == null) {
            genericIvars = new GenericIvars(this);
        }
        return genericIvars.get(object);
    }

    /**
     * What reads the memory of the target by address, and keeps it.
     *
     * @return the reader that this one follows pointers with; what it reads may move the views that lie over it
     */
    public Reader memory() {
        return memory;
    }

    /**
     * Whether a value is a reference to a slot of the heap.
     *
     * @param reference a {@code VALUE}
     * @return whether a slot begins there
     */
    public boolean isSlot(long reference) {
        return constants.isReference(reference) && pages.slotSizeAt(reference) != 0;
    }

    /**
     * Reads the slot that begins at an address.
     *
     * @param address target address of a slot
     * @return a view of it, the same object at every call
     * @throws UnmappedAddressException if no slot begins there, or it can't be read
     */
    public RValue at(long address) {
        return at(address, value);
    }

    /**
     * Lays a view over the slot that begins at an address.
     *
     * @param address target address of a slot
     * @param view a view that this reader or the virtual machine made
     * @param <T> the type of the view
     * @return the view
     * @throws UnmappedAddressException if no slot begins there, or it can't be read
     */
    public <T extends RValue> T at(long address, T view) {
        if (!find(address, view)) {
            throw new UnmappedAddressException(address, "slot");
        }
        return view;
    }

    /**
     * Lays a view over the slot that begins at an address, if one does.
     *
     * @param address any target address, or a {@code VALUE} that is no reference
     * @param view a view that this reader or the virtual machine made
     * @return whether a slot begins there; if not, the view is left as it was
     * @throws UnmappedAddressException if one does that can't be read
     */
    public boolean find(long address, RValue view) {
        int size = (address & 7) != 0 ? 0 : pages.slotSizeAt(address);
        if (size == 0) {
            return false;
        }
        long offset = memory.require(address, size);
        view.keep(memory.segment(), offset, address, size);
        return true;
    }

    /**
     * Whether a String begins at an address.
     *
     * @param address any target address, or a {@code VALUE} that is no reference
     * @return whether one does
     * @throws UnmappedAddressException if a slot begins there that can't be read
     */
    public boolean isString(long address) {
        return isSlot(address) && RubyType.of(memory.readLong(address)) == RubyType.STRING;
    }

    /**
     * Reads the String that begins at an address.
     *
     * @param address target address of a slot
     * @return a view of it, the same object at every call
     * @throws UnmappedAddressException if no String begins there, or it can't be read
     */
    public RString stringAt(long address) {
        if (at(address, string).type() != RubyType.STRING) {
            throw new UnmappedAddressException(address, "String");
        }
        return string;
    }

    /**
     * Makes a reader of the same process as it is now, with the buffers of this one, which is not used any more.
     *
     * @param now what {@link RubyVm#refresh()} gave
     * @return a new reader, for the same thread; nothing was read with it yet
     */
    public ObjectReader over(RubyVm now) {
        memory.forget();
        return new ObjectReader(now, memory);
    }

    /** Forgets what was read before, for a target that runs on. */
    public void forget() {
        memory.forget();
        if (genericIvars != null) {
            genericIvars.forget();
        }
        if (classNames != null) {
            classNames.forget();
        }
        if (shapes != null) {
            shapes.forget();
        }
        if (encodings != null) {
            encodings.forget();
        }
        if (hashTypes != null) {
            hashTypes.forget();
        }
        if (structMembers != null) {
            structMembers.forget();
        }
    }
}
