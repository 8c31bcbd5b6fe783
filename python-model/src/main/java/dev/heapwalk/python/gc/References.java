// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.gc;

import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.EdgeSink;
import dev.heapwalk.heap.EdgeSource;
import dev.heapwalk.heap.Label;
import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.ActivationLayout;
import dev.heapwalk.python.layout.BufferLayout;
import dev.heapwalk.python.layout.DequeLayout;
import dev.heapwalk.python.layout.DictLayout;
import dev.heapwalk.python.layout.InstanceLayout;
import dev.heapwalk.python.layout.IntLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.ReferenceTable.Field;
import dev.heapwalk.python.layout.ReferenceTable.Hold;
import dev.heapwalk.python.layout.SequenceLayout;
import dev.heapwalk.python.layout.TraversalLayout;
import dev.heapwalk.python.layout.TypeLayout;
import dev.heapwalk.python.object.PyDict;
import dev.heapwalk.python.object.PyGen;
import dev.heapwalk.python.object.PyLong;
import dev.heapwalk.python.object.PySet;
import dev.heapwalk.python.owned.BufferKind;
import dev.heapwalk.python.owned.BufferSink;
import dev.heapwalk.python.owned.OwnedBuffers;
import java.util.List;

/**
 * What an object refers to: by the rules of its type, as the garbage collector and so {@code gc.get_referents} go
 * through it; and as a source of edges also what it holds beside that, its type, what it refers to without keeping it
 * alive, and the buffers that it owns. Allocates nothing for an object. For one thread. Whoever made it closes it; the
 * reader stays as it is.
 *
 * <p>The names are those of Python, {@code ['key']}, {@code [3]}, {@code .attribute}, {@code __dict__}, or of the fields
 * in C. They are made when they are asked for, by a reader that is not that of this object. What only the code of a C
 * extension knows is guessed: each word of the object's own memory that leads to an object is taken for a reference,
 * and its name says so.
 */
public final class References implements EdgeSource {
    private static final Label TYPE = text -> text.append("type");
    private static final int MOST_VALUES = 255;
    private static final int MOST_GUESSED_WORDS = 1 << 12;
    /** The kernel maps nothing below it. */
    private static final long LOWEST = 1 << 16;

    private static final int MOST_LOCALS = 1 << 16;
    private static final long MOST_ON_STACK = 1 << 27;
    private static final int MOST_LINKS = 1 << 24;

    private final ObjectReader reader;
    private final Reader memory;
    private final PythonLayout layout;
    private final TraversalLayout traversal;
    private final ActivationLayout activation;
    /** How far the fields of an object are behind where it begins. */
    private final int shift;

    private final TypeRules rules;
    private final EdgeLabel label;
    private final OwnedBuffers buffers;
    private final PyDict dict;
    private final PySet set;
    private final PyLong number;
    private final PyGen generator;
    /** Types that were looked at: 1 if they are types. */
    private final LongTable known = new LongTable();

    private final BufferSink owned = this::owns;
    private final EdgeSink byName = this::attribute;

    private EdgeSink sink;
    /** Takes attributes while {@link #byName} is the sink. */
    private AttributeSink attributes;
    /** Whether what the collector does not follow is told too. */
    private boolean all;

    private boolean whole;
    private long passed;

    /**
     * Makes one that walks nothing yet.
     *
     * @param runtime the runtime that the objects are of
     * @param reader what follows the pointers
     */
    public References(PythonRuntime runtime, ObjectReader reader) {
        this(runtime, reader, Disclosure.WHOLE);
    }

    /**
     * Makes one that walks nothing yet.
     *
     * @param runtime the runtime that the objects are of
     * @param reader what follows the pointers
     * @param told what is told of texts in names: where these are redacted, a digest stands in place of a key
     */
    public References(PythonRuntime runtime, ObjectReader reader, Disclosure told) {
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded());
        this.traversal = layout.traversal();
        this.activation = layout.activation();
        this.shift = layout.object().shift();
        this.rules = new TypeRules(runtime, reader);
        this.label = new EdgeLabel(runtime, told);
        this.buffers = new OwnedBuffers(runtime, reader);
        this.dict = new PyDict(reader);
        this.set = new PySet(reader);
        this.number = new PyLong(reader);
        this.generator = new PyGen(reader);
    }

    /**
     * Gives the references that the garbage collector follows, as {@code gc.get_referents} tells them: what is referred
     * to twice comes twice. Of a type that the collector does not go through, which {@code gc.get_referents} tells
     * nothing of, these are the references that its objects hold.
     *
     * @param object target address of an object
     * @param type target address of its type
     * @param to takes the references
     * @return whether these are all; false if some are guessed, or could not be read
     */
    public boolean references(long object, long type, EdgeSink to) {
        return walk(object, type, to, false);
    }

    /**
     * Gives all that an object refers to: with its type, with what the collector does not follow, and with weak
     * references. Buffers that it owns come too.
     *
     * @param object target address of an object
     * @param type target address of its type
     * @param to takes the references
     * @return whether these are all; false if some are guessed, or could not be read
     */
    public boolean all(long object, long type, EdgeSink to) {
        boolean told = walk(object, type, to, true);
        buffers.buffers(object, type, owned);
        return told;
    }

    /**
     * Gives the words among an object's own fields that lead to something else than an object, if they lead anywhere:
     * memory that the code of its type keeps for it, which no rule tells.
     *
     * @param object target address of an object
     * @param type target address of its type
     * @param to takes the words, each as a reference
     */
    public void unknown(long object, long type, EdgeSink to) {
        long end = shift + Math.min(rules.of(type).basic(), (long) MOST_GUESSED_WORDS * Long.BYTES);
        label.set(EdgeLabel.Form.GUESSED, "");
        for (long at = shift + ObjectLayout.BYTES; at + Long.BYTES <= end; at += Long.BYTES) {
            long word = memory.readLong(object + at, 0);
            if (word > LOWEST && !leadsToObject(word)) {
                label.number(at);
                to.edge(word, EdgeKind.REFERS, label);
            }
        }
    }

    /**
     * Gives the attributes of an instance that lie in it or in values for keys that its type keeps, those of {@code
     * __slots__} first and among these those of the type itself: of two with the same name, the program finds the first.
     *
     * @param object target address of an object
     * @param type target address of its type
     * @param to takes them; it may read
     */
    public void attributes(long object, long type, AttributeSink to) {
        TypeRule rule = rules.of(type);
        sink = byName;
        attributes = to;
        all = true;
        long begin = object + shift;
        fields(begin, rule);
        slots(begin, rule);
        attributes(begin, type, rule);
    }

    private void attribute(long address, EdgeKind kind, Label of) {
        label.attribute(address, attributes);
    }

    /** {@inheritDoc} What is no object has none. */
    @Override
    public boolean edges(long address, EdgeSink to) {
        long type = reader.typeAt(address);
        return type == 0 || all(address, type, to);
    }

    private void owns(long address, long bytes, BufferKind kind) {
        label.text(kind.label());
        sink.edge(address, EdgeKind.OWNS, label);
    }

    private boolean walk(long object, long type, EdgeSink to, boolean everything) {
        TypeRule rule = rules.of(type);
        sink = to;
        all = everything;
        whole = true;
        if (everything || rule.followsType()) {
            to.edge(type, EdgeKind.REFERS, TYPE);
        }
        // From here on an object is told by where its fields begin.
        long begin = object + shift;
        fields(begin, rule);
        slots(begin, rule);
        attributes(begin, type, rule);
        content(begin, rule);
        return whole;
    }

    private void fields(long object, TypeRule rule) {
        List<Field> fields = rule.fields();
        for (int i = 0; i < fields.size(); i++) {
            Field field = fields.get(i);
            if (field.hold() != Hold.FOLLOWED && !all) {
                continue;
            }
            EdgeKind kind = field.hold() == Hold.WEAK ? EdgeKind.WEAK : EdgeKind.REFERS;
            if (field.count() == 1) {
                label.text(field.name());
            } else {
                label.set(EdgeLabel.Form.ELEMENT, field.name());
            }
            long offset = field.offset() < 0 ? rule.size() + field.offset() : field.offset();
            if (offset + Long.BYTES > rule.size()) {
                continue;
            }
            long at = object + offset;
            if (field.place() >= 0) {
                long pointer = memory.readLong(at, 0);
                if (pointer == 0) {
                    continue;
                }
                at = pointer + field.place();
            }
            for (int k = 0; k < field.count(); k++) {
                if (field.place() >= 0 || offset + (k + 1L) * Long.BYTES <= rule.size()) {
                    label.number(k);
                    tell(memory.readLong(at + (long) k * Long.BYTES, 0) & ~field.tags(), kind);
                }
            }
        }
    }

    private void slots(long object, TypeRule rule) {
        int[] slots = rule.slots();
        for (int i = 0; i < slots.length; i++) {
            label.set(EdgeLabel.Form.SLOT, rule.slotNames()[i]);
            tell(memory.readLong(object + slots[i], 0), EdgeKind.REFERS);
        }
    }

    /** The dictionary of an instance, or the values that it has in the place of one. */
    private void attributes(long object, long type, TypeRule rule) {
        if (rule.dictOffset() != 0) {
            label.text(EdgeLabel.DICT);
            tell(memory.readLong(object + dictOffset(object, rule), 0), EdgeKind.REFERS);
        }
        if (!rule.managed()) {
            return;
        }
        InstanceLayout instance = layout.instance();
        long dictionary = memory.readLong(object + instance.dict(), 0);
        if (instance.tagged() && (dictionary & 1) != 0) {
            values(dictionary + 1, type, MOST_VALUES);
            return;
        }
        if (instance.values() != 0) {
            long values = memory.readLong(object + instance.values(), 0);
            if (values != 0) {
                values(values, type, MOST_VALUES);
            }
        }
        boolean hidden = !all && rules.valuesHideDict() && hasValues(object, rule);
        if (dictionary != 0 && !hidden) {
            // It has the values, wherever they lie.
            label.text(EdgeLabel.DICT);
            tell(dictionary, EdgeKind.REFERS);
        } else if (hasValues(object, rule)) {
            long values = object + rule.basic();
            int capacity = memory.readByte(values + DictLayout.VALUES_CAPACITY, (byte) 0) & 0xFF;
            values(values + layout.dict().valuesHead(), type, capacity);
        }
    }

    /** Whether values of attributes lie behind an object. */
    private boolean hasValues(long object, TypeRule rule) {
        return layout.instance().inline()
                && rule.values()
                && memory.readByte(object + rule.basic() + DictLayout.VALUES_VALID, (byte) 0) != 0;
    }

    /** C name {@code _PyObject_GetDictPtr}: a negative offset counts from the end of the items. */
    private long dictOffset(long object, TypeRule rule) {
        if (rule.dictOffset() > 0) {
            return rule.dictOffset();
        }
        long items = Math.abs(memory.readLong(object + ObjectLayout.SIZE, 0));
        if (layout.number().tagged() && reader.find(object - shift, number)) {
            items = memory.readLong(object + IntLayout.SIZE, 0) >>> IntLayout.TAG_SHIFT;
        }
        long size = rule.basic() + items * rule.item() + Long.BYTES - 1 & -Long.BYTES;
        return size + rule.dictOffset();
    }

    /** Values of attributes, in the order of the keys that the type keeps. */
    private void values(long values, long type, int most) {
        long keys = reader.field(type, layout.type().cachedKeys());
        DictLayout fields = layout.dict();
        long count = memory.readLong(keys + fields.count(), -1);
        byte log2 = memory.readByte(keys + fields.log2IndexBytes(), (byte) -1);
        if (count < 0 || log2 < 0 || log2 > DictLayout.LARGEST_LOG2) {
            whole = false;
            return;
        }
        long entries = keys + fields.indices() + (1L << log2);
        for (long i = 0; i < Math.min(count, most); i++) {
            long value = memory.readLong(values + i * Long.BYTES, 0);
            if (value != 0) {
                label.set(EdgeLabel.Form.ATTRIBUTE, memory.readLong(entries + i * DictLayout.PLAIN_ENTRY, 0));
                tell(value, EdgeKind.REFERS);
            }
        }
    }

    private void content(long object, TypeRule rule) {
        switch (rule.kind()) {
            case PLAIN -> {}
            case LIST -> {
                long size = memory.readLong(object + ObjectLayout.SIZE, 0);
                elements(memory.readLong(object + SequenceLayout.LIST_ITEMS, 0), size);
            }
            case TUPLE -> tuple(object, 0);
            case STRUCT -> tuple(object, rule.hidden());
            case DICT -> dict(object);
            case ODICT -> {
                nodes(object);
                dict(object);
            }
            case SET -> set(object);
            case DEQUE -> deque(object);
            case TYPE -> type(object);
            case MODULE -> module(object);
            case FRAME -> frame(object);
            case GENERATOR -> generator(object);
            case LINKS -> links(object);
            case TEE -> {
                label.set(EdgeLabel.Form.ELEMENT, "values");
                int read = memory.readInt(object + TraversalLayout.TEE_READ, 0);
                for (int i = 0; i < Math.clamp(read, 0, TraversalLayout.TEE_VALUES_COUNT); i++) {
                    label.number(i);
                    tell(
                            memory.readLong(object + TraversalLayout.TEE_VALUES + (long) i * Long.BYTES, 0),
                            EdgeKind.REFERS);
                }
            }
            case ITEMS -> elements(object + rule.basic(), memory.readLong(object + ObjectLayout.SIZE, 0));
            case RING -> ring(object);
            case STACK ->
                elements(
                        memory.readLong(object + TraversalLayout.STACK_DATA, 0),
                        memory.readLong(object + ObjectLayout.SIZE, 0));
            case ELEMENT -> element(object);
            case PARENTS -> parents(object);
            case GUESSED -> guess(object, rule);
        }
    }

    private void tuple(long object, long more) {
        long size = memory.readLong(object + ObjectLayout.SIZE, 0);
        elements(object + layout.sequence().tupleItems(), size + more);
    }

    private void elements(long items, long count) {
        if (count <= 0) {
            whole &= count == 0;
            return;
        }
        if (count > Long.MAX_VALUE / Long.BYTES || !memory.mapped(items, count * Long.BYTES)) {
            whole = false;
            return;
        }
        label.set(EdgeLabel.Form.ELEMENT, "");
        for (long i = 0; i < count; i++) {
            label.number(i);
            tell(memory.readLong(items + i * Long.BYTES, 0), EdgeKind.REFERS);
        }
    }

    private void dict(long object) {
        if (!reader.lay(object - shift, dict)) {
            whole = false;
            return;
        }
        if (!all && rules.valuesHideDict() && lieInInstance(dict.values())) {
            return;
        }
        dict.rewind();
        boolean keys = all || rules.followsKeys(dict);
        while (dict.next()) {
            if (keys) {
                label.set(EdgeLabel.Form.KEY, dict.key());
                tell(dict.key(), EdgeKind.REFERS);
            }
            label.set(EdgeLabel.Form.VALUE, dict.key());
            tell(dict.value(), EdgeKind.REFERS);
        }
        whole &= !dict.damaged();
    }

    /** Whether values of attributes are those that lie in an instance. */
    private boolean lieInInstance(long values) {
        return values != 0 && memory.readByte(values + DictLayout.VALUES_EMBEDDED, (byte) 0) != 0;
    }

    /** The order of a dictionary that keeps it has the keys once more. */
    private void nodes(long object) {
        long node = memory.readLong(object + BufferLayout.ORDER_FIRST, 0);
        long most = memory.readLong(object + layout.dict().used(), 0);
        for (long i = 0; i < most && node != 0; i++) {
            if (leadsBack(node, i)) {
                whole = false;
                return;
            }
            long key = memory.readLong(node, 0);
            label.set(EdgeLabel.Form.KEY, key);
            tell(key, EdgeKind.REFERS);
            node = memory.readLong(node + BufferLayout.ORDER_NEXT, 0);
        }
    }

    /** Whether a list has come back to a place where it was: those are kept that are a power of two steps in. */
    private boolean leadsBack(long place, long step) {
        if (step > 0 && place == passed) {
            return true;
        }
        if (Long.bitCount(step) <= 1) {
            passed = place;
        }
        return false;
    }

    private void set(long object) {
        if (!reader.find(object - shift, set)) {
            whole = false;
            return;
        }
        while (set.next()) {
            label.set(EdgeLabel.Form.KEY, set.key());
            tell(set.key(), EdgeKind.REFERS);
        }
        whole &= !set.damaged();
    }

    private void deque(long object) {
        DequeLayout fields = layout.deque();
        long block = memory.readLong(object + fields.left(), 0);
        long index = memory.readLong(object + fields.leftIndex(), 0);
        long length = memory.readLong(object + fields.length(), 0);
        long blocks = 0;
        label.set(EdgeLabel.Form.ELEMENT, "");
        for (long i = 0; i < length; i++) {
            if (index < 0 || index >= fields.elements()) {
                block = i == 0 || leadsBack(block, blocks++) ? 0 : memory.readLong(block + fields.rightLink(), 0);
                index = 0;
            }
            if (block == 0 || memory.find(block, fields.blockBytes()) < 0) {
                whole = false;
                return;
            }
            label.number(i);
            tell(memory.readLong(block + fields.data() + index * Long.BYTES, 0), EdgeKind.REFERS);
            index++;
        }
    }

    private void type(long object) {
        named("__base__", object + TypeLayout.BASE);
        named("__dict__", object + TypeLayout.DICT);
        named("__bases__", object + TypeLayout.BASES);
        named("__mro__", object + TypeLayout.MRO);
        named("tp_cache", object + TypeLayout.CACHE);
        if (all) {
            named("tp_subclasses", object + TypeLayout.SUBCLASSES);
        }
        if ((reader.flags(object - shift) & TypeLayout.HEAPTYPE) == 0) {
            return;
        }
        if (layout.type().module() >= 0) {
            named("ht_module", object + layout.type().module());
        }
        if (all) {
            named("__name__", object + layout.type().name());
            if (layout.type().qualname() >= 0) {
                named("__qualname__", object + layout.type().qualname());
            }
        }
    }

    private void named(String name, long place) {
        label.text(name);
        tell(memory.readLong(place, 0), EdgeKind.REFERS);
    }

    /** A module that was written in C may hold more in its state. */
    private void module(long object) {
        if (traversal.moduleState() < 0) {
            return;
        }
        long state = memory.readLong(object + traversal.moduleState(), 0);
        long teller = traversal.moduleDef() < 0 ? object - shift : memory.readLong(object + traversal.moduleDef(), 0);
        if (teller == 0 || state == 0 || reader.field(teller, traversal.stateTraverse()) == 0) {
            return;
        }
        long size = reader.field(teller, traversal.stateSize());
        whole = false;
        words(state, 0, Math.min(size, (long) MOST_GUESSED_WORDS * Long.BYTES), "md_state");
    }

    private void frame(long object) {
        if (activation.fromObject() < 0) {
            activation(object);
            return;
        }
        // What a thread or a generator has is theirs.
        long own = object + traversal.frameData();
        if (memory.readLong(object + activation.fromObject(), 0) == own
                && memory.readByte(own + activation.owner(), (byte) 0) == ActivationLayout.OF_OBJECT) {
            activation(own);
        }
    }

    private void generator(long object) {
        if (!layout.generator().inline() || !reader.find(object - shift, generator)) {
            return;
        }
        if (generator.state() != PyGen.State.CLOSED) {
            activation(object + layout.generator().frame());
        } else if (layout.generator().code() < 0 && (all || traversal.endedFollowsCode())) {
            label.text("gi_code");
            tell(generator.code(), EdgeKind.REFERS);
        }
    }

    /**
     * Gives what a function that runs has: its variables, what lies on its stack, and since 3.11 its code and more.
     *
     * @param at target address of what it runs in, a {@code PyFrameObject} before 3.11
     * @return whether all could be read
     */
    boolean activation(long at, EdgeSink to) {
        sink = to;
        all = true;
        whole = true;
        activation(at);
        return whole;
    }

    /** Variables and stack of a frame, and since 3.11 what else it has. */
    private void activation(long at) {
        long code = memory.readLong(at + activation.code(), 0) & ~activation.tag();
        if (activation.fromObject() >= 0) {
            named("frame_obj", at + activation.object());
            named("f_locals", at + activation.locals());
            label.text("f_func");
            tell(memory.readLong(at + traversal.function(), 0) & ~activation.tag(), EdgeKind.REFERS);
            label.text("f_code");
            tell(code, EdgeKind.REFERS);
        }
        long first = at + activation.variables();
        ActivationLayout.Stack stack = activation.stack();
        long base = stack.base() < 0 ? first : memory.readLong(at + stack.base(), 0);
        long top = switch (stack.kind()) {
            case POINTER -> memory.readLong(at + stack.top(), 0);
            case DEPTH -> base + (long) memory.readInt(at + stack.top(), 0) * Long.BYTES;
            case COUNT -> first + (long) memory.readInt(at + stack.top(), 0) * Long.BYTES;
        };
        long end = Math.max(base, top);
        if (all && activation.fromObject() >= 0) {
            // While code runs, only the machine's registers tell the top of its stack.
            int locals = memory.readInt(code + shift + layout.frame().locals(), 0);
            end = Math.max(end, first + (long) Math.clamp(locals, 0, MOST_LOCALS) * Long.BYTES);
        }
        if (end <= first) {
            return;
        }
        if (end - first > MOST_ON_STACK || !memory.mapped(first, end - first)) {
            whole = false;
            return;
        }
        label.locals(code);
        for (long place = first; place < end; place += Long.BYTES) {
            long value = memory.readLong(place, 0);
            if (activation.tag() == 0 || (value & activation.tag()) != activation.tag()) {
                label.number((place - first) / Long.BYTES);
                tell(value & ~activation.tag(), EdgeKind.REFERS);
            }
        }
    }

    private void links(long object) {
        long end = object - shift;
        long link = memory.readLong(object + TraversalLayout.LINK_NEXT, 0);
        for (int i = 0; i < MOST_LINKS && link != end && link != 0 && !leadsBack(link, i); i++) {
            if (traversal.linksAreObjects()) {
                label.text("link");
                tell(link, EdgeKind.REFERS);
            } else {
                label.text("key");
                tell(reader.field(link, TraversalLayout.LINK_KEY), EdgeKind.REFERS);
                label.text("result");
                tell(reader.field(link, TraversalLayout.LINK_RESULT), EdgeKind.REFERS);
                if (traversal.linksFollowType()) {
                    label.text("type of link");
                    tell(reader.field(link, ObjectLayout.TYPE), EdgeKind.REFERS);
                }
            }
            link = reader.field(link, TraversalLayout.LINK_NEXT);
        }
        whole &= link == end;
    }

    private void ring(long object) {
        long first = memory.readLong(object + TraversalLayout.RING_GET, 0);
        long items = memory.readLong(object + TraversalLayout.RING_ITEMS, 0);
        long room = memory.readLong(object + TraversalLayout.RING_ROOM, 0);
        long count = memory.readLong(object + TraversalLayout.RING_COUNT, 0);
        if (count < 0 || count > room || first < 0 || first >= Math.max(1, room)) {
            whole = false;
            return;
        }
        if (count == 0) {
            return;
        }
        if (room > Long.MAX_VALUE / Long.BYTES || !memory.mapped(items, room * Long.BYTES)) {
            whole = false;
            return;
        }
        label.set(EdgeLabel.Form.ELEMENT, "");
        for (long i = 0; i < count; i++) {
            label.number(i);
            tell(memory.readLong(items + (first + i) % room * Long.BYTES, 0), EdgeKind.REFERS);
        }
    }

    private void element(long object) {
        long extra = memory.readLong(object + TraversalLayout.ELEMENT_EXTRA, 0);
        if (extra == 0) {
            return;
        }
        named("attrib", extra + TraversalLayout.EXTRA_ATTRIB);
        elements(
                memory.readLong(extra + TraversalLayout.EXTRA_CHILDREN, 0),
                memory.readLong(extra + TraversalLayout.EXTRA_LENGTH, 0));
    }

    private void parents(long object) {
        long stack = memory.readLong(object + TraversalLayout.PARENTS_STACK, 0);
        long used = memory.readLong(object + TraversalLayout.PARENTS_USED, 0);
        if (used <= 0) {
            return;
        }
        if (used > Long.MAX_VALUE / TraversalLayout.PARENT || !memory.mapped(stack, used * TraversalLayout.PARENT)) {
            whole = false;
            return;
        }
        label.set(EdgeLabel.Form.ELEMENT, "parent_stack");
        for (long i = 0; i < used; i++) {
            label.number(i);
            tell(memory.readLong(stack + i * TraversalLayout.PARENT, 0), EdgeKind.REFERS);
        }
    }

    private void guess(long object, TypeRule rule) {
        whole = false;
        long end = shift + Math.min(rule.size(), (long) MOST_GUESSED_WORDS * Long.BYTES);
        words(object - shift, shift + ObjectLayout.BYTES, end, "");
    }

    /** Tells each word that leads to an object that is in use. */
    private void words(long from, long first, long end, String before) {
        label.set(EdgeLabel.Form.GUESSED, before);
        for (long at = first; at + Long.BYTES <= end; at += Long.BYTES) {
            long word = memory.readLong(from + at, 0);
            if (word != 0
                    && (word & 7) == 0
                    && layout.object().isInUse(layout.object().references(memory, word))
                    && leadsToObject(word)) {
                label.number(at);
                sink.edge(word, EdgeKind.REFERS, label);
            }
        }
    }

    private void tell(long address, EdgeKind kind) {
        if (address == 0) {
            return;
        }
        if (leadsToObject(address)) {
            sink.edge(address, kind, label);
        }
    }

    /** Whether an address is one of an object. */
    boolean leadsToObject(long address) {
        if ((address & 7) != 0) {
            return false;
        }
        long type = reader.field(address, ObjectLayout.TYPE);
        if (type == 0) {
            return false;
        }
        long is = known.get(type, -1);
        if (is < 0) {
            is = reader.typeAt(address) != 0 ? 1 : 0;
            known.put(type, is);
        }
        return is == 1;
    }

    /** Frees what names were read with. The reader stays as it is. */
    @Override
    public void close() {
        label.close();
    }
}
