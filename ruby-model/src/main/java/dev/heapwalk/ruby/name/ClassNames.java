// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.name;

import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.layout.ClassLayout;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.object.IvarCursor;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.table.StEntries;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The names of classes and modules and what their instances have in common, kept once made out. For one thread. */
public final class ClassNames {
    /** The instance variable that holds the name of a class before 3.3. */
    private static final byte[] CLASSPATH = "__classpath__".getBytes(StandardCharsets.US_ASCII);

    private static final byte[] TEMPORARY_CLASSPATH = "__tmp_classpath__".getBytes(StandardCharsets.US_ASCII);
    /** The instance variable that holds the object of a singleton class before 3.3. */
    private static final byte[] ATTACHED = "__attached__".getBytes(StandardCharsets.US_ASCII);

    /** The instance variable that holds the class that a refinement refines. */
    private static final byte[] REFINED_CLASS = "__refined_class__".getBytes(StandardCharsets.US_ASCII);

    private static final long[] NO_IDS = {};
    private static final int LONGEST_CHAIN = 1 << 16;
    private static final int MOST_IVARS = 1 << 20;

    private final ObjectReader reader;
    private final Reader memory;
    private final RClass view;
    private final StEntries entries;
    private IvarCursor ivars;
    private final LongTable nameIndexes = new LongTable();
    private final List<Optional<byte[]>> names = new ArrayList<>();
    private final LongTable realClasses = new LongTable();
    private final LongTable idsIndexes = new LongTable();
    private final List<long[]> ids = new ArrayList<>();

    /**
     * Makes one that has read nothing yet.
     *
     * @param reader what reads the objects
     */
    public ClassNames(ObjectReader reader) {
        this.reader = reader;
        this.memory = reader.memory();
        this.view = new RClass(reader);
        this.entries = new StEntries(reader);
    }

    /**
     * The full name of a class or module, as {@code Module#name} gives it. For a module's place among the ancestors of
     * a class, the name of the module.
     *
     * @param klass target address of a class or module
     * @return its bytes as UTF-8, not to be changed; empty if it has no name
     */
    public Optional<byte[]> bytesOf(long klass) {
        long known = klass == 0 ? -1 : nameIndexes.get(klass, -1);
        if (known >= 0) {
            return names.get((int) known);
        }
        Optional<byte[]> name = read(klass);
        if (klass != 0) {
            nameIndexes.put(klass, names.size());
            names.add(name);
        }
        return name;
    }

    /**
     * The full name of a class or module.
     *
     * @param klass target address of a class or module
     * @return its name, empty if it has none
     */
    public Optional<String> of(long klass) {
        return bytesOf(klass).map(name -> new String(name, StandardCharsets.UTF_8));
    }

    /**
     * The class that an object says it is of: neither a singleton class nor a module's place. C name {@code
     * rb_class_real}.
     *
     * @param klass {@code RBasic.klass} of an object
     * @return target address of a class, 0 if there is none
     */
    public long realClass(long klass) {
        if (klass == 0) {
            return 0;
        }
        long known = realClasses.get(klass, -1);
        if (known < 0) {
            known = 0;
            try {
                long at = klass;
                for (int i = 0; i < LONGEST_CHAIN && reader.isSlot(at); i++) {
                    RClass found = reader.at(at, view);
                    if (found.type() == RubyType.CLASS && !found.singleton()) {
                        known = at;
                        break;
                    }
                    if (found.type() != RubyType.CLASS && found.type() != RubyType.ICLASS) {
                        break;
                    }
                    at = found.rawSuperclass();
                }
            } catch (UnmappedAddressException e) {
                known = 0;
            }
            realClasses.put(klass, known);
        }
        return known;
    }

    /**
     * Whether a class is one of a name or descends from it.
     *
     * @param klass target address of a class
     * @param name the full name of a class
     * @return whether it is among its superclasses, or itself
     */
    public boolean descends(long klass, String name) {
        byte[] wanted = name.getBytes(StandardCharsets.UTF_8);
        long at = klass;
        for (int i = 0; i < LONGEST_CHAIN && reader.isSlot(at); i++) {
            Optional<byte[]> own = bytesOf(at);
            if (own.isPresent() && Arrays.equals(own.get(), wanted)) {
                return true;
            }
            RClass found = reader.at(at, view);
            if (found.type() != RubyType.CLASS && found.type() != RubyType.ICLASS) {
                return false;
            }
            at = found.rawSuperclass();
        }
        return false;
    }

    private Optional<byte[]> read(long klass) {
        try {
            boolean found = reader.find(klass, view);
            if (found && view.type() == RubyType.ICLASS) {
                found = reader.find(view.klass(), view);
            }
            if (!found || view.type() != RubyType.CLASS && view.type() != RubyType.MODULE) {
                return Optional.empty();
            }
            ClassLayout layout = RubyLayout.of(reader.series()).classes();
            long path;
            if (layout.classpath() >= 0) {
                path = memory.readLong(view.extension() + layout.classpath());
            } else {
                long module = view.address();
                path = hiddenIvar(module, CLASSPATH);
                path = path == 0 ? hiddenIvar(module, TEMPORARY_CLASSPATH) : path;
            }
            return path == 0 ? Optional.empty() : reader.symbols().bytesOfString(path);
        } catch (UnmappedAddressException e) {
            return Optional.empty();
        }
    }

    /**
     * The name of a class where it is an instance variable, before 3.3.
     *
     * @param klass target address of a class or module
     * @return a {@code VALUE}, 0 if it has no permanent name
     * @throws UnmappedAddressException if its instance variables can't be read
     */
    public long classpathIvar(long klass) {
        return hiddenIvar(klass, CLASSPATH);
    }

    /**
     * The object of a singleton class where it is an instance variable, before 3.3.
     *
     * @param klass target address of a singleton class
     * @return a {@code VALUE}, 0 if there is none
     * @throws UnmappedAddressException if its instance variables can't be read
     */
    public long attachedIvar(long klass) {
        return hiddenIvar(klass, ATTACHED);
    }

    /**
     * The class that a refinement refines.
     *
     * @param module target address of a refinement
     * @return a {@code VALUE}, 0 if there is none
     * @throws UnmappedAddressException if its instance variables can't be read
     */
    public long refinedClassIvar(long module) {
        return hiddenIvar(module, REFINED_CLASS);
    }

    /** The instance variable of a class that Ruby code does not see; 0 if it has none of that name. */
    long hiddenIvar(long klass, byte[] name) {
        if (ivars == null) {
            ivars = new IvarCursor(reader);
        }
        ivars.over(klass);
        while (ivars.next()) {
            Optional<byte[]> found = ivars.name();
            if (found.isPresent() && Arrays.equals(found.get(), name)) {
                return ivars.value();
            }
        }
        return 0;
    }

    /**
     * The IDs of the instance variables that the instances of a class may have, before 3.2.
     *
     * @param klass {@code RBasic.klass} of an object
     * @return the IDs in the order of their values, not to be changed
     * @throws UnmappedAddressException if the table that tells them can't be read
     */
    public long[] ivarNames(long klass) {
        if (klass == 0) {
            return NO_IDS;
        }
        long known = idsIndexes.get(klass, -1);
        if (known < 0) {
            known = ids.size();
            ids.add(readIvarNames(realClass(klass)));
            idsIndexes.put(klass, known);
        }
        return ids.get((int) known);
    }

    private long[] readIvarNames(long real) {
        if (!reader.find(real, view)) {
            return NO_IDS;
        }
        boolean indirect = RubyLayout.of(reader.series()).classes().ivIndexIndirect();
        entries.over(view.ivIndexTable());
        long[] read = new long[(int) Math.max(0, Math.min(entries.size(), MOST_IVARS))];
        while (entries.next()) {
            long index = indirect ? memory.readInt(entries.record()) : entries.record();
            if (index >= 0 && index < read.length) {
                read[(int) index] = entries.key();
            }
        }
        return read;
    }

    /** Forgets what was made out. */
    public void forget() {
        nameIndexes.reuse();
        names.clear();
        realClasses.reuse();
        idsIndexes.reuse();
        ids.clear();
    }
}
