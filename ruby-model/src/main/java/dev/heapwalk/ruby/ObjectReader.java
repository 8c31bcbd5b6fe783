// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.struct.Words;
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
import java.lang.foreign.MemorySegment;

/**
 * Follows the pointers of a Ruby heap: reads objects, tables and names by address. It keeps what it has read and the
 * names that it has made out, so it belongs to one thread; make another for each.
 *
 * <p>Every view that it hands out is one that it uses again: what {@link #at} returned is good until the next {@code
 * at}.
 */
public final class ObjectReader {
    private static final long USER_SPACE = 1L << 56;

    private final RubyVm vm;
    private final RubyLayout layout;
    private final SpecialConstants constants;
    private final ImemoType[] imemoTypes;
    private final HeapPages pages;
    private final Window window;
    private final RValue value;
    private final RString string;
    private SymbolNames symbols;
    private ClassNames classNames;
    private Shapes shapes;
    private GenericIvars genericIvars;
    private Encodings encodings;
    private HashTypes hashTypes;
    private StructMembers structMembers;

    ObjectReader(RubyVm vm, Window window) {
        this.vm = vm;
        this.layout = vm.layout();
        this.constants = new SpecialConstants(layout.nil(), layout.undef());
        this.imemoTypes = ImemoType.numbered(layout.imemo().renumbered());
        this.pages = vm.pages();
        this.window = window;
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
     * Makes a range readable, if it is.
     *
     * @param address target address
     * @param length bytes, from 0 to {@link Window#MAX_LENGTH}
     * @return the offset of the range in {@link #segment()}, valid until the next read; -1 if a byte can't be read
     */
    public long find(long address, long length) {
        return address > 0 && address < USER_SPACE ? window.find(address, length) : -1;
    }

    /**
     * Makes a range readable.
     *
     * @param address target address
     * @param length bytes, from 0 to {@link Window#MAX_LENGTH}
     * @return the offset of the range in {@link #segment()}, valid until the next read
     * @throws UnmappedAddressException if a byte of it can't be read
     */
    public long require(long address, long length) {
        long offset = find(address, length);
        if (offset < 0) {
            throw new UnmappedAddressException(address, address, length);
        }
        return offset;
    }

    /**
     * The local memory that offsets refer to.
     *
     * @return the segment
     */
    public MemorySegment segment() {
        return window.segment();
    }

    /**
     * Reads a 64-bit word.
     *
     * @param address target address
     * @return the word
     * @throws UnmappedAddressException if it can't be read
     */
    public long word(long address) {
        long offset = require(address, Long.BYTES);
        return window.segment().get(Words.LONG, offset);
    }

    /**
     * Reads a 32-bit word.
     *
     * @param address target address
     * @return the word
     * @throws UnmappedAddressException if it can't be read
     */
    public int half(long address) {
        long offset = require(address, Integer.BYTES);
        return window.segment().get(Words.INT, offset);
    }

    /**
     * Reads a byte.
     *
     * @param address target address
     * @return the byte
     * @throws UnmappedAddressException if it can't be read
     */
    public byte octet(long address) {
        long offset = require(address, 1);
        return window.segment().get(Words.BYTE, offset);
    }

    /**
     * Reads a text that ends in a zero byte.
     *
     * @param address target address
     * @param most the most bytes to look at
     * @return the text as UTF-8
     * @throws UnmappedAddressException if memory ends before the text does
     */
    public String cString(long address, int most) {
        return vm.target().memory().readCString(address, most);
    }

    /**
     * Whether every byte of a range is mapped readable. The check to make before a length from the target is believed.
     *
     * @param address target address of the first byte
     * @param length bytes; a negative one is never mapped
     * @return whether it is
     */
    public boolean mapped(long address, long length) {
        return vm.target().memory().mappings().readable(address, length);
    }

    /**
     * Checks that every byte of a run of elements is mapped readable. The check to make before a count from the target
     * is believed.
     *
     * @param address target address of the first element
     * @param count how many there are; 0 is always good, and a negative one never
     * @param size the size of an element in bytes
     * @throws UnmappedAddressException if they are not mapped
     */
    public void requireMapped(long address, long count, int size) {
        long length = count < 0 || count > Long.MAX_VALUE / size ? Long.MAX_VALUE : count * size;
        if (length != 0 && !mapped(address, length)) {
            throw new UnmappedAddressException(address, address, length);
        }
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
     * @return a view of it, the same object at every call; null if no slot begins there
     * @throws UnmappedAddressException if it can't be read
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
     * @return the view; null if no slot begins there
     * @throws UnmappedAddressException if it can't be read
     */
    public <T extends RValue> T at(long address, T view) {
        int size = (address & 7) != 0 ? 0 : pages.slotSizeAt(address);
        if (size == 0) {
            return null;
        }
        long offset = require(address, size);
        view.wrap(window.segment(), offset, address, size);
        return view;
    }

    /**
     * Reads the String that begins at an address.
     *
     * @param address target address of a slot
     * @return a view of it, the same object at every call; null if no String begins there
     * @throws UnmappedAddressException if it can't be read
     */
    public RString stringAt(long address) {
        RString found = at(address, string);
        return found == null || found.type() != RubyType.STRING ? null : found;
    }

    /** Forgets what was read before, for a target that runs on. */
    public void forget() {
        window.forget();
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
