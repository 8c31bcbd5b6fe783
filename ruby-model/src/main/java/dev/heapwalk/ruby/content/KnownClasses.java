// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.content;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.object.RClass;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Tells objects of one type apart that only their class tells apart, and remembers which is which. For one thread. */
public final class KnownClasses {
    /** What the instances of a class are. */
    public enum Kind {
        /** Any other object. */
        OTHER,
        /** An {@code Exception}. */
        EXCEPTION,
        /** A {@code Set} that is an object with a Hash, before 4.0. */
        SET
    }

    private static final Kind[] KINDS = Kind.values();
    private static final byte[] EXCEPTION = "Exception".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] SET = "Set".getBytes(StandardCharsets.US_ASCII);
    private static final byte[] NOTHING = {};
    /** A longer chain of superclasses is made by damage only. */
    private static final int LONGEST_CHAIN = 1 << 10;

    private final ObjectReader reader;
    private final RClass view;
    private final LongTable kinds = new LongTable();

    /**
     * Makes one that has read nothing yet.
     *
     * @param reader what reads the classes
     */
    public KnownClasses(ObjectReader reader) {
        this.reader = reader;
        this.view = new RClass(reader);
    }

    /**
     * What an object is.
     *
     * @param klass {@code RBasic.klass} of a {@code T_OBJECT}
     * @return the kind
     */
    public Kind of(long klass) {
        if (klass == 0) {
            return Kind.OTHER;
        }
        long known = kinds.get(klass, -1);
        if (known < 0) {
            known = look(klass).ordinal();
            kinds.put(klass, known);
        }
        return KINDS[(int) known];
    }

    private Kind look(long klass) {
        try {
            long at = klass;
            for (int i = 0; i < LONGEST_CHAIN && reader.isSlot(at); i++) {
                byte[] name = reader.classNames().bytesOf(at).orElse(NOTHING);
                if (Arrays.equals(name, EXCEPTION)) {
                    return Kind.EXCEPTION;
                }
                if (Arrays.equals(name, SET)) {
                    return Kind.SET;
                }
                RubyType type = reader.at(at, view).type();
                if (type != RubyType.CLASS && type != RubyType.ICLASS) {
                    break;
                }
                at = view.rawSuperclass();
            }
        } catch (UnmappedAddressException e) {
            return Kind.OTHER;
        }
        return Kind.OTHER;
    }
}
