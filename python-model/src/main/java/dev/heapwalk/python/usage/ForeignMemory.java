// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.usage;

import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.python.ObjectCursor;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import dev.heapwalk.python.layout.SqliteLayout;
import dev.heapwalk.python.layout.TypeLayout;
import java.util.Arrays;
import java.util.Set;

/**
 * The memory that objects of types written in C lead to, whose fields nobody knows: each word of such an object that is
 * the address of a block claims it for the object's type. A block that has an owner already is not claimed, nor is one
 * that objects of several types lead to. Of some libraries, what the claimed blocks lead to is claimed as well.
 */
final class ForeignMemory {
    /** What has no words that lead to other memory than objects, or whose memory is known. */
    private static final Set<String> KNOWN = Set.of(
            "object",
            "bool",
            "builtin_function_or_method",
            "bytes",
            "bytearray",
            "cell",
            "code",
            "complex",
            "dict",
            "float",
            "frame",
            "frozenset",
            "function",
            "int",
            "list",
            "long",
            "method",
            "set",
            "str",
            "tuple",
            "unicode",
            "weakref");

    /** What all that objects lead to belongs to: whose libraries allocate for nobody else. */
    private static final Set<String> CLOSED = Set.of("sqlite3", "_sqlite3", "pysqlite2", "lxml");

    private static final String ARRAY = "numpy.ndarray";
    private static final String CONNECTION = "sqlite3.Connection";
    private static final String STATEMENT = "sqlite3.Statement";
    private static final int LARGEST = 1 << 12;
    private static final int LONGEST_NAME = 64;
    private static final int DEEPEST = 64;
    private static final long MOST_FOLLOWED = 1L << 20;
    /** Several types claim a block. */
    private static final int DISPUTED = -1;

    private final ObjectReader reader;
    private final Reader memory;
    private final int shift;
    private final Mappings mappings;
    private final UseTable table;
    private final NumpyArrays arrays;
    private final SqliteLayout sqlite;
    private final int connection;
    private final int statement;
    /** By the number of a type, how many bytes of its objects are looked at; 0 for none. */
    private int[] looked = {};

    private long[] typeAddresses = {};
    private boolean[] isArray = {};
    private boolean[] isClosed = {};
    private int[] sqliteKind = {};
    /** What makes objects that a program's classes made vanish, which knows nothing of C. */
    private long commonDealloc;

    private final LongTable claims = new LongTable();
    /** What leads to the structures of the library that a type stands for, and that type. */
    private final LongTable named = new LongTable();

    ForeignMemory(PythonRuntime runtime, ObjectReader reader, UseTable table) {
        this.reader = reader;
        this.memory = reader.memory();
        this.mappings = runtime.target().memory().mappings();
        this.table = table;
        this.shift = PythonLayout.of(runtime.series(), runtime.freeThreaded())
                .object()
                .shift();
        this.arrays = new NumpyArrays(memory, table, shift);
        this.sqlite = PythonLayout.of(runtime.series(), runtime.freeThreaded()).sqlite();
        this.connection = table.number(TypeUses.category("sqlite3 connection", ""));
        this.statement = table.number(TypeUses.category("sqlite3 statement", ""));
    }

    /** Finds out which types are written in C. */
    void types(ObjectCursor object) {
        int count = object.typeCount();
        commonDealloc = commonDealloc(object);
        looked = new int[count];
        typeAddresses = new long[count];
        isArray = new boolean[count];
        isClosed = new boolean[count];
        sqliteKind = new int[count];
        for (int i = 0; i < count; i++) {
            typeAddresses[i] = object.typeAt(i);
            takeType(i, object.typeAt(i));
        }
    }

    /** {@code subtype_dealloc}, which all types have that a program made, and most types that were made. */
    private long commonDealloc(ObjectCursor object) {
        LongTable counts = new LongTable();
        long most = 0;
        long common = 0;
        for (int i = 0; i < object.typeCount(); i++) {
            long type = object.typeAt(i);
            if (isMade(type)) {
                long dealloc = reader.field(type, TypeLayout.DEALLOC);
                long times = counts.add(dealloc, 1);
                if (dealloc != 0 && times > most) {
                    most = times;
                    common = dealloc;
                }
            }
        }
        return common;
    }

    private boolean isMade(long type) {
        return (reader.field(type, TypeLayout.FLAGS) & TypeLayout.HEAPTYPE) != 0;
    }

    private void takeType(int number, long type) {
        long base = type;
        for (int i = 0; i < DEEPEST; i++) {
            if (base == 0) {
                return;
            }
            if (!isMade(base) || reader.field(base, TypeLayout.DEALLOC) != commonDealloc) {
                break;
            }
            base = reader.field(base, TypeLayout.BASE);
        }
        String name = memory.readCString(reader.field(base, TypeLayout.TP_NAME), LONGEST_NAME, "");
        long size = reader.field(base, TypeLayout.BASICSIZE);
        if (KNOWN.contains(name) || size <= shift + ObjectLayout.BYTES) {
            return;
        }
        looked[number] = (int) Math.min(size, LARGEST);
        isArray[number] = name.equals(ARRAY);
        int point = name.indexOf('.');
        isClosed[number] = point > 0 && CLOSED.contains(name.substring(0, point));
        sqliteKind[number] =
                name.equals(CONNECTION) ? connection : name.equals(STATEMENT) ? statement : UseTable.UNKNOWN;
    }

    /** Takes the words of an object whose type is known by its address. */
    void takeOf(long object, long type) {
        for (int i = 0; i < typeAddresses.length; i++) {
            if (typeAddresses[i] == type) {
                take(object, i);
                return;
            }
        }
    }

    /** Takes the words of an object that may be addresses of blocks. */
    void take(long object, int type) {
        int size = looked[type];
        if (size == 0) {
            return;
        }
        if (isArray[type]) {
            arrays.take(object + shift);
        }
        if (sqliteKind[type] != UseTable.UNKNOWN) {
            int field = sqliteKind[type] == connection ? SqliteLayout.DB : sqlite.statement();
            named.put(reader.field(object, field), type);
        }
        for (int at = shift + ObjectLayout.BYTES; at + Long.BYTES <= size; at += Long.BYTES) {
            claim(memory.readLong(object + at, 0), type);
        }
    }

    private void claim(long word, int type) {
        if ((word & 7) == 0 && word != 0 && mappings.writable(word, Long.BYTES)) {
            long before = claims.get(word, type);
            claims.put(word, before == type ? type : DISPUTED);
        }
    }

    /** Gives the claimed blocks their uses that nobody owns. */
    void finish(UsedBlocks blocks) {
        new HashTables(blocks, table, memory).find();
        new Following(blocks).run();
    }

    /** Follows the words that claim, and then those in the blocks that were claimed, level by level. */
    private final class Following {
        private final UsedBlocks blocks;
        /** By the number of a block, the type that claims it, one more than its number. */
        private final int[] owners;

        private final int[] uses = new int[looked.length];
        private int[] queue = new int[1 << 8];
        private int queued;

        Following(UsedBlocks blocks) {
            this.blocks = blocks;
            this.owners = new int[blocks.count()];
        }

        void run() {
            named.forEach((word, type) -> name(word, (int) type));
            claims.forEach((word, type) -> take(word, (int) type));
            for (int i = 0; i < queued; i++) {
                follow(queue[i]);
            }
            for (int i = 0; i < owners.length; i++) {
                if (owners[i] > 0 && table.get(blocks.address(i)) == UseTable.UNKNOWN) {
                    table.put(blocks.address(i), use(i));
                }
            }
        }

        /** Claims the block that a word of an object leads to. */
        private void take(long word, int type) {
            if (table.inArena(word)) {
                if (type != DISPUTED && table.get(word) == UseTable.UNKNOWN) {
                    table.put(word, ofType(type));
                }
                return;
            }
            int block = blocks.at(word);
            if (block >= 0 && table.get(blocks.address(block)) != UseTable.UNKNOWN) {
                return;
            }
            if (block >= 0 && (isBeginning(word, block) || type != DISPUTED && isClosed[type])) {
                int owner = type + 1;
                boolean other = owners[block] != 0 && owners[block] != owner;
                owners[block] = type == DISPUTED || other ? DISPUTED : owner;
                if (owners[block] > 0 && isClosed[type]) {
                    enqueue(block);
                }
            }
        }

        /** Whether what was asked for begins at an address, or two words before it. */
        private boolean isBeginning(long word, int block) {
            long start = blocks.address(block);
            return word - start <= 2 * Long.BYTES || word == table.asked(start);
        }

        /**
         * Whether a word is that of a value of a statement whose buffer was given up: the library leaves the address of
         * the buffer and says beside it that there is no room. Who took that memory since is anybody.
         */
        private boolean isGivenUp(long at) {
            return memory.readInt(at - SqliteLayout.VALUE_ROOM, 0) == 0 && isOfValue(at - SqliteLayout.VALUE_BUFFER)
                    || memory.readInt(at + SqliteLayout.VALUE_ROOM, 0) == 0
                            && isOfValue(at + SqliteLayout.VALUE_BUFFER);
        }

        /** Whether a value has its connection at an address: it stands in a row of them. */
        private boolean isOfValue(long at) {
            long word = memory.readLong(at, 0);
            long type = word == 0 ? -1 : named.get(word, -1);
            return type >= 0
                    && sqliteKind[(int) type] == connection
                    && (memory.readLong(at + SqliteLayout.VALUE_BYTES, 0) == word
                            || memory.readLong(at - SqliteLayout.VALUE_BYTES, 0) == word);
        }

        private void name(long word, int type) {
            int block = blocks.at(word);
            if (block >= 0 && word - blocks.address(block) <= SqliteLayout.SIZE_HEAD && owners[block] == 0) {
                table.put(blocks.address(block), sqliteKind[type]);
                owners[block] = type + 1;
                enqueue(block);
            }
        }

        private void enqueue(int block) {
            if (queued == queue.length) {
                queue = Arrays.copyOf(queue, 2 * queued);
            }
            queue[queued++] = block;
        }

        private void follow(int block) {
            int owner = owners[block];
            long start = blocks.address(block);
            long end = start + Math.min(blocks.size(block), MOST_FOLLOWED);
            // Rows of a database are no addresses, though they may look like some.
            int page = page(block);
            for (long at = start + page; at + Long.BYTES <= end; at += Long.BYTES) {
                long word = memory.readLong(at, 0);
                int other = (word & 7) == 0 && word != 0 ? blocks.at(word) : -1;
                if (other >= 0 && owners[other] == 0 && isLedTo(word, other) && !isGivenUp(at)) {
                    owners[other] = owner;
                    enqueue(other);
                }
            }
        }

        /**
         * Whether a word leads to a block as the library does: to where it begins, or into a page with what lies behind
         * it. A word that is left from earlier mostly leads into the middle of what took the place.
         */
        private boolean isLedTo(long word, int block) {
            long into = word - blocks.address(block);
            return into == 0 || into == SqliteLayout.SIZE_HEAD || page(block) > 0;
        }

        private int use(int block) {
            int page = page(block);
            if (page > 0) {
                return table.number(TypeUses.category("sqlite3 page cache", "pages of " + page + " bytes"));
            }
            return ofType(owners[block] - 1);
        }

        private int ofType(int type) {
            if (uses[type] == UseTable.UNKNOWN) {
                uses[type] = table.number(
                        TypeUses.category("owned by " + reader.typeNames().of(typeAddresses[type]), ""));
            }
            return uses[type];
        }

        /** The size of the page of a database that a block begins with, 0 if it does not. */
        private int page(int block) {
            long start = blocks.address(block);
            long size = blocks.size(block);
            for (int head = 0; head <= SqliteLayout.SIZE_HEAD; head += SqliteLayout.SIZE_HEAD) {
                long page = start + head;
                for (int bytes = SqliteLayout.LEAST_PAGE;
                        bytes <= SqliteLayout.LARGEST_PAGE && head + bytes + SqliteLayout.HEADER_MOST <= size;
                        bytes *= 2) {
                    long header = page + bytes;
                    long extra = memory.readLong(header + SqliteLayout.HEADER_EXTRA, 0) - header;
                    if (memory.readLong(header + SqliteLayout.HEADER_PAGE, 0) == page
                            && extra > 0
                            && extra <= SqliteLayout.HEADER_MOST) {
                        return bytes;
                    }
                }
            }
            return 0;
        }
    }
}
