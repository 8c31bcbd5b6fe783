// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.raw.Words;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RString;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/** Reads Strings that hold labels and paths. For one thread. */
final class Texts {
    /** A longer one is cut. */
    private static final int LONGEST = Window.MAX_LENGTH;

    private final ObjectReader reader;
    private final Reader memory;
    private final RString string;
    private final RArray array;
    private final boolean core;

    Texts(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.string = new RString(reader);
        this.array = new RArray(reader);
        this.core = reader.vm().target().mode() == Target.Mode.CORE;
    }

    /**
     * The text of a String; empty if it is none, or if its bytes were left out of a core: those of a literal in C lie
     * in a file.
     */
    Optional<String> of(long value) {
        if (!reader.isSlot(value)) {
            return Optional.empty();
        }
        RString found = reader.at(value, string);
        if (found.type() != RubyType.STRING) {
            return Optional.empty();
        }
        long length = Math.min(found.length(), LONGEST);
        long bytes = found.bytes();
        if (length < 0) {
            throw new UnmappedAddressException(bytes, bytes, 0);
        }
        if (length == 0) {
            return Optional.of("");
        }
        if (mayLack(bytes) && memory.find(bytes, length) < 0) {
            return Optional.empty();
        }
        long offset = memory.require(bytes, length);
        byte[] text = new byte[(int) length];
        MemorySegment.copy(memory.segment(), Words.BYTE, offset, text, 0, text.length);
        return Optional.of(new String(text, StandardCharsets.UTF_8));
    }

    /** Whether what can't be read there may be good all the same: a core may lack what its files have. */
    boolean mayLack(long address) {
        return core && address != 0;
    }

    /** An element of an Array, 0 if there is none. */
    long element(long value, int index) {
        if (!reader.isSlot(value)) {
            return 0;
        }
        RArray found = reader.at(value, array);
        return found.type() != RubyType.ARRAY || index >= found.length()
                ? 0
                : memory.readLong(found.elements() + 8L * index);
    }

    boolean isArray(long value) {
        return reader.isSlot(value) && RubyType.of(memory.readLong(value)) == RubyType.ARRAY;
    }
}
