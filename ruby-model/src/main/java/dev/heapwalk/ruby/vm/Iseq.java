// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import java.util.List;
import java.util.Optional;

/**
 * A piece of compiled code: a method, a block, a file. C name {@code rb_iseq_t}. What is in it does not change as long
 * as it lives, so it was read as a whole and is kept; only its table of lines is read when it is first asked for. For
 * one thread.
 */
public final class Iseq {
    private static final int WEIGHT = 512;
    private static final int PARAMETER_WEIGHT = 96;

    private final Interpreter interpreter;
    private final long address;
    private final long body;
    private final IseqType type;
    private final Optional<String> path;
    private final Optional<String> absolutePath;
    private final Optional<String> label;
    private final Optional<String> baseLabel;
    private final int firstLine;
    private final long encoded;
    private final int size;
    private final long parent;
    private final long local;
    private final long[] localIds;
    private final List<Parameter> parameters;
    private final boolean internal;
    private final boolean shownAsC;
    /** Says that there is this code; made once, so that it can be told of each frame without making anything. */
    private final Optional<Iseq> present = Optional.of(this);

    private LineTable lines;

    private long labelOwner;
    private Optional<String> ownedLabel;

    /** Takes what {@link IseqReader} has read. */
    Iseq(
            Interpreter interpreter,
            long address,
            long body,
            IseqType type,
            Optional<String> path,
            Optional<String> absolutePath,
            Optional<String> label,
            Optional<String> baseLabel,
            int firstLine,
            long encoded,
            int size,
            long parent,
            long local,
            long[] localIds,
            List<Parameter> parameters,
            boolean shownAsC) {
        this.interpreter = interpreter;
        this.address = address;
        this.body = body;
        this.type = type;
        this.path = path;
        this.absolutePath = absolutePath;
        this.label = label;
        this.baseLabel = baseLabel;
        this.firstLine = firstLine;
        this.encoded = encoded;
        this.size = size;
        this.parent = parent;
        this.local = local;
        this.localIds = localIds;
        this.parameters = List.copyOf(parameters);
        this.internal = path.isPresent() && path.get().startsWith("<internal:");
        this.shownAsC = shownAsC;
    }

    Optional<Iseq> present() {
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
     * Where its contents are.
     *
     * @return target address of the {@code struct rb_iseq_constant_body}
     */
    public long body() {
        return body;
    }

    /**
     * What it is for.
     *
     * @return the type
     */
    public IseqType type() {
        return type;
    }

    /**
     * The file it comes from, as it was named when it was loaded.
     *
     * @return a path, or what {@code eval} was told, or {@code <internal:…>}; empty if it can't be made out
     */
    public Optional<String> path() {
        return path;
    }

    /**
     * The full path of the file it comes from.
     *
     * @return a path, empty if it is from no file
     */
    public Optional<String> absolutePath() {
        return absolutePath;
    }

    /**
     * How it is called, such as {@code block in each_line}.
     *
     * @return {@code location.label}, without the class that Ruby's own backtraces name since 3.4; empty if it can't
     *     be made out
     */
    public Optional<String> label() {
        return label;
    }

    /**
     * How the method or file around it is called.
     *
     * @return {@code location.base_label}, empty if it can't be made out
     */
    public Optional<String> baseLabel() {
        return baseLabel;
    }

    /**
     * The line that it begins at.
     *
     * @return {@code location.first_lineno}
     */
    public int firstLine() {
        return firstLine;
    }

    /**
     * Where its instructions are.
     *
     * @return target address of {@code iseq_encoded}
     */
    public long encoded() {
        return encoded;
    }

    /**
     * How long its instructions are.
     *
     * @return words
     */
    public int size() {
        return size;
    }

    /**
     * The code that this stands in, for a block, a {@code rescue} and the like.
     *
     * @return target address of an iseq, 0 if there is none
     */
    public long parent() {
        return parent;
    }

    /**
     * The method, class or file that this stands in; itself if it is one.
     *
     * @return target address of an iseq
     */
    public long local() {
        return local;
    }

    /**
     * How many local variables it has, the hidden ones too.
     *
     * @return {@code local_table_size}
     */
    public int localCount() {
        return localIds.length;
    }

    /**
     * The name of a local variable.
     *
     * @param index from 0 to {@link #localCount()} - 1
     * @return the name; empty for one that the interpreter made for itself
     */
    public Optional<String> localName(int index) {
        long id = localIds[index];
        return interpreter.isLocal(id) ? interpreter.reader().symbols().of(id) : Optional.empty();
    }

    /**
     * The parameters, in the order of the declaration.
     *
     * @return an unmodifiable list
     */
    public List<Parameter> parameters() {
        return parameters;
    }

    /**
     * Whether it belongs to the interpreter itself.
     *
     * @return whether its path is {@code <internal:…>}
     */
    public boolean internal() {
        return internal;
    }

    /**
     * Whether Ruby's backtraces show it as if it were written in C. Since 3.4.
     *
     * @return {@code BUILTIN_ATTR_C_TRACE}
     */
    public boolean shownAsC() {
        return shownAsC;
    }

    /**
     * Whether a program counter is in it. The check that what was kept of it is still true.
     *
     * @param pc a target address
     * @return whether it lies in the instructions or right behind them
     */
    public boolean contains(long pc) {
        return pc >= encoded && pc <= encoded + 8L * size;
    }

    /**
     * The line of a program counter.
     *
     * @param pc a target address that this {@link #contains}; it is that of the following instruction
     * @return the line, 0 if it is not known
     */
    public int line(long pc) {
        if (!contains(pc)) {
            return 0;
        }
        int position = (int) (pc - encoded >>> 3);
        return table().line(Math.max(0, position - 1));
    }

    /**
     * The lines that its instructions stand on.
     *
     * @return a new array, in order and each line once
     */
    public int[] lines() {
        return table().distinct();
    }

    /** How much memory it takes without its lines, in bytes, in about. */
    long weight() {
        return WEIGHT
                + (long) Long.BYTES * localIds.length
                + (long) PARAMETER_WEIGHT * parameters.size()
                + length(path)
                + length(absolutePath)
                + length(label)
                + length(baseLabel);
    }

    private static int length(Optional<String> text) {
        return text.isEmpty() ? 0 : text.get().length();
    }

    private LineTable table() {
        if (lines == null) {
            lines = LineTable.read(interpreter.reader(), body, size);
            interpreter.keeps(lines.weight());
        }
        return lines;
    }

    /**
     * The name with the class that the backtraces of 3.4 and later give it.
     *
     * @param owner the class or module that has the method, 0 if there is none
     * @return for example {@code block in Report#each_line}; empty if it can't be made out
     */
    Optional<String> labelOf(long owner) {
        if (ownedLabel == null || labelOwner != owner) {
            ownedLabel = interpreter.labels().of(this, owner);
            labelOwner = owner;
        }
        return ownedLabel;
    }

    @Override
    public String toString() {
        return label.orElse("?") + " (" + path.orElse("?") + ":" + firstLine + ")";
    }
}
