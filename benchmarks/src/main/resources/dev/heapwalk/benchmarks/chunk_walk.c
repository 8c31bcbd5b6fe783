// SPDX-License-Identifier: Apache-2.0
//
// The floor that ChunkCursor is held against: the same walk over the same chunks, by hand in C. It is given what the
// discovery found (regions, tops, the free chunks that the thread caches and fastbins hold, sorted by address) and does
// what the cursor does for every chunk: read the header, check the size, tell the state, move on. As in the cursor, the
// state is told without a branch: used, free and listed chunks alternate at random.
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

enum { USED, FREE, FASTBIN, TCACHE, TOP, STATES };

struct region {
    uint64_t start;     // address of the first chunk in the target
    uint64_t end;       // address behind its last byte
    uint64_t top;       // address of the arena's top chunk, which may lie in another region
    const char *local;  // where the region is mapped here, or NULL if it is to be read from the process
};

struct tally {
    int64_t chunks[STATES];
    int64_t bytes[STATES];
    int64_t damaged;
};

struct window {
    int pid;
    char *buffer;
    uint64_t capacity;
    uint64_t base;
    uint64_t length;
};

static const char *require(struct window *window, uint64_t address, uint64_t wanted, uint64_t end) {
    uint64_t offset = address - window->base;
    if (address >= window->base && offset + wanted <= window->length) {
        return window->buffer + offset;
    }
    uint64_t base = address & ~UINT64_C(4095);
    uint64_t length = end - base < window->capacity ? end - base : window->capacity;
    struct iovec here = {window->buffer, length};
    struct iovec there = {(void *) base, length};
    ssize_t got = process_vm_readv(window->pid, &here, 1, &there, 1, 0);
    window->base = base;
    window->length = got < 0 ? 0 : (uint64_t) got;
    return address - base + wanted <= window->length ? window->buffer + (address - base) : NULL;
}

static size_t lower_bound(const uint64_t *sorted, int64_t length, uint64_t address) {
    size_t low = 0;
    size_t count = (size_t) length;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (sorted[middle] < address) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return low;
}

// Walks every region. A listed chunk is its address, with its state in the low bits; the last one is larger than any
// address. Returns 0, or -1 where memory could not be read.
int chunk_walk(int pid, const struct region *regions, int64_t region_count, const uint64_t *listed, int64_t listed_count,
               char *buffer, int64_t capacity, struct tally *tally) {
    struct window window = {pid, buffer, (uint64_t) capacity, 0, 0};
    memset(tally, 0, sizeof *tally);
    for (int64_t i = 0; i < region_count; i++) {
        // A copy: the tally could be the original, for all that the compiler knows.
        struct region region = regions[i];
        const uint64_t *next_listed = listed + lower_bound(listed, listed_count - 1, region.start);
        uint64_t address = region.start;
        uint64_t word = 0;
        if (region.local != NULL) {
            memcpy(&word, region.local + 8, sizeof word);
        } else {
            const char *at = require(&window, address, 16, region.end);
            if (at == NULL) {
                return -1;
            }
            memcpy(&word, at + 8, sizeof word);
        }
        uint64_t before = 0;
        while (address < region.end) {
            uint64_t size = word & ~UINT64_C(7);
            if (size < 32 || (size & 15) != 0 || size > region.end - address) {
                if (size == 0 && address + 16 == region.end && before == 32) {
                    // What was counted last is an old top chunk, too small for two fenceposts, which became one itself.
                    tally->chunks[USED]--;
                    tally->bytes[USED] -= 32;
                } else if (size != 16) {
                    tally->damaged++;
                }
                break;
            }
            if (address == region.top) {
                tally->chunks[TOP]++;
                tally->bytes[TOP] += (int64_t) size;
                break;
            }
            uint64_t next = address + size;
            if (next + 16 > region.end) {
                break;
            }
            if (region.local != NULL) {
                memcpy(&word, region.local + (next - region.start) + 8, sizeof word);
            } else {
                const char *at = require(&window, next, 16, region.end);
                if (at == NULL) {
                    return -1;
                }
                memcpy(&word, at + 8, sizeof word);
            }
            uint64_t ahead = *next_listed - address;
            int64_t is_listed = -(int64_t) (ahead < 16);
            int state = (int) ((ahead & (uint64_t) is_listed) | (~word & FREE));
            next_listed -= is_listed;
            tally->chunks[state]++;
            tally->bytes[state] += (int64_t) size;
            address = next;
            before = size;
        }
    }
    return 0;
}
