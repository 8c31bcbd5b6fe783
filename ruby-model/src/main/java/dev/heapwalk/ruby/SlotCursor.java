// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.RawMemory;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.PageLayout;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RBignum;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.object.RComplex;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.RFile;
import dev.heapwalk.ruby.object.RFloat;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.object.RMatch;
import dev.heapwalk.ruby.object.RMoved;
import dev.heapwalk.ruby.object.RObject;
import dev.heapwalk.ruby.object.RRational;
import dev.heapwalk.ruby.object.RRegexp;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RStruct;
import dev.heapwalk.ruby.object.RSymbol;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Walks all slots in address order, free ones too. A flyweight that moves: it allocates nothing for a slot, and what it
 * says is good until the next {@link #next()}. A page that can't be read is recorded and left out. Its window's buffers
 * are freed by {@link #close()}, or by the garbage collector if nobody closes it.
 */
public final class SlotCursor implements AutoCloseable {
    /** What a slot is by its type alone. */
    private static final SlotState[] BY_TYPE = new SlotState[(int) Flags.TYPE_MASK + 1];

    static {
        Arrays.fill(BY_TYPE, SlotState.LIVE);
        BY_TYPE[RubyType.NONE.tag()] = SlotState.FREE;
        BY_TYPE[RubyType.ZOMBIE.tag()] = SlotState.ZOMBIE;
        BY_TYPE[RubyType.MOVED.tag()] = SlotState.MOVED;
    }

    private final Window window;
    private final HeapPages pages;
    private final ObjectReader reader;
    private final Reader memory;
    private final List<String> holes = new ArrayList<>();
    private final long[] marks;

    private int page = -1;
    private int endPage;
    private boolean unswept;
    // The page in local memory: where the slot and the end of the last one are, and what makes a target address of a
    // local one.
    private MemorySegment segment;
    private long local;
    private long end;
    private long shift;
    private int slotSize;
    private long flags;
    // The flags of the slot behind it. Free slots lie at random between objects, so a caller's branch on the state is
    // often guessed wrong: it is not to wait for the place of the slot, then for its flags.
    private long flagsBehind;

    private RValue value;
    private RString string;
    private RArray array;
    private RHash hash;
    private RStruct struct;
    private RData data;
    private RObject object;
    private RClass classView;
    private RFloat number;
    private RBignum bignum;
    private RRational rational;
    private RComplex complex;
    private RSymbol symbol;
    private RRegexp regexp;
    private RMatch match;
    private RFile file;
    private RMoved moved;

    SlotCursor(RubyVm vm, ObjectReader reader) {
        this(vm.target().memory().window(vm.pages().ranges()), vm, reader);
    }

    private SlotCursor(Window window, RubyVm vm, ObjectReader reader) {
        this.window = window;
        this.pages = vm.pages();
        this.endPage = pages.count();
        this.reader = reader;
        this.memory = reader.memory();
        this.marks = new long[pages.bitmapWords()];
    }

    /** Goes back before the first slot and forgets the holes. */
    public void rewind() {
        window.forget();
        holes.clear();
        page = -1;
        endPage = pages.count();
        leave();
    }

    /**
     * Walks all slots of a process as it is now, with the buffers of this cursor, which comes to its end.
     *
     * @param now a reader of the process as it is now, for the same thread; see {@link ObjectReader#over}
     * @return a new cursor
     * @throws IllegalStateException if this cursor is closed
     */
    public SlotCursor over(ObjectReader now) {
        window.course(now.vm().pages().ranges());
        end();
        return new SlotCursor(window, now.vm(), now);
    }

    /**
     * Frees the buffers of the window. The reader stays as it is. A closed cursor is at its end; to move it elsewhere
     * throws an {@link IllegalStateException}. A second call does nothing.
     */
    @Override
    public void close() {
        end();
        window.close();
    }

    /** The fast path asks nobody, so it must not be taken any more. */
    private void end() {
        page = pages.count();
        endPage = page;
        leave();
    }

    /**
     * Moves to the next slot.
     *
     * @return whether there is one
     */
    public boolean next() {
        long following = local + slotSize;
        if (following >= end && (following = enter()) < 0) {
            return false;
        }
        local = following;
        flags = flagsBehind;
        long behind = following + slotSize;
        if (behind < end) {
            flagsBehind = RawMemory.word(behind);
        }
        return true;
    }

    /**
     * Moves to the slot that begins at an address; {@link #next()} goes on from there.
     *
     * @param slot target address of a slot
     * @return whether one begins there and can be read; if not, the cursor has come to its end
     */
    public boolean moveTo(long slot) {
        int wanted = (slot & 7) != 0 || pages.slotSizeAt(slot) == 0 ? -1 : pages.at(slot);
        endPage = pages.count();
        page = wanted < 0 ? endPage : wanted - 1;
        leave();
        if (enter() < 0 || page != wanted) {
            page = pages.count();
            leave();
            return false;
        }
        local = slot - shift - slotSize;
        flagsBehind = segment.get(Words.LONG, inSegment(slot - shift));
        return next();
    }

    /**
     * Goes before the first slot of some pages, to walk these alone.
     *
     * @param first index of the first page
     * @param end index behind the last one
     */
    public void within(int first, int end) {
        page = first - 1;
        endPage = Math.min(end, pages.count());
        leave();
    }

    /** Lets the next step enter a page. */
    private void leave() {
        local = 0;
        end = 0;
        slotSize = 0;
    }

    /** Goes to the next page that can be read. Returns where its first slot is here, -1 if there is none. */
    private long enter() {
        try {
            return enterPage();
        } catch (IllegalStateException e) {
            // What the window shows of a core that was closed meanwhile says no more than that. It says which core it
            // was when it is asked again.
            window.forget();
            window.find(pages.start(page), 1);
            throw e;
        }
    }

    private long enterPage() {
        while (++page < endPage) {
            long start = pages.start(page);
            int size = pages.slotSize(page);
            long length = (long) size * pages.slots(page);
            long first = window.find(start, length);
            if (first < 0) {
                holes.add("heap page at 0x%x can't be read at 0x%x, so its %d slots are left out"
                        .formatted(pages.body(page), window.missing(), pages.slots(page)));
                continue;
            }
            unswept = pages.beforeSweep(page) && readMarks();
            // Reading the marks goes through another window, so this one still shows the page.
            segment = window.segment();
            // Not raw, so that a core which was closed is met at the next page.
            flagsBehind = segment.get(Words.LONG, first);
            long here = segment.address() + first;
            slotSize = size;
            shift = start - here;
            end = here + length;
            return here;
        }
        page = pages.count();
        leave();
        return -1;
    }

    private long inSegment(long address) {
        return address - segment.address();
    }

    private boolean readMarks() {
        long bits = memory.find(pages.markBits(page), 8L * marks.length);
        if (bits < 0) {
            holes.add("the mark bits of the heap page at 0x%x can't be read, so garbage on it is taken for objects"
                    .formatted(pages.body(page)));
            return false;
        }
        MemorySegment.copy(memory.segment(), Words.LONG, bits, marks, 0, marks.length);
        return true;
    }

    /**
     * Where the slot begins.
     *
     * @return a target address
     */
    public long address() {
        return local + shift;
    }

    /**
     * The size of the slot.
     *
     * @return bytes
     */
    public int slotSize() {
        return slotSize;
    }

    /**
     * The page that the slot is on.
     *
     * @return an index into {@link RubyVm#pages()}
     */
    public int page() {
        return page;
    }

    /**
     * The flags.
     *
     * @return {@code RBasic.flags}
     */
    public long flags() {
        return flags;
    }

    /**
     * The class: a singleton class where there is one, 0 for a hidden object.
     *
     * @return {@code RBasic.klass}, a target address
     */
    public long klass() {
        return segment.get(Words.LONG, inSegment(local) + RValue.KLASS);
    }

    /** A word of the slot, by its index. */
    long word(int index) {
        return segment.get(Words.LONG, inSegment(local) + (long) index * Long.BYTES);
    }

    /**
     * The type.
     *
     * @return what the flags tell
     */
    public RubyType type() {
        return RubyType.of(flags);
    }

    /**
     * What the slot is.
     *
     * @return the state
     */
    public SlotState state() {
        SlotState byType = BY_TYPE[(int) (flags & Flags.TYPE_MASK)];
        return unswept && byType == SlotState.LIVE && !marked() ? SlotState.UNSWEPT : byType;
    }

    private boolean marked() {
        int bit = (int) (address() - pages.body(page)) / PageLayout.BASE_SLOT_SIZE;
        return bit >>> 6 < marks.length && (marks[bit >>> 6] >>> bit & 1) != 0;
    }

    /**
     * What could not be read so far, a line each.
     *
     * @return a list that grows
     */
    public List<String> holes() {
        return holes;
    }

    /**
     * The slot as an object.
     *
     * @return a view, the same object at every call
     */
    public RValue asValue() {
        return lay(value == null ? value = new RValue(reader) : value);
    }

    /**
     * The slot as a String.
     *
     * @return a view, the same object at every call
     */
    public RString asString() {
        return lay(string == null ? string = new RString(reader) : string);
    }

    /**
     * The slot as an Array.
     *
     * @return a view, the same object at every call
     */
    public RArray asArray() {
        return lay(array == null ? array = new RArray(reader) : array);
    }

    /**
     * The slot as a Hash.
     *
     * @return a view, the same object at every call
     */
    public RHash asHash() {
        return lay(hash == null ? hash = new RHash(reader) : hash);
    }

    /**
     * The slot as a Struct.
     *
     * @return a view, the same object at every call
     */
    public RStruct asStruct() {
        return lay(struct == null ? struct = new RStruct(reader) : struct);
    }

    /**
     * The slot as an object whose data C code holds.
     *
     * @return a view, the same object at every call
     */
    public RData asData() {
        return lay(data == null ? data = new RData(reader) : data);
    }

    /**
     * The slot as an Object.
     *
     * @return a view, the same object at every call
     */
    public RObject asObject() {
        return lay(object == null ? object = new RObject(reader) : object);
    }

    /**
     * The slot as a class, a module or a module's place among ancestors.
     *
     * @return a view, the same object at every call
     */
    public RClass asClass() {
        return lay(classView == null ? classView = new RClass(reader) : classView);
    }

    /**
     * The slot as a Float.
     *
     * @return a view, the same object at every call
     */
    public RFloat asFloat() {
        return lay(number == null ? number = new RFloat(reader) : number);
    }

    /**
     * The slot as an Integer.
     *
     * @return a view, the same object at every call
     */
    public RBignum asBignum() {
        return lay(bignum == null ? bignum = new RBignum(reader) : bignum);
    }

    /**
     * The slot as a Rational.
     *
     * @return a view, the same object at every call
     */
    public RRational asRational() {
        return lay(rational == null ? rational = new RRational(reader) : rational);
    }

    /**
     * The slot as a Complex.
     *
     * @return a view, the same object at every call
     */
    public RComplex asComplex() {
        return lay(complex == null ? complex = new RComplex(reader) : complex);
    }

    /**
     * The slot as a Symbol.
     *
     * @return a view, the same object at every call
     */
    public RSymbol asSymbol() {
        return lay(symbol == null ? symbol = new RSymbol(reader) : symbol);
    }

    /**
     * The slot as a Regexp.
     *
     * @return a view, the same object at every call
     */
    public RRegexp asRegexp() {
        return lay(regexp == null ? regexp = new RRegexp(reader) : regexp);
    }

    /**
     * The slot as a MatchData.
     *
     * @return a view, the same object at every call
     */
    public RMatch asMatch() {
        return lay(match == null ? match = new RMatch(reader) : match);
    }

    /**
     * The slot as a File or another IO.
     *
     * @return a view, the same object at every call
     */
    public RFile asFile() {
        return lay(file == null ? file = new RFile(reader) : file);
    }

    /**
     * The slot as a place that an object was moved from.
     *
     * @return a view, the same object at every call
     */
    public RMoved asMoved() {
        return lay(moved == null ? moved = new RMoved(reader) : moved);
    }

    /**
     * Lays a view over the slot.
     *
     * @param view a view that this cursor's reader made
     * @param <T> the type of the view
     * @return the view
     */
    public <T extends RValue> T lay(T view) {
        view.wrap(segment, inSegment(local), local + shift, slotSize);
        return view;
    }

    /**
     * Tells where it stands.
     *
     * @return for example {@code LIVE T_STRING at 0x7f0012345678, 40 bytes, page 3}
     */
    @Override
    public String toString() {
        if (slotSize == 0) {
            return page < endPage ? "before the first slot" : "behind the last slot";
        }
        return "%s %s at 0x%x, %d bytes, page %d".formatted(state(), type().label(), address(), slotSize, page);
    }
}
