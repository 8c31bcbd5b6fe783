// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Writes a heap dump as JVMs do, in the format "JAVA PROFILE 1.0.2" with identifiers of 8 bytes, which many programs
 * read: arrays of references and of bytes, with what holds them. For one thread.
 */
final class HprofWriter implements AutoCloseable {
    private static final int STRING = 0x01;
    private static final int LOAD_CLASS = 0x02;
    private static final int TRACE = 0x05;
    private static final int SEGMENT = 0x1c;
    private static final int END = 0x2c;

    private static final int ROOT_JNI_GLOBAL = 0x01;
    private static final int CLASS_DUMP = 0x20;
    private static final int INSTANCE = 0x21;
    private static final int OBJECT_ARRAY = 0x22;
    private static final int PRIMITIVE_ARRAY = 0x23;

    private static final int OBJECT = 2;
    private static final int BYTE = 8;
    private static final int IDENTIFIER = 8;
    private static final int TRACE_SERIAL = 1;
    /** A record must not be cut, so that a segment may become longer. */
    private static final int SEGMENT_BYTES = 1 << 20;
    /** Identifiers of classes and strings are below those of objects. */
    static final long FIRST_OBJECT = 1L << 16;

    private final DataOutputStream out;
    private final ByteArrayOutputStream segment = new ByteArrayOutputStream();
    private final DataOutputStream record = new DataOutputStream(segment);
    private final Map<String, Long> strings = new LinkedHashMap<>();
    private long next = 16;
    private int serial;
    private final long objects;
    private final long bytes;

    HprofWriter(OutputStream file) throws IOException {
        out = new DataOutputStream(file);
        out.write("JAVA PROFILE 1.0.2\0".getBytes(StandardCharsets.US_ASCII));
        out.writeInt(IDENTIFIER);
        out.writeLong(0);
        head(TRACE, 3 * Integer.BYTES);
        out.writeInt(TRACE_SERIAL);
        out.writeInt(0);
        out.writeInt(0);
        long object = addClass("java/lang/Object", 0);
        // Readers look for those by name.
        for (String name : new String[] {"java/lang/Class", "java/lang/ClassLoader", "java/lang/String"}) {
            addClass(name, object);
        }
        addClass("java/lang/Thread", object);
        long reference = addClass("java/lang/ref/Reference", object, "referent");
        for (String kind : new String[] {"Weak", "Soft", "Final", "Phantom"}) {
            addClass("java/lang/ref/" + kind + "Reference", reference);
        }
        objects = addClass("[Ljava/lang/Object;", object);
        bytes = addClass("[B", object);
        // NetBeans' reader does without none.
        record.writeByte(INSTANCE);
        record.writeLong(next++);
        record.writeInt(TRACE_SERIAL);
        record.writeLong(object);
        record.writeInt(0);
    }

    private void head(int tag, int length) throws IOException {
        out.writeByte(tag);
        out.writeInt(0);
        out.writeInt(length);
    }

    private long string(String text) throws IOException {
        Long known = strings.get(text);
        if (known != null) {
            return known;
        }
        byte[] utf = text.getBytes(StandardCharsets.UTF_8);
        long id = next++;
        head(STRING, IDENTIFIER + utf.length);
        out.writeLong(id);
        out.write(utf);
        strings.put(text, id);
        return id;
    }

    private long addClass(String name, long parent, String... fields) throws IOException {
        long named = string(name);
        long id = next++;
        head(LOAD_CLASS, 2 * Integer.BYTES + 2 * IDENTIFIER);
        out.writeInt(++serial);
        out.writeLong(id);
        out.writeInt(TRACE_SERIAL);
        out.writeLong(named);
        record.writeByte(CLASS_DUMP);
        record.writeLong(id);
        record.writeInt(TRACE_SERIAL);
        record.writeLong(parent);
        // Loader, signers, domain and two that are reserved.
        for (int i = 0; i < 5; i++) {
            record.writeLong(0);
        }
        record.writeInt(fields.length * IDENTIFIER);
        // No constants and no static fields.
        record.writeShort(0);
        record.writeShort(0);
        record.writeShort(fields.length);
        for (String field : fields) {
            record.writeLong(string(field));
            record.writeByte(OBJECT);
        }
        return id;
    }

    /** Has the virtual machine hold an object. */
    void root(long id) throws IOException {
        record.writeByte(ROOT_JNI_GLOBAL);
        record.writeLong(id);
        record.writeLong(0);
        endRecord();
    }

    /** An array of references. */
    void array(long id, long[] references) throws IOException {
        record.writeByte(OBJECT_ARRAY);
        record.writeLong(id);
        record.writeInt(TRACE_SERIAL);
        record.writeInt(references.length);
        record.writeLong(objects);
        for (long one : references) {
            record.writeLong(one);
        }
        endRecord();
    }

    /** An array of bytes, all of them 0. */
    void bytes(long id, int count) throws IOException {
        record.writeByte(PRIMITIVE_ARRAY);
        record.writeLong(id);
        record.writeInt(TRACE_SERIAL);
        record.writeInt(count);
        record.writeByte(BYTE);
        record.write(new byte[count]);
        endRecord();
    }

    private void endRecord() throws IOException {
        if (segment.size() >= SEGMENT_BYTES) {
            endSegment();
        }
    }

    private void endSegment() throws IOException {
        head(SEGMENT, segment.size());
        segment.writeTo(out);
        segment.reset();
    }

    @Override
    public void close() throws IOException {
        endSegment();
        head(END, 0);
        out.close();
    }
}
