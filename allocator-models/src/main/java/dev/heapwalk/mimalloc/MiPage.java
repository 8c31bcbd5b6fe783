// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.mimalloc;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.struct.StructView;
import dev.heapwalk.mimalloc.layout.MimallocLayout;
import dev.heapwalk.mimalloc.layout.PageLayout;

/** View of the structure that describes a page. C name {@code mi_page_t}. */
public final class MiPage extends StructView {
    private static final int UNSIGNED_SHORT = 0xffff;
    /** Where a tag has a word for itself, no more than so many bits are in use. */
    private static final int MOST_TAG = 16;

    private static final int UNSIGNED_BYTE = 0xff;
    private static final long UNSIGNED_INT = 0xffff_ffffL;

    private final PageLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param heap the heap that the page is of, which tells where the fields lie
     */
    public MiPage(MimallocHeap heap) {
        this(heap.layout().page());
    }

    MiPage(PageLayout layout) {
        this.layout = layout;
    }

    /**
     * Lays the view over a page's structure.
     *
     * @param reader what to read it with; the view is good until its next read
     * @param address target address of the structure
     * @return whether it can be read; if not, the view is as it was
     */
    public boolean find(Reader reader, long address) {
        long offset = reader.find(address, layout.size());
        if (offset < 0) {
            return false;
        }
        lay(reader.segment(), offset, address, layout.size());
        return true;
    }

    /**
     * {@code capacity}.
     *
     * @return how many blocks were made of the page so far
     */
    public int capacity() {
        return shortAt(layout.capacity()) & UNSIGNED_SHORT;
    }

    /**
     * {@code reserved}.
     *
     * @return how many blocks there can be
     */
    public int reserved() {
        return shortAt(layout.reserved()) & UNSIGNED_SHORT;
    }

    /**
     * {@code used}.
     *
     * @return how many blocks are in use, with those that other threads freed
     */
    public int used() {
        return layout.narrow() ? intAt(layout.used()) : shortAt(layout.used()) & UNSIGNED_SHORT;
    }

    /**
     * {@code block_size}, {@code xblock_size} up to 2.1.2.
     *
     * @return bytes; up to 1 for a slice that is no page, 2 GiB and more for a block that has the whole of it
     */
    public long blockSize() {
        return layout.narrow() ? intAt(layout.blockSize()) & UNSIGNED_INT : longAt(layout.blockSize());
    }

    /**
     * Where its first block begins, where the structure tells.
     *
     * @return a target address, 0 if it follows from where the page's slices lie
     */
    public long pageStart() {
        return switch (layout.start()) {
            case POINTER -> longAt(layout.pageStart());
            case WORDS -> address() + Long.BYTES * (intAt(layout.pageStart()) & UNSIGNED_INT);
            case BYTES -> address() + (intAt(layout.pageStart()) & UNSIGNED_INT);
            default -> 0;
        };
    }

    /**
     * {@code free}.
     *
     * @return target address of the first block that is free, 0 if none is
     */
    public long free() {
        return longAt(layout.free());
    }

    /**
     * {@code local_free}.
     *
     * @return target address of the block that the page's thread freed last, 0 if there is none
     */
    public long localFree() {
        return longAt(layout.localFree());
    }

    /**
     * {@code xthread_free} without its flags.
     *
     * @return target address of the block that another thread freed last, 0 if there is none
     */
    public long xthreadFree() {
        return longAt(layout.xthreadFree()) & ~MimallocLayout.FLAGS;
    }

    /**
     * {@code heap}, {@code xheap} or {@code theap}, whichever belongs to one thread.
     *
     * @return target address of the heap that has the page, 0 if its thread ended
     */
    public long heap() {
        return longAt(layout.heap());
    }

    /**
     * {@code xthread_id} without its flags. Up to 2.4 its segment has it.
     *
     * @return what the thread's pointer to its variables is, 0 if it ended or the structure does not tell
     */
    public long threadId() {
        return layout.threadId() < 0 ? 0 : longAt(layout.threadId()) & ~MimallocLayout.FLAGS;
    }

    /**
     * {@code heap_tag}; the tag of CPython, which has 0 for memory without objects, 1 for objects, 2 for such with
     * garbage collection, 3 for such with a header.
     *
     * @return the tag, 0 in versions without
     */
    public int tag() {
        return layout.tag() < 0 ? 0 : (byteAt(layout.tag()) & UNSIGNED_BYTE) >>> layout.tagShift() & layout.tagMask();
    }

    /**
     * {@code keys}, which the lists of free blocks are encoded with.
     *
     * @param index 0 or 1
     * @return the key, 0 in builds without
     */
    public long key(int index) {
        return layout.keys() < 0 ? 0 : longAt(layout.keys() + (long) Long.BYTES * index);
    }

    /** Whether what says of the page whom it belongs to may be true, where that tells versions apart. */
    boolean plausibleOwner() {
        if (layout.threadId() < 0) {
            return true;
        }
        if (layout.tag() >= 0 && longAt(layout.tag()) >>> MOST_TAG != 0) {
            return false;
        }
        return threadId() == 0 || heap() >>> MOST_TAG != 0 && (heap() & Long.BYTES - 1) == 0;
    }

    @Override
    protected String describeFields() {
        return "%d of %d blocks of %d bytes".formatted(used(), reserved(), blockSize());
    }
}
