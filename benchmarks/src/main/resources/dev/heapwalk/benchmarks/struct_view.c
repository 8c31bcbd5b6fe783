// SPDX-License-Identifier: Apache-2.0
//
// The floor that views of structures are held against: the same fields, read by hand in C. Where a field lies may
// differ between versions of glibc, so offsets come from outside, as they do in Java.
#include <stdint.h>
#include <string.h>

static int64_t long_at(const char *at) {
    int64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static int32_t int_at(const char *at) {
    int32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static uint16_t short_at(const char *at) {
    uint16_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

int64_t chunks(const char *at, int64_t stride, int64_t count, const void *none) {
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++, at += stride) {
        int64_t size = long_at(at + 8);
        sum += size + (size & ~INT64_C(7)) + ((size & 2) != 0) + long_at(at + 16) + long_at(at + 24);
    }
    return sum;
}

int64_t heap_infos(const char *at, int64_t stride, int64_t count, const void *none) {
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++, at += stride) {
        sum += long_at(at) + long_at(at + 8) + long_at(at + 16) + long_at(at + 24);
    }
    return sum;
}

struct state_layout {
    int64_t fastbins, top, bins, next, attached_threads, system_mem, max_system_mem;
};

int64_t states(const char *at, int64_t stride, int64_t count, const struct state_layout *in) {
    struct state_layout layout = *in;
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++, at += stride) {
        int32_t flags = int_at(at + 4);
        sum += int_at(at) + flags + ((flags & 2) != 0);
        for (int bin = 0; bin < 10; bin++) {
            sum += layout.fastbins < 0 ? 0 : long_at(at + layout.fastbins + 8 * bin);
        }
        for (int bin = 1; bin <= 127; bin++) {
            sum += long_at(at + layout.bins + 16 * (bin - 1));
        }
        sum += long_at(at + layout.top) + long_at(at + layout.next);
        sum += layout.attached_threads < 0 ? -1 : long_at(at + layout.attached_threads);
        sum += long_at(at + layout.system_mem) + long_at(at + layout.max_system_mem);
    }
    return sum;
}

struct par_layout {
    int64_t n_mmaps, mmapped_mem, max_mmapped_mem, sbrk_base, tcache_bins, tcache_max_bytes, tcache_count, hp_pagesize;
};

static int64_t field(const char *at, int64_t offset, int64_t missing) {
    return offset < 0 ? missing : long_at(at + offset);
}

int64_t pars(const char *at, int64_t stride, int64_t count, const struct par_layout *in) {
    struct par_layout layout = *in;
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++, at += stride) {
        sum += long_at(at + 8) + long_at(at + 16);
        for (int j = 0; j < 4; j++) {
            sum += int_at(at + layout.n_mmaps + 4 * j);
        }
        sum += long_at(at + layout.mmapped_mem) + long_at(at + layout.max_mmapped_mem) + long_at(at + layout.sbrk_base);
        sum += field(at, layout.tcache_bins, -1) + field(at, layout.tcache_max_bytes, -1);
        sum += field(at, layout.tcache_count, -1) + field(at, layout.hp_pagesize, 0);
    }
    return sum;
}

struct tcache_layout {
    int64_t bins, count_width, entries;
};

int64_t tcaches(const char *at, int64_t stride, int64_t count, const struct tcache_layout *in) {
    struct tcache_layout layout = *in;
    int64_t sum = 0;
    for (int64_t i = 0; i < count; i++, at += stride) {
        for (int64_t bin = 0; bin < layout.bins; bin++) {
            sum += layout.count_width == 1 ? (unsigned char) at[bin] : short_at(at + 2 * bin);
            sum += long_at(at + layout.entries + 8 * bin);
        }
    }
    return sum;
}
