// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Spool;

/**
 * Rows of a listing, packed into some six bytes each: flags, the distance from the end of the block before, the size,
 * and heap, region and category where they change.
 */
final class PackedBlocks {
    private static final int NAME = 0x07;
    /** In place of the name's index: it follows as a number. */
    private static final int OTHER_NAME = NAME;

    private static final int OWN_MAPPING = 0x08;
    private static final int OTHER_REGION = 0x10;
    private static final int OTHER_CATEGORY = 0x20;
    private static final int EXACT_SIZE = 0x40;
    /** In place of flags: another heap's blocks follow. */
    private static final int OTHER_HEAP = 0x80;
    /** In place of flags: who shows rows should wait no longer for more of them. */
    private static final int SETTLE = 0x81;

    private static final int GRANULE_BITS = 4;
    private static final long BELOW_GRANULE = (1 << GRANULE_BITS) - 1;

    private PackedBlocks() {}

    /** What both sides know of the row before. */
    private static final class Before {
        private int heap = -1;
        private long end;
        private int region = Integer.MIN_VALUE;
        private int category = Integer.MIN_VALUE;
    }

    /** Packs rows. */
    static final class Writer {
        private final Spool bytes;
        private final boolean contents;
        private Before before = new Before();

        /**
         * Writes rows.
         *
         * @param bytes receives them
         * @param contents whether rows have the usable size and the first bytes of blocks
         */
        Writer(Spool bytes, boolean contents) {
            this.bytes = bytes;
            this.contents = contents;
        }

        /** Makes the next row one that can be read without those before it. */
        void restart() {
            before = new Before();
        }

        void settle() {
            bytes.write(SETTLE);
        }

        void add(ListedBlock block) {
            if (block.heap != before.heap) {
                before.heap = block.heap;
                bytes.write(OTHER_HEAP);
                bytes.number(block.heap);
            }
            int flags = Math.min(block.name, OTHER_NAME)
                    | (block.ownMapping ? OWN_MAPPING : 0)
                    | (block.region != before.region ? OTHER_REGION : 0)
                    | (block.category != before.category ? OTHER_CATEGORY : 0)
                    | ((block.size & BELOW_GRANULE) != 0 ? EXACT_SIZE : 0);
            bytes.write(flags);
            bytes.signed(block.address - before.end);
            bytes.number((flags & EXACT_SIZE) != 0 ? block.size : block.size >>> GRANULE_BITS);
            if (block.name >= OTHER_NAME) {
                bytes.number(block.name);
            }
            if (block.region != before.region) {
                before.region = block.region;
                bytes.signed(block.region);
            }
            if (block.category != before.category) {
                before.category = block.category;
                bytes.signed(block.category);
            }
            if (contents) {
                bytes.number(block.usable);
                bytes.write(block.content.length);
                bytes.write(block.content, 0, block.content.length);
            }
            before.end = block.address + block.size;
        }
    }

    /** Gives the rows back, one after the other. */
    static final class Reader {
        private final Spool.Reader bytes;
        private final Before before = new Before();
        private final Runnable settle;
        private final boolean contents;

        /**
         * Reads rows.
         *
         * @param bytes stands before the first row, or before one that the writer restarted at
         * @param settle called where the writer said so
         * @param contents whether rows have the usable size and the first bytes of blocks
         */
        Reader(Spool.Reader bytes, Runnable settle, boolean contents) {
            this.bytes = bytes;
            this.settle = settle;
            this.contents = contents;
        }

        /** Reads the next row. Returns whether there was one. */
        boolean next(ListedBlock block) {
            int flags;
            do {
                if (!bytes.more()) {
                    return false;
                }
                flags = bytes.get();
                if (flags == OTHER_HEAP) {
                    before.heap = (int) bytes.number();
                } else if (flags == SETTLE) {
                    settle.run();
                }
            } while (flags >= OTHER_HEAP);
            block.heap = before.heap;
            block.address = before.end + bytes.signed();
            block.size = (flags & EXACT_SIZE) != 0 ? bytes.number() : bytes.number() << GRANULE_BITS;
            block.name = (flags & NAME) == OTHER_NAME ? (int) bytes.number() : flags & NAME;
            if ((flags & OTHER_REGION) != 0) {
                before.region = (int) bytes.signed();
            }
            if ((flags & OTHER_CATEGORY) != 0) {
                before.category = (int) bytes.signed();
            }
            block.region = before.region;
            block.category = before.category;
            block.ownMapping = (flags & OWN_MAPPING) != 0;
            if (contents) {
                block.usable = bytes.number();
                block.content = new byte[bytes.get()];
                for (int i = 0; i < block.content.length; i++) {
                    block.content[i] = (byte) bytes.get();
                }
            }
            before.end = block.address + block.size;
            return true;
        }
    }
}
