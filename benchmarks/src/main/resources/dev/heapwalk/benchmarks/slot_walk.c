// SPDX-License-Identifier: Apache-2.0
//
// The floor that SlotCursor is held against: the same walk over the same slots, by hand in C. It is given the pages
// that the discovery found, and does what the cursor does for every slot: read the flags, tell the type and whether the
// slot is free, garbage or an object, move on.
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

enum { TYPES = 32, NONE = 0, ZOMBIE = 0x1d, MOVED = 0x1e, BASE_SLOT = 40 };

struct page {
    uint64_t start;         // address of the first slot in the target
    uint64_t body;          // address of the aligned body
    int64_t slot_size;
    int64_t slots;
    const char *local;      // where the first slot is mapped here, or NULL if it is to be read from the process
    const uint64_t *marks;  // the mark bits of a page that is not swept, else NULL
};

struct tally {
    int64_t slots[TYPES];
    int64_t live;
    int64_t bytes;
};

// Walks every page. Returns 0, or -1 where memory could not be read.
static inline __attribute__((always_inline)) int walk(int pid, const struct page *pages, int64_t count, char *buffer,
                                                      int64_t capacity, int64_t *slots, int64_t *live, int64_t *bytes) {
    uint64_t base = 0;
    uint64_t length = 0;
    for (int64_t i = 0; i < count; i++) {
        const struct page *page = &pages[i];
        uint64_t size = (uint64_t) page->slot_size;
        uint64_t wanted = size * (uint64_t) page->slots;
        const char *at = page->local;
        if (at == NULL) {
            if (page->start < base || page->start + wanted > base + length) {
                // As far as pages follow each other, up to the capacity.
                uint64_t end = page->start + wanted;
                base = page->start & ~UINT64_C(4095);
                for (int64_t j = i + 1; j < count; j++) {
                    uint64_t next = pages[j].start + (uint64_t) (pages[j].slot_size * pages[j].slots);
                    if (next - base > (uint64_t) capacity || pages[j].body - end > 4096) {
                        break;
                    }
                    end = next;
                }
                struct iovec here = {buffer, end - base};
                struct iovec there = {(void *) base, end - base};
                ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);
                length = got < 0 ? 0 : (uint64_t) got;
                if (page->start + wanted > base + length) {
                    return -1;
                }
            }
            at = buffer + (page->start - base);
        }
        uint64_t address = page->start;
        for (int64_t slot = 0; slot < page->slots; slot++, at += size, address += size) {
            uint64_t flags;
            memcpy(&flags, at, sizeof flags);
            int type = (int) (flags & (TYPES - 1));
            slots[type]++;
            if (type == NONE || type == ZOMBIE || type == MOVED) {
                continue;
            }
            if (page->marks != NULL) {
                uint64_t bit = (address - page->body) / BASE_SLOT;
                if ((page->marks[bit >> 6] >> (bit & 63) & 1) == 0) {
                    continue;
                }
            }
            ++*live;
            *bytes += (int64_t) size;
        }
    }
    return 0;
}

// What a walk keeps from slot to slot is in memory, as the place of a cursor is, which its caller might look at.
int slot_walk(int pid, const struct page *pages, int64_t count, char *buffer, int64_t capacity, struct tally *tally) {
    memset(tally, 0, sizeof *tally);
    return walk(pid, pages, count, buffer, capacity, tally->slots, &tally->live, &tally->bytes);
}

// The same with all of it in registers, but for the counts by type: as fast as a loop can be that is no cursor.
int slot_walk_registers(int pid, const struct page *pages, int64_t count, char *buffer, int64_t capacity,
                        struct tally *tally) {
    int64_t live = 0;
    int64_t bytes = 0;
    memset(tally, 0, sizeof *tally);
    int failed = walk(pid, pages, count, buffer, capacity, tally->slots, &live, &bytes);
    tally->live = live;
    tally->bytes = bytes;
    return failed;
}
