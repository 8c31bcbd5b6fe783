// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.openssl.service;

import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.natives.block.BlockUses;
import dev.heapwalk.openssl.OpenSslCategories;
import java.util.HashMap;
import java.util.Map;

/**
 * Contexts, connections and sessions. A context leads to the table of functions of its protocol in the library, and to a
 * list of ciphers, all of which are constants of the library. A connection leads to such a table and to a context. A
 * session has a version, a key of a length that there is, and a cipher.
 */
final class Connections {
    // C name SSL_METHOD: the version, and functions of the library from here on.
    private static final int FUNCTIONS = 16;
    private static final int LOOKED_AT = 12;

    // C name SSL_CTX: the method, since 3.0 behind a pointer, and then the list of ciphers.
    private static final int METHOD = 0;
    private static final int METHOD_3 = 8;
    private static final int LEAST_CONTEXT = 600;
    private static final int MOST_CONTEXT = 4000;

    // C name SSL: a version and a method. Since 3.2: a type, the context, two methods.
    private static final int CONNECTION_METHOD = 8;
    private static final int CONNECTION_CONTEXT_32 = 8;
    private static final int CONNECTION_METHOD_32 = 24;
    private static final int LEAST_CONNECTION = 1000;
    private static final int MOST_CONNECTION = 16_000;

    // C name OPENSSL_STACK.
    private static final int STACK_DATA = 8;
    private static final int STACK_BYTES = 32;
    private static final int MOST_CIPHERS = 1000;

    // C name SSL_CIPHER.
    private static final int CIPHER_NAME = 8;
    private static final int LONGEST_NAME = 64;

    // C name SSL_SESSION.
    private static final int KEY_LENGTH = 8;
    private static final int MOST_KEY = 256;
    private static final int LEAST_SESSION = 400;
    private static final int MOST_SESSION = 1500;

    private static final int TELL_EACH = 1 << 13;

    private final SslLibrary library;
    private final BlockUses uses;
    private final UsedBlocks blocks;
    private final Reader reader;
    private final Records records;
    private final Map<Long, Boolean> methods = new HashMap<>();
    private final Map<Long, Boolean> ciphers = new HashMap<>();

    Connections(ElfModule library, BlockUses uses, Reader reader) {
        this.library = new SslLibrary(library, reader);
        this.records = new Records(this.library, uses, reader);
        this.uses = uses;
        this.blocks = uses.blocks();
        this.reader = reader;
    }

    void find(Runnable progress) {
        for (int block = 0; block < blocks.count(); block++) {
            if (isIn(block, LEAST_CONTEXT, MOST_CONTEXT)
                    && (takeContext(block, METHOD) || takeContext(block, METHOD_3))) {
                uses.give(block, OpenSslCategories.CONTEXT);
            }
            tell(block, progress);
        }
        for (int block = 0; block < blocks.count(); block++) {
            if (!uses.has(block)) {
                long at = blocks.address(block);
                if (isIn(block, LEAST_CONNECTION, MOST_CONNECTION) && isConnection(at, block)) {
                    uses.give(block, OpenSslCategories.CONNECTION);
                    records.take(block);
                } else if (isIn(block, LEAST_SESSION, MOST_SESSION) && isSession(at, block)) {
                    uses.give(block, OpenSslCategories.SESSION);
                }
            }
            tell(block, progress);
        }
    }

    private static void tell(int block, Runnable progress) {
        if ((block & TELL_EACH - 1) == 0) {
            progress.run();
        }
    }

    private boolean isIn(int block, int least, int most) {
        return blocks.size(block) >= least && blocks.size(block) <= most;
    }

    private boolean isMethod(long address) {
        return library.contains(address)
                && (address & 7) == 0
                && methods.computeIfAbsent(address, this::looksLikeMethod);
    }

    private boolean looksLikeMethod(long address) {
        return isVersion(reader.readInt(address, 0)) && library.hasFunctions(address + FUNCTIONS, LOOKED_AT);
    }

    /** C names {@code TLS1_3_VERSION}, {@code TLS_ANY_VERSION}, {@code DTLS1_2_VERSION} and the like. */
    private static boolean isVersion(int version) {
        return isStreamVersion(version)
                || version == 0x10000
                || version == 0x1ffff
                || version == 0x100
                || version >= 0xfefd && version <= 0xfeff;
    }

    private static boolean isStreamVersion(int version) {
        return version >= 0x300 && version <= 0x304;
    }

    private boolean takeContext(int block, int method) {
        long at = blocks.address(block) + method;
        if (!isMethod(reader.readLong(at, 0)) || !takeCiphers(reader.readLong(at + Long.BYTES, 0))) {
            return false;
        }
        takeCiphers(reader.readLong(at + 2 * Long.BYTES, 0));
        takeCiphers(reader.readLong(at + 3 * Long.BYTES, 0));
        return true;
    }

    private boolean takeCiphers(long list) {
        int stack = uses.madeFor(list, STACK_BYTES);
        int count = reader.readInt(list, 0);
        long data = reader.readLong(list + STACK_DATA, 0);
        int array = blocks.startingAt(data);
        if (stack < 0 || array < 0 || count <= 0 || count > MOST_CIPHERS) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            if (!isCipher(reader.readLong(data + (long) i * Long.BYTES, 0))) {
                return false;
            }
        }
        uses.give(stack, OpenSslCategories.CIPHERS);
        uses.give(array, OpenSslCategories.CIPHERS);
        return true;
    }

    private boolean isCipher(long address) {
        return library.contains(address)
                && (address & 7) == 0
                && ciphers.computeIfAbsent(address, this::looksLikeCipher);
    }

    /** Whether a constant has a name of capital letters, which is a constant as well. */
    private boolean looksLikeCipher(long address) {
        long name = reader.readLong(address + CIPHER_NAME, 0);
        return library.contains(name)
                && reader.readCString(name, LONGEST_NAME, "").matches("[A-Z][A-Z0-9_-]{4,}");
    }

    private boolean isConnection(long at, int block) {
        if (isMethod(reader.readLong(at + CONNECTION_METHOD_32, 0))) {
            return isContext(reader.readLong(at + CONNECTION_CONTEXT_32, 0));
        }
        if (!isVersion(reader.readInt(at, 0)) || !isMethod(reader.readLong(at + CONNECTION_METHOD, 0))) {
            return false;
        }
        // Where its context stands, another one may stand too: that of its sessions.
        int found = 0;
        for (long word = at; word + Long.BYTES <= at + blocks.size(block); word += Long.BYTES) {
            found += isContext(reader.readLong(word, 0)) ? 1 : 0;
        }
        return found > 1;
    }

    private boolean isContext(long address) {
        int block = (address & 7) == 0 ? blocks.startingAt(address) : -1;
        return block >= 0 && uses.of(block) == OpenSslCategories.CONTEXT;
    }

    private boolean isSession(long at, int block) {
        long length = reader.readLong(at + KEY_LENGTH, 0);
        if (!isVersion(reader.readInt(at, 0)) || length <= 0 || length > MOST_KEY || length % Long.BYTES != 0) {
            return false;
        }
        for (long word = at + KEY_LENGTH; word + Long.BYTES <= at + blocks.size(block); word += Long.BYTES) {
            if (isCipher(reader.readLong(word, 0))) {
                return true;
            }
        }
        return false;
    }
}
