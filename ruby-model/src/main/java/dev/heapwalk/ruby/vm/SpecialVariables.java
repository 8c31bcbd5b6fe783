// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.layout.ContextLayout;
import dev.heapwalk.ruby.layout.EnvFlags;
import dev.heapwalk.ruby.layout.ImemoLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.ValueFields;
import dev.heapwalk.ruby.object.ImemoType;
import dev.heapwalk.ruby.object.SpecialConstants;

/**
 * Reads the variables that look global and are not: {@code $!} belongs to a thread, {@code $~} and {@code $_} to the
 * frame of a method. They are what code would see that the innermost frame of an execution context called. For one
 * thread.
 */
public final class SpecialVariables {
    private final Interpreter interpreter;
    private final ObjectReader reader;
    private final Reader memory;
    private final ValueFields fields;

    /**
     * Makes one.
     *
     * @param interpreter what reads the interpreter's structures, for the same thread
     */
    public SpecialVariables(Interpreter interpreter) {
        this.interpreter = interpreter;
        this.reader = interpreter.reader();
        this.memory = reader.memory();
        this.fields = RubyLayout.of(reader.edition()).mark().context();
    }

    /**
     * The exception that is being handled: C name {@code rb_ec_get_errinfo}.
     *
     * @param context target address of an execution context
     * @return the {@code VALUE} of {@code $!}
     * @throws UnmappedAddressException if it can't be read
     */
    public long error(long context) {
        Frames frames = interpreter.frames().over(context);
        while (frames.next()) {
            Iseq iseq = frames.iseq().orElse(null);
            if (iseq != null && (iseq.type() == IseqType.RESCUE || iseq.type() == IseqType.ENSURE)) {
                long value = memory.readLong(frames.ep() + EnvFlags.LAST_LOCAL);
                // While an ensure clause runs without an exception, what goes on behind it is there.
                if (iseq.type() == IseqType.RESCUE
                        || !SpecialConstants.isFixnum(value) && !interpreter.isImemo(value, ImemoType.THROW_DATA)) {
                    return value;
                }
            }
        }
        return memory.readLong(context + fields.offset("errinfo"));
    }

    /**
     * The last match of a regular expression.
     *
     * @param context target address of an execution context
     * @return the {@code VALUE} of {@code $~}
     * @throws UnmappedAddressException if it can't be read
     */
    public long lastMatch(long context) {
        return special(context, ImemoLayout.SVAR_LAST_MATCH);
    }

    /**
     * The last line that was read.
     *
     * @param context target address of an execution context
     * @return the {@code VALUE} of {@code $_}
     * @throws UnmappedAddressException if it can't be read
     */
    public long lastLine(long context) {
        return special(context, ImemoLayout.SVAR_LAST_LINE);
    }

    /** C name {@code lep_svar_get}. */
    private long special(long context, int field) {
        long level = level(context);
        int root = fields.offset("root_svar");
        long variables = level != 0 && level != memory.readLong(context + root - ContextLayout.ROOT_LEP)
                ? memory.readLong(level + EnvFlags.METHOD)
                : memory.readLong(context + root);
        if (!interpreter.isImemo(variables, ImemoType.SVAR)) {
            return reader.constants().nil();
        }
        return memory.readLong(variables + field);
    }

    /** The outermost level of the innermost frame in Ruby, 0 if there is none: C name {@code rb_vm_svar_lep}. */
    private long level(long context) {
        Frames frames = interpreter.frames().over(context);
        while (frames.next()) {
            if (frames.pc() != 0) {
                return interpreter.environments().outermost(frames.ep());
            }
            if ((memory.readLong(frames.ep()) & EnvFlags.MAGIC_MASK) == EnvFlags.MAGIC_IFUNC) {
                long block = memory.readLong(frames.address() + ContextLayout.FRAME_ISEQ);
                long level = memory.readLong(block + ImemoLayout.IFUNC_SVAR_LEP);
                if (level != 0) {
                    return level;
                }
            }
        }
        return 0;
    }
}
