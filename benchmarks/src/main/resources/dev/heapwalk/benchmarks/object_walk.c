// SPDX-License-Identifier: Apache-2.0
//
// The floor that ObjectCursor is held against: the same walk over the pools of pymalloc, by hand in C, for CPython 3.13.
// It is given the arenas and the types that the discovery found, and a bit for each object that is in a list of the
// collector. It does what the cursor does for every block: tell by the list of free blocks whether it is used, find the
// type at each of the three places where an object may begin, look at the references, the list, and the size.
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

enum { POOL = 1 << 14, HEADER = 48, GRAIN = 16, GC_HEAD = 16, MOST_BLOCKS = POOL / GRAIN };
enum { PLAIN, ITEMS, NUMBER, TEXT, VALUES };

struct arena {
    uint64_t address;
    uint64_t first;         // its first pool
    uint64_t end;           // behind the last pool that was ever used
    const char *local;      // where the first pool is mapped here, or NULL if it is to be read from the process
    const uint64_t *listed; // a bit for each 16 bytes of the arena: whether an object there is in a list
};

struct type {
    uint64_t address;
    int64_t before;
    int64_t kind;
    int64_t basicsize;
    int64_t itemsize;
    int64_t collected;
};

static inline uint64_t word(const char *at) {
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint32_t half(const char *at) {
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline int64_t find(const int32_t *table, uint64_t mask, const struct type *types, uint64_t address) {
    uint64_t at = (address * UINT64_C(0x9E3779B97F4A7C15)) >> 32 & mask;
    while (table[at] >= 0) {
        if (types[table[at]].address == address) {
            return table[at];
        }
        at = (at + 1) & mask;
    }
    return -1;
}

static inline int64_t size_of(const struct type *type, const char *at, int64_t room) {
    int64_t basic = type->basicsize;
    if (basic > room && type->kind != TEXT) {
        return type->kind == PLAIN && !type->collected && basic - room <= 8 ? room : -1;
    }
    switch (type->kind) {
    case PLAIN:
        return basic;
    case VALUES: {
        int64_t capacity = room - basic < 8 ? 0 : (uint8_t) at[basic];
        return basic + 8 + capacity * 8 + ((capacity + 7) & -8);
    }
    case NUMBER: {
        int64_t digits = (int64_t) (word(at + 16) >> 3);
        int64_t size = 24 + (digits < 1 ? 1 : digits) * 4;
        return digits > room ? -1 : size > basic ? size : basic;
    }
    case TEXT: {
        uint32_t bits = half(at + 32);
        int64_t length = (int64_t) word(at + 16);
        if (41 > room) {
            return -1;
        }
        if ((bits & 0x20) == 0) {
            return basic;
        }
        if (length < 0 || length > room) {
            return -1;
        }
        return (bits & 0x40) != 0 ? 40 + length + 1 : 56 + (length + 1) * (bits >> 2 & 7);
    }
    default: {
        int64_t items = (int64_t) word(at + 16);
        items = items < 0 ? -items : items;
        return items > room || items < 0 ? -1 : basic + items * type->itemsize;
    }
    }
}

static const int distances[] = {GC_HEAD, GC_HEAD + 16, 0};

static inline int64_t object(const char *block, uint64_t address, int64_t length, const struct arena *arena,
                             const struct type *types, const int32_t *table, uint64_t mask) {
    for (int i = 0; i < 3; i++) {
        int distance = distances[i];
        if (distance + 16 > length) {
            continue;
        }
        const char *at = block + distance;
        int64_t number = find(table, mask, types, word(at + 8));
        if (number < 0 || types[number].before != distance) {
            continue;
        }
        uint64_t count = word(at);
        if (count == 0 || count > UINT64_C(0xFFFFFFFF)) {
            continue;
        }
        if (types[number].collected) {
            const char *head = at - GC_HEAD;
            if (word(head) != 0 || (word(head + 8) & ~UINT64_C(1)) != 0) {
                uint64_t bit = (address + (uint64_t) distance - arena->address) / GRAIN;
                if ((arena->listed[bit >> 6] >> (bit & 63) & 1) == 0) {
                    continue;
                }
            }
        }
        int64_t size = size_of(&types[number], at, length - distance);
        if (size >= 0 && size <= length - distance) {
            return number;
        }
    }
    return -1;
}

// Walks every pool and counts the objects of each type. Returns how many there are, or -1 where memory could not be read.
int64_t object_walk(int pid, const struct arena *arenas, int64_t count, const struct type *types, const int32_t *table,
                    int64_t mask, char *buffer, int64_t capacity, int64_t *of_type, int64_t type_count) {
    int64_t objects = 0;
    memset(of_type, 0, (size_t) type_count * sizeof *of_type);
    for (int64_t i = 0; i < count; i++) {
        const struct arena *arena = &arenas[i];
        const char *pool = arena->local;
        uint64_t length = arena->end - arena->first;
        if (pool == NULL) {
            struct iovec here = {buffer, length};
            struct iovec there = {(void *) arena->first, length};
            if (length > (uint64_t) capacity || process_vm_readv(pid, &here, 1, &there, 1, 0) != (ssize_t) length) {
                return -1;
            }
            pool = buffer;
        }
        for (uint64_t address = arena->first; address < arena->end; address += POOL, pool += POOL) {
            if (half(pool) == 0) {
                continue;
            }
            int64_t bytes = ((int64_t) half(pool + 36) + 1) * GRAIN;
            int64_t ever = ((int64_t) half(pool + 40) - HEADER) / bytes;
            uint64_t given[MOST_BLOCKS / 64 + 1] = {0};
            for (uint64_t free = word(pool + 8); free != 0;) {
                uint64_t within = free - address - HEADER;
                if (within >= (uint64_t) (ever * bytes)) {
                    break;
                }
                uint64_t number = within / (uint64_t) bytes;
                given[number >> 6] |= UINT64_C(1) << (number & 63);
                free = word(pool + HEADER + within);
            }
            for (int64_t block = 0; block < ever; block++) {
                if ((given[block >> 6] >> (block & 63) & 1) == 0) {
                    int64_t offset = HEADER + block * bytes;
                    int64_t number =
                        object(pool + offset, address + (uint64_t) offset, bytes, arena, types, table, (uint64_t) mask);
                    if (number >= 0) {
                        of_type[number]++;
                        objects++;
                    }
                }
            }
        }
    }
    return objects;
}
