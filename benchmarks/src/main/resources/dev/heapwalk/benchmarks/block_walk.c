// SPDX-License-Identifier: Apache-2.0
//
// The floors that the cursors of jemalloc, tcmalloc, mimalloc and musl are held against: the same walk over the same blocks, by
// hand in C. They are given what the discovery found: the parts of the heap, which are blocks of one size side by side
// with a structure that tells which of them are free, or one block each; and, sorted by address, the blocks whose state
// the structure does not tell, such as those in threads' caches. They do what the cursors do: read the structure, hold
// it against the part, find the free blocks by bits or by a list through them, and tell each block's state.
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

enum { USED, FREE, LOCAL_FREE, THREAD_FREE, STATES = 16 };
enum { LINE_BITS = 14, LINES = 256, MOST_BLOCKS = 1 << 16 };

struct piece {
    uint64_t start;
    uint64_t length;
    const char *local;
};

struct memory {
    int64_t pid;  // 0 for a core
    const struct piece *pieces;
    int64_t piece_count;
    char *lines;
    uint64_t *tags;  // the number of the line that lies there, and one
    char *side;      // for what lies in two lines
};

struct part {
    uint64_t structure;
    uint64_t first;
    uint64_t size;
    int64_t count;
    int64_t state;  // negative: what the structure tells of each
};

struct tally {
    int64_t blocks[STATES];
    int64_t bytes[STATES];
};

static int read_there(const struct memory *memory, uint64_t address, void *to, uint64_t length) {
    struct iovec here = {to, length};
    struct iovec there = {(void *) address, length};
    return process_vm_readv((int) memory->pid, &here, 1, &there, 1, 0) == (ssize_t) length;
}

static const char *line_of(struct memory *memory, uint64_t address) {
    uint64_t line = address >> LINE_BITS;
    uint64_t slot = line % LINES;
    char *at = memory->lines + (slot << LINE_BITS);
    if (memory->tags[slot] != line + 1) {
        memory->tags[slot] = 0;
        if (!read_there(memory, line << LINE_BITS, at, 1 << LINE_BITS)) {
            return NULL;
        }
        memory->tags[slot] = line + 1;
    }
    return at + (address & ((1 << LINE_BITS) - 1));
}

static const char *in_core(const struct memory *memory, uint64_t address, uint64_t length) {
    static _Thread_local const struct piece *last;
    if (last == NULL || address - last->start >= last->length) {
        int64_t low = 0;
        int64_t high = memory->piece_count - 1;
        while (low < high) {
            int64_t middle = (low + high + 1) / 2;
            if (memory->pieces[middle].start <= address) {
                low = middle;
            } else {
                high = middle - 1;
            }
        }
        last = memory->pieces + low;
        if (address - last->start >= last->length) {
            last = NULL;
            return NULL;
        }
    }
    uint64_t offset = address - last->start;
    return offset + length <= last->length ? last->local + offset : NULL;
}

static const char *find(struct memory *memory, uint64_t address, uint64_t length) {
    if (memory->pid == 0) {
        return in_core(memory, address, length);
    }
    if ((address & ((1 << LINE_BITS) - 1)) + length <= 1 << LINE_BITS) {
        const char *at = line_of(memory, address);
        if (at != NULL) {
            return at;
        }
    }
    return read_there(memory, address, memory->side, length) ? memory->side : NULL;
}

static uint64_t word(const char *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static void add(struct tally *tally, int64_t state, uint64_t size) {
    tally->blocks[state]++;
    tally->bytes[state] += (int64_t) size;
}

static const uint64_t *from(const uint64_t *kept, uint64_t address) {
    while (*kept < address) {
        kept++;
    }
    return kept;
}

// Walks the blocks of a part that has many; 0 if all is well. Takes the blocks that are kept in it from those given.
typedef int walk_part(struct memory *memory, const struct part *part, const uint64_t **kept, struct tally *tally);

static inline __attribute__((always_inline)) int walk(struct memory *memory, const struct part *parts, int64_t part_count,
                                                      const uint64_t *kept, struct tally *tally, walk_part *many) {
    memset(tally, 0, sizeof *tally);
    for (int64_t i = 0; i < part_count; i++) {
        struct part part = parts[i];
        if (part.state >= 0) {
            add(tally, part.state, part.size);
        } else if (many(memory, &part, &kept, tally) != 0) {
            return -1;
        }
    }
    return 0;
}

// Tells each block's state by the bits for free ones and by those that are kept.
static inline __attribute__((always_inline)) void tell(const struct part *part, const uint64_t *free,
                                                       const uint64_t **all_kept, struct tally *tally) {
    const uint64_t *kept = from(*all_kept, part->first);
    uint64_t address = part->first;
    for (int64_t j = 0; j < part->count; j++, address += part->size) {
        int64_t state = USED;
        if (free[j >> 6] >> (j & 63) & 1) {
            state = FREE;
        } else if (*kept - address < 8) {
            state = (int64_t) (*kept++ & 7);
        }
        add(tally, state, part->size);
    }
    *all_kept = kept;
}

// A bit for each free region, in the extent itself; of 5.3.
static inline __attribute__((always_inline)) int slab(struct memory *memory, const struct part *part,
                                                      const uint64_t **kept, struct tally *tally) {
    const char *at = find(memory, part->structure, 128);
    if (at == NULL || word(at + 8) != part->first) {
        return -1;
    }
    uint64_t bits = word(at);
    uint64_t bitmap[8];
    int64_t words = (part->count + 63) / 64;
    uint64_t free = 0;
    for (int64_t j = 0; j < words; j++) {
        bitmap[j] = word(at + 64 + 8 * j);
        free += (uint64_t) __builtin_popcountll(bitmap[j]);
    }
    if (free != (bits >> 28 & 1023) || (bits >> 12 & 1) == 0 || (bits >> 17 & 7) != 0) {
        return -1;
    }
    tell(part, bitmap, kept, tally);
    return 0;
}

int jemalloc_walk(struct memory *memory, const struct part *parts, int64_t part_count, const uint64_t *kept,
                  struct tally *tally) {
    return walk(memory, parts, part_count, kept, tally, slab);
}

// A list through the free objects of a span.
static inline __attribute__((always_inline)) int span(struct memory *memory, const struct part *part,
                                                      const uint64_t **kept, struct tally *tally) {
    static _Thread_local uint64_t free[MOST_BLOCKS / 64];
    const char *at = find(memory, part->structure, 48);
    if (at == NULL) {
        return -1;
    }
    uint64_t next = word(at + 32);
    int64_t expected = part->count - (int64_t) (word(at + 40) & 0xffff);
    if ((word(at + 40) >> 24 & 3) != 0) {
        return -1;
    }
    memset(free, 0, (size_t) (part->count + 63) / 64 * 8);
    for (int64_t j = 0; j < expected; j++) {
        uint64_t distance = next - part->first;
        uint64_t one = distance / part->size;
        if (one >= (uint64_t) part->count || one * part->size != distance || (free[one >> 6] >> (one & 63) & 1)) {
            return -1;
        }
        free[one >> 6] |= UINT64_C(1) << (one & 63);
        const char *object = find(memory, next, 8);
        if (object == NULL) {
            return -1;
        }
        next = word(object);
    }
    if (next != 0) {
        return -1;
    }
    tell(part, free, kept, tally);
    return 0;
}

int tcmalloc_walk(struct memory *memory, const struct part *parts, int64_t part_count, const uint64_t *kept,
                  struct tally *tally) {
    return walk(memory, parts, part_count, kept, tally, span);
}

static _Thread_local unsigned char marks[MOST_BLOCKS];

static int64_t follow(struct memory *memory, const struct part *part, uint64_t next, unsigned char state) {
    int64_t count = 0;
    while (next != 0) {
        uint64_t distance = next - part->first;
        uint64_t one = distance / part->size;
        if (one >= (uint64_t) part->count || one * part->size != distance || marks[one] != 0) {
            return -1;
        }
        marks[one] = state;
        count++;
        const char *block = find(memory, next, 8);
        if (block == NULL) {
            return -1;
        }
        next = word(block);
    }
    return count;
}

// Three lists through the free blocks of a page; of 2.0.9. A process that runs may change a page at any time: all that is
// read of it is read anew.
static inline __attribute__((always_inline)) int page(struct memory *memory, const struct part *part,
                                                      const uint64_t **all_kept, struct tally *tally) {
    if (memory->pid != 0) {
        memset(memory->tags, 0, LINES * sizeof *memory->tags);
    }
    const char *at = find(memory, part->structure, 80);
    if (at == NULL) {
        return -1;
    }
    uint64_t free = word(at + 16);
    uint64_t local = word(at + 32);
    uint64_t others = word(at + 40) & ~UINT64_C(3);
    int64_t used = (int64_t) (word(at + 24) & 0xffffffff);
    int64_t capacity = (int64_t) (word(at + 8) >> 16 & 0xffff);
    if (capacity != part->count) {
        return -1;
    }
    memset(marks, 0, (size_t) part->count);
    int64_t in_free = follow(memory, part, free, FREE);
    int64_t in_local = follow(memory, part, local, LOCAL_FREE);
    int64_t in_others = follow(memory, part, others, THREAD_FREE);
    if (in_free < 0 || in_local < 0 || in_others < 0 || used != capacity - in_free - in_local || in_others > used) {
        return -1;
    }
    const uint64_t *kept = from(*all_kept, part->first);
    for (; *kept < part->first + (uint64_t) part->count * part->size; kept++) {
        marks[(*kept - part->first) / part->size] = (unsigned char) (*kept & 7);
    }
    *all_kept = kept;
    for (int64_t j = 0; j < part->count; j++) {
        add(tally, marks[j], part->size);
    }
    return 0;
}

int mimalloc_walk(struct memory *memory, const struct part *parts, int64_t part_count, const uint64_t *kept,
                  struct tally *tally) {
    return walk(memory, parts, part_count, kept, tally, page);
}

// What of a group is at hand: one that is no longer than this is read at once.
enum { SHORT_GROUP = 1 << 14, STORAGE = 16, HEADER = 4 };

struct group {
    struct memory *memory;
    uint64_t address;
    uint64_t from;
    uint64_t to;
    const char *local;
};

static inline const char *in_group(const struct group *group, uint64_t address, uint64_t length) {
    return address >= group->from && address + length <= group->to ? group->local + (address - group->from)
                                                                    : find(group->memory, address, length);
}

// The header of a block; all bits are set, which are in no header, if it can't be read.
static inline uint32_t header(const struct group *group, uint64_t block) {
    const char *at = in_group(group, block - HEADER, HEADER);
    uint32_t value = UINT32_MAX;
    if (at != NULL) {
        memcpy(&value, at, sizeof value);
    }
    return value;
}

static inline int is_block(const struct group *group, uint32_t value, int64_t index, uint64_t block) {
    uint64_t units = (block - group->address - STORAGE) / 16;
    if ((int64_t) (value >> 8 & 31) != index || (value >> 13 & 7) > 5) {
        return 0;
    }
    return (value & 0xff) == 0 ? value >> 16 == units
                               : value >> 16 == 0 && units >= 1 << 16 && header(group, block - HEADER) == units;
}

// Where a block lies that does not begin where its slot does, 0 if nowhere.
static uint64_t elsewhere(const struct group *group, uint32_t distance, int64_t index, uint64_t start, uint64_t end) {
    for (uint64_t units = distance + (1 << 16); start + units * 16 < end; units += 1 << 16) {
        if (is_block(group, header(group, start + units * 16), index, start + units * 16)) {
            return start + units * 16;
        }
    }
    uint64_t block = start + UINT64_C(16) * distance;
    return distance > 0 && block < end ? block : 0;
}

// The state of a slot: by the group's bit, which its header must not contradict. Negative if it does.
static inline __attribute__((always_inline)) int slot(const struct group *group, int64_t index, uint64_t start,
                                                      uint64_t size, uint64_t free) {
    uint64_t end = start + size - HEADER;
    uint32_t value = header(group, start);
    uint64_t block = start;
    if ((value >> 13 & 7) == 7) {
        block = elsewhere(group, value >> 16, index, start, end);
        value = block == 0 ? UINT32_MAX : header(group, block);
    }
    int used = block != 0 && is_block(group, value, index, block);
    if (free != 0) {
        return used ? -1 : FREE;
    }
    if (!used) {
        return -1;
    }
    uint64_t reserved = value >> 13 & 7;
    if (reserved == 5) {
        const char *at = in_group(group, end - 8, 8);
        if (at == NULL) {
            return -1;
        }
        reserved = word(at) >> 32;
        if (reserved < 5 || (word(at) >> 24 & 0xff) != 0) {
            return -1;
        }
    }
    if (reserved > end - block) {
        return -1;
    }
    const char *behind = in_group(group, end - reserved, 1);
    return behind != NULL && *behind != 0 ? -1 : USED;
}

// A bit for each free slot, in the group's meta, and a header before each slot.
static inline __attribute__((always_inline)) int slots(struct memory *memory, const struct part *part,
                                                       const uint64_t **kept, struct tally *tally) {
    (void) kept;
    const char *at = find(memory, part->structure, 40);
    if (at == NULL) {
        return -1;
    }
    uint64_t masks = word(at + 24);
    uint64_t free = (masks | masks >> 32) & UINT32_MAX;
    int64_t last = (int64_t) (word(at + 32) & 31);
    if ((masks & masks >> 32 & UINT32_MAX) != 0 || free >> last >> 1 != 0) {
        return -1;
    }
    struct group group = {memory, word(at + 16), 0, 0, NULL};
    const char *back = find(memory, group.address, 8);
    if (back == NULL || word(back) != part->structure) {
        return -1;
    }
    uint64_t length = (uint64_t) part->count * part->size + HEADER;
    if (length <= SHORT_GROUP) {
        group.local = find(memory, part->first - HEADER, length);
        if (group.local != NULL) {
            group.from = part->first - HEADER;
            group.to = group.from + length;
        }
    }
    int64_t index = (int64_t) ((part->first - group.address - STORAGE) / part->size);
    uint64_t start = part->first;
    for (int64_t j = 0; j < part->count; j++, index++, start += part->size) {
        int state = slot(&group, index, start, part->size, free >> index & 1);
        if (state < 0) {
            return -1;
        }
        add(tally, state, part->size);
    }
    return 0;
}

int musl_walk(struct memory *memory, const struct part *parts, int64_t part_count, const uint64_t *kept,
              struct tally *tally) {
    return walk(memory, parts, part_count, kept, tally, slots);
}
