// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.malloc.layout.MallocLayout;
import dev.heapwalk.memory.Reader;
import java.util.function.Supplier;

/**
 * A walk along one singly linked list of free chunks, a fastbin or a bin of a thread cache. Each step is checked, and
 * the list is not followed in circles.
 */
final class FreeList {
    static final long MOST = 1L << 32;

    private final Reader reader;
    private final MallocLayout layout;
    private final WalkPlan plan;
    private final long chunkOffset;
    private final long minSize;
    private final long maxSize;
    private final long key;
    private final Supplier<String> name;
    private final FreeLists.Fault fault;

    private long at;
    private boolean atChunk;
    private long chunk;
    private long size;
    private long count;
    private long bytes;
    private boolean sound = true;
    // Brent: the tortoise is put where the hare is at every power of two.
    private long tortoise;
    private long power = 1;

    /**
     * Begins a walk.
     *
     * @param first target address that the first link points to, 0 for an empty list
     * @param chunkOffset what is subtracted from such an address to get the chunk's, in bytes
     * @param minSize smallest chunk that may be in the list
     * @param maxSize largest chunk
     * @param key what stands behind the link of each chunk, 0 if that is not known
     * @param name tells the list's name for messages: there are dozens of lists for each thread, and few are damaged
     */
    FreeList(
            Reader reader,
            MallocLayout layout,
            WalkPlan plan,
            long first,
            long chunkOffset,
            long minSize,
            long maxSize,
            long key,
            Supplier<String> name,
            FreeLists.Fault fault) {
        this.reader = reader;
        this.layout = layout;
        this.plan = plan;
        this.at = first;
        this.chunkOffset = chunkOffset;
        this.minSize = minSize;
        this.maxSize = maxSize;
        this.key = key;
        this.name = name;
        this.fault = fault;
        this.atChunk = first != 0 && plan.chunk(first - chunkOffset);
    }

    /** What the next link points to, 0 at the end of the list. */
    long following() {
        return at;
    }

    /** Moves to the next chunk. */
    boolean next() {
        if (at == 0) {
            return false;
        }
        chunk = at - chunkOffset;
        if (!atChunk) {
            return stop(at, "%s: entry %d points to no chunk");
        }
        size = Structures.sizeWord(reader, chunk) & ~MallocChunk.SIZE_BITS;
        boolean wrongSize = size < minSize || size > maxSize;
        if (wrongSize) {
            // The link is another word than the size, so the rest of the list is still worth its name.
            fault.at(chunk, "%s: entry %d is a chunk of size 0x%x".formatted(name.get(), count, size));
            sound = false;
        }
        if (at == tortoise || count >= MOST) {
            return stop(chunk, "%s: the list goes in circles");
        }
        long before = at;
        long link = chunk + MallocChunk.HEADER;
        at = layout.reveal(link, reader.readLong(link, 0));
        atChunk = at != 0 && plan.chunk(at - chunkOffset);
        // Where a wrong link leads to a used chunk, the program's own words stand in the place of the next link.
        boolean ends = at == 0 && (layout.safeLinking() || !wrongSize);
        if (!atChunk && !ends && (key == 0 || reader.readLong(link + 8, 0) != key)) {
            count++;
            stop(at, "%s: entry %d points to no chunk");
            count--;
            return false;
        }
        bytes += size;
        if (++count == power) {
            tortoise = before;
            power *= 2;
        }
        return true;
    }

    private boolean stop(long address, String reason) {
        fault.at(address, reason.formatted(name.get(), count));
        sound = false;
        at = 0;
        return false;
    }

    /** The chunk that {@link #next()} moved to. */
    long chunk() {
        return chunk;
    }

    /** Its size in bytes. */
    long size() {
        return size;
    }

    /** How many chunks there were so far. */
    long count() {
        return count;
    }

    /** Their sizes together. */
    long bytes() {
        return bytes;
    }

    /** Whether no damage was met so far. */
    boolean sound() {
        return sound;
    }
}
