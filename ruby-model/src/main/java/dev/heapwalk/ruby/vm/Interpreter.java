// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.IseqLayout;
import dev.heapwalk.ruby.layout.MarkLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.DataTypes;
import dev.heapwalk.ruby.object.ImemoType;
import dev.heapwalk.ruby.object.MethodCursor;
import dev.heapwalk.ruby.object.RData;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * Reads what the interpreter keeps of a program that runs. It remembers code and methods by their address, as long as
 * they take less than 64 MB, and checks at each use that the same still stands there; after {@link
 * ObjectReader#forget()} it looks at the target again. For one thread.
 *
 * <p>Each method that takes the address of an object returns nothing for what is no such object, and throws
 * {@link dev.heapwalk.memory.UnmappedAddressException} where memory of one can't be read.
 */
public final class Interpreter {
    /** What is remembered is forgotten when it takes about so many bytes. */
    private static final long MOST_KEPT = 64L << 20;

    private static final int METHOD_WEIGHT = 256;

    private final ObjectReader reader;
    private final Reader memory;
    private final Texts texts;
    private final IseqReader iseqReader;
    private final Labels labels;
    private final Environments environments;
    private final DataReader dataReader;
    private final RData data;
    private final DataTypes dataTypes = new DataTypes();
    private final Map<Long, Iseq> iseqs = new HashMap<>();
    private final Map<Long, MethodEntry> methods = new HashMap<>();
    private long kept;

    /**
     * Makes one that has read nothing yet.
     *
     * @param reader what reads the heap, for the same thread
     */
    public Interpreter(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.texts = new Texts(reader);
        this.data = new RData(reader);
        this.iseqReader = new IseqReader(this, texts);
        this.labels = new Labels(this);
        this.environments = new Environments(this);
        this.dataReader = new DataReader(this);
    }

    /**
     * What reads the heap.
     *
     * @return the reader that was given
     */
    public ObjectReader reader() {
        return reader;
    }

    Texts texts() {
        return texts;
    }

    Labels labels() {
        return labels;
    }

    /**
     * Reads local variables.
     *
     * @return the same object at every call
     */
    public Environments environments() {
        return environments;
    }

    /**
     * Makes a cursor over control frames.
     *
     * @return a new one, for the same thread
     */
    public Frames frames() {
        return new Frames(this);
    }

    /**
     * The name of the program, which Ruby shows in place of a file where there is none.
     *
     * @return what {@code $0} is; empty if it can't be read
     */
    public Optional<String> programName() {
        MarkLayout.Machine machine = RubyLayout.of(reader.edition()).mark().machine();
        long name = reader.vm().address()
                + reader.vm().moved(memory)
                + machine.laterValues().offset("orig_progname")
                + MarkLayout.Machine.PROGRAM_NAME;
        try {
            return texts.of(memory.readLong(name));
        } catch (UnmappedAddressException e) {
            return Optional.empty();
        }
    }

    /**
     * Makes a cursor over backtraces that were taken.
     *
     * @return a new one, for the same thread
     */
    public Backtraces backtraces() {
        return new Backtraces(this);
    }

    /**
     * Compiled code.
     *
     * @param address target address of a slot
     * @return the code; empty if it is none, or one that is not loaded yet
     */
    public Optional<Iseq> iseq(long address) {
        if (!isImemo(address, ImemoType.ISEQ)) {
            return Optional.empty();
        }
        long body = memory.readLong(address + IseqLayout.BODY);
        Iseq known = iseqs.get(address);
        if (known != null && known.body() == body) {
            return known.present();
        }
        Optional<Iseq> found = body == 0 ? Optional.empty() : iseqReader.read(address, body);
        if (found.isPresent()) {
            keeps(found.get().weight());
            iseqs.put(address, found.get());
        }
        return found;
    }

    /** Takes note that more is remembered, in bytes, and forgets what was if it is too much. */
    void keeps(long more) {
        kept += more;
        if (kept > MOST_KEPT) {
            iseqs.clear();
            methods.clear();
            kept = more;
        }
    }

    /**
     * As {@link #iseq(long)}, without a look at the slot where the program counter proves that what is known is still
     * true.
     */
    Optional<Iseq> iseq(long address, long pc) {
        Iseq known = iseqs.get(address);
        return known != null && known.contains(pc) ? known.present() : iseq(address);
    }

    /**
     * A method of a class.
     *
     * @param address target address of a slot
     * @return the method; empty if it is none
     */
    public Optional<MethodEntry> method(long address) {
        if (!isImemo(address, ImemoType.MENT)) {
            return Optional.empty();
        }
        long flags = memory.readLong(address);
        long definedClass = memory.readLong(address + ImemoLayout.METHOD_DEFINED_CLASS);
        long definition = memory.readLong(address + ImemoLayout.METHOD_DEFINITION);
        long calledId = memory.readLong(address + ImemoLayout.METHOD_CALLED_ID);
        long owner = memory.readLong(address + ImemoLayout.METHOD_OWNER);
        MethodEntry known = methods.get(address);
        if (known != null
                && known.definition() == definition
                && known.calledId() == calledId
                && known.owner() == owner
                && known.definedClass() == definedClass) {
            return known.present();
        }
        MethodEntry found = definition == 0
                ? new MethodEntry(
                        this, address, flags, definedClass, 0, calledId, owner, MethodCursor.Kind.UNKNOWN, 0, 0, 0, 0)
                : defined(address, flags, definedClass, definition, calledId, owner);
        keeps(METHOD_WEIGHT);
        methods.put(address, found);
        return found.present();
    }

    private MethodEntry defined(
            long address, long flags, long definedClass, long definition, long calledId, long owner) {
        // rb_method_definition_t: a word of bits that begins with the type, the body, original_id.
        return new MethodEntry(
                this,
                address,
                flags,
                definedClass,
                definition,
                calledId,
                owner,
                MethodCursor.Kind.of(memory.readInt(definition)),
                memory.readLong(definition + ImemoLayout.DEFINITION_ORIGINAL_ID),
                memory.readLong(definition + ImemoLayout.DEFINITION_BODY),
                memory.readLong(definition + ImemoLayout.DEFINITION_SECOND),
                memory.readLong(definition + ImemoLayout.DEFINITION_THIRD));
    }

    /**
     * A Proc.
     *
     * @param address target address of a slot
     * @return what is there; empty if it is no Proc
     */
    public Optional<Proc> proc(long address) {
        return dataReader.proc(address);
    }

    /**
     * A Binding.
     *
     * @param address target address of a slot
     * @return what is there; empty if it is no Binding
     */
    public Optional<Binding> binding(long address) {
        return dataReader.binding(address);
    }

    /**
     * A Method or UnboundMethod.
     *
     * @param address target address of a slot
     * @return what is there; empty if it is none
     */
    public Optional<MethodObject> methodObject(long address) {
        return dataReader.method(address);
    }

    /**
     * A Mutex.
     *
     * @param address target address of a slot
     * @return what is there; empty if it is no Mutex
     */
    public Optional<Mutex> mutex(long address) {
        return dataReader.mutex(address);
    }

    /**
     * A Queue or SizedQueue.
     *
     * @param address target address of a slot
     * @return what is there; empty if it is none
     */
    public Optional<Queue> queue(long address) {
        return dataReader.queue(address);
    }

    /**
     * A Monitor.
     *
     * @param address target address of a slot
     * @return what is there; empty if it is none
     */
    public Optional<Monitor> monitor(long address) {
        return dataReader.monitor(address);
    }

    /**
     * A level of scope that outlived its frame.
     *
     * @param address target address of a slot
     * @return what is there; empty if it is no imemo env
     */
    public Optional<Env> env(long address) {
        return dataReader.env(address);
    }

    /**
     * The name of the type of an object whose data C code holds.
     *
     * @param address target address of a slot
     * @return for example {@code proc}; empty if it is no such object, or tells no type
     */
    public Optional<String> dataTypeOf(long address) {
        return is(address, RubyType.DATA) ? dataTypes.of(reader.at(address, data)) : Optional.empty();
    }

    /**
     * The data of an object that C code made.
     *
     * @param address target address of a slot
     * @param type the name of its type, such as {@code proc}
     * @return target address of the data; 0 if it is no such object or has none
     */
    public long data(long address, String type) {
        Optional<String> found = dataTypeOf(address);
        return found.isPresent() && found.get().equals(type)
                ? reader.at(address, data).data()
                : 0;
    }

    /**
     * Whether an object is an Array.
     *
     * @param value a {@code VALUE}
     * @return whether one begins there
     */
    public boolean isArray(long value) {
        return is(value, RubyType.ARRAY);
    }

    /** Whether a slot is an imemo of a type. */
    boolean isImemo(long address, ImemoType type) {
        return is(address, RubyType.IMEMO) && reader.imemoType(memory.readLong(address)) == type;
    }

    /** Whether a slot has a T_ type. */
    boolean is(long address, RubyType type) {
        return reader.isSlot(address) && (memory.readLong(address) & Flags.TYPE_MASK) == type.tag();
    }

    /** Whether an ID is the name of a local variable. C name {@code rb_is_local_id}. */
    boolean isLocal(long id) {
        return Long.compareUnsigned(id, RubyLayout.of(reader.series()).lastOperator()) > 0 && (id & 0xe) == 0;
    }
}
