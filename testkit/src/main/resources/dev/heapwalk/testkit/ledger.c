// SPDX-License-Identifier: Apache-2.0
//
// A program that keeps a ledger of what it holds from malloc: usage
// `ledger SCENARIO [threads=N] [rounds=N] [count=N] [freed=PERCENT] [size=N] [seed=N]`.
//
// It prints "READY", then obeys commands, one a line, on its standard input, and answers each with lines that end in
// "END". While it is ready, all its threads wait and nothing allocates: the ledger lies in mappings of its own, and
// there is no stdio. It ends when its standard input ends, so it outlives nobody.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#include <linux/futex.h>
#else
// musl's compiler does not see the kernel's headers.
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129
#endif

#define MAX_THREADS 1024
#define LEDGER_SLOTS 4096  // of each thread
#define FREED_SLOTS 65536  // of each thread
#define EDGE 4096          // large blocks are filled at both ends only
#define EXCHANGE_SLOTS 64  // where threads leave blocks for one another
#define LETTERS ((uint64_t) 1 << 63)

struct block {
    unsigned char *address;
    size_t requested;
    size_t usable;
    uint64_t tag;
    int32_t tid;
};

struct worker {
    struct block *blocks;
    size_t block_slots;
    uintptr_t *freed;  // a ring
    size_t freed_count;
    uint64_t random;
    pthread_t thread;
    uintptr_t self;
    uintptr_t dtv;
    int32_t tid;
    int index;
    int seen;  // the epoch in which it came
    int ended;
};

#ifdef __GLIBC__
// What mallinfo2 returns since glibc 2.33; the oldest release has no declaration of it.
struct wide_mallinfo {
    size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};
#endif

// jemalloc's, where the program runs with that: to look for it by name would allocate.
extern void malloc_stats_print(void (*write)(void *, const char *), void *with, const char *options) __attribute__((weak));

// The same of tcmalloc.
extern void MallocExtension_GetStats(char *buffer, int length) __attribute__((weak));

// mimalloc's: where it writes, and what writes what each slice of its arenas is, since 3.
extern void mi_register_output(void (*write)(const char *, void *), void *with) __attribute__((weak));
extern void mi_debug_show_arenas(void) __attribute__((weak));

static struct worker *workers;  // workers[0] is the main thread
static int worker_count = 1;
static struct block exchange[EXCHANGE_SLOTS];
static pthread_mutex_t exchange_lock = PTHREAD_MUTEX_INITIALIZER;
static const char *scenario;
static long threads_asked = -1;
static long rounds = -1;
static long count = -1;
static long freed_percent = -1;
static long size_asked = -1;
static uint64_t seed = 1;

static atomic_int epoch;     // raised to let the workers work
static atomic_int parked;    // how many of them wait
static atomic_int stop_now;  // ends a run without a number of rounds
static atomic_int leave;     // makes the workers end
static atomic_long damaged;
static long rounds_now;
static uint64_t checked_blocks, checked_bytes, checked_damaged;
#ifdef __GLIBC__
static struct wide_mallinfo (*mallinfo2_or_null)(void);
#endif

// ---- output, without stdio and its buffers

static char out[1 << 16];
static size_t out_length;

static void flush_out(void) {
    size_t done = 0;
    while (done < out_length) {
        ssize_t n = write(1, out + done, out_length - done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            _exit(3);
        }
        done += (size_t) n;
    }
    out_length = 0;
}

static void put(const char *text) {
    size_t length = strlen(text);
    if (out_length + length > sizeof out) {
        flush_out();
    }
    memcpy(out + out_length, text, length);
    out_length += length;
}

static void put_number(const char *before, uint64_t value, unsigned base) {
    char digits[24];
    char *at = digits + sizeof digits - 1;
    *at = 0;
    do {
        *--at = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    put(before);
    put(at);
}

static void answered(void) {
    put("END\n");
    flush_out();
}

static void die(const char *what) {
    int error = errno;
    out_length = 0;
    put("FAILED ");
    put(what);
    put_number(" errno ", (uint64_t) error, 10);
    put("\n");
    flush_out();
    _exit(2);
}

// ---- small things

static void *map(size_t bytes) {
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
        die("mmap of the ledger");
    }
    return at;
}

static uint64_t next_random(struct worker *w) {
    uint64_t z = w->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint64_t below(struct worker *w, uint64_t bound) {
    return next_random(w) % bound;
}

static void futex_wait(atomic_int *word, int value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(atomic_int *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, MAX_THREADS, NULL, NULL, 0);
}

// ---- the ledger

// The tag of a block with a C string says at which letter it begins.
static unsigned char pattern(uint64_t tag, size_t i) {
    if (tag & LETTERS) {
        return (unsigned char) ('a' + (tag - LETTERS + i) % 26);
    }
    return (unsigned char) (tag + i * 37 + (i >> 8));
}

static void fill(struct block *b, size_t from) {
    for (size_t i = from; i < b->requested; i++) {
        if (i == EDGE && b->requested > 4 * EDGE) {
            i = b->requested - EDGE;
        }
        b->address[i] = pattern(b->tag, i);
    }
    if (b->tag & LETTERS) {
        b->address[b->requested - 1] = 0;
    }
}

static int is_intact(const struct block *b, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if (i == EDGE && b->requested > 4 * EDGE) {
            i = b->requested - EDGE;
            if (i >= bytes) {
                break;
            }
        }
        int ends_string = (b->tag & LETTERS) && i == b->requested - 1;
        if (b->address[i] != (ends_string ? 0 : pattern(b->tag, i))) {
            return 0;
        }
    }
    return 1;
}

static void enter(struct worker *w, struct block *b, void *address, size_t requested) {
    if (address == NULL) {
        die("an allocation");
    }
    b->address = address;
    b->requested = requested;
    b->usable = malloc_usable_size(address);
    b->tag = next_random(w) & ~LETTERS;
    b->tid = w->tid;
    if (b->usable < requested) {
        die("usable size below the requested one");
    }
    fill(b, 0);
}

static void remember_freed(struct worker *w, uintptr_t address) {
    w->freed[w->freed_count++ % FREED_SLOTS] = address;
}

static void take(struct worker *w, struct block *b, size_t size) {
    enter(w, b, malloc(size), size);
}

static void give_back(struct worker *w, struct block *b) {
    void *address = b->address;
    if (!is_intact(b, b->requested)) {
        atomic_fetch_add(&damaged, 1);
    }
    b->address = NULL;
    remember_freed(w, (uintptr_t) address);
    free(address);
}

static void resize(struct worker *w, struct block *b, size_t size) {
    uintptr_t before = (uintptr_t) b->address;
    if (!is_intact(b, b->requested)) {
        atomic_fetch_add(&damaged, 1);
    }
    void *after = realloc(b->address, size);
    if (after == NULL) {
        die("realloc");
    }
    if ((uintptr_t) after != before) {
        remember_freed(w, before);
    }
    // What was filled at the far end of a large block is no longer at the far end.
    b->address = after;
    size_t kept = b->requested < size ? b->requested : size;
    if (kept > EDGE && (b->requested > 4 * EDGE || size > 4 * EDGE)) {
        kept = EDGE;
    }
    if (b->tag & LETTERS) {
        kept--;
    }
    b->requested = size;
    if (!is_intact(b, kept)) {
        atomic_fetch_add(&damaged, 1);
    }
    b->usable = malloc_usable_size(after);
    b->tid = w->tid;
    fill(b, 0);
}

// Mostly small, as programs are; now and then of every power of two up to 64 MiB.
static size_t some_size(struct worker *w) {
    uint64_t die_roll = below(w, 1000);
    if (die_roll < 600) {
        return 1 + below(w, 120);
    }
    if (die_roll < 900) {
        return 1 + below(w, 1100);
    }
    if (die_roll < 985) {
        return 1 + below(w, 20000);
    }
    if (die_roll < 999) {
        return 1 + below(w, 400000);
    }
    return 1 + below(w, (uint64_t) 1 << (20 + below(w, 7)));
}

static void take_somehow(struct worker *w, struct block *b) {
    size_t size = some_size(w);
    size_t alignment = (size_t) 32 << below(w, 8);
    void *address = NULL;
    switch (below(w, 16)) {
        case 0:
            address = calloc(1, size);
            for (size_t i = 0; i < size; i += i < 2 * EDGE ? 1 : 65536) {
                if (((unsigned char *) address)[i] != 0) {
                    atomic_fetch_add(&damaged, 1);
                    break;
                }
            }
            break;
        case 1:
            address = memalign(alignment, size);
            break;
        case 2:
            if (posix_memalign(&address, alignment, size) != 0) {
                address = NULL;
            }
            break;
        case 3:
            address = aligned_alloc(alignment, (size + alignment - 1) & -alignment);
            break;
        default:
            address = malloc(size);
    }
    enter(w, b, address, size);
}

// So that threads free and resize what others allocated.
static void swap_with_others(struct worker *w, struct block *b) {
    pthread_mutex_lock(&exchange_lock);
    struct block *other = &exchange[below(w, EXCHANGE_SLOTS)];
    struct block held = *other;
    *other = *b;
    *b = held;
    pthread_mutex_unlock(&exchange_lock);
}

static int is(const char *name) {
    return strcmp(scenario, name) == 0;
}

static void work(struct worker *w, long how_many) {
    size_t slots = w->block_slots < 600 ? w->block_slots : 600;
    for (long round = 0; (how_many < 0 || round < how_many) && !atomic_load(&stop_now); round++) {
        struct block *b = &w->blocks[below(w, slots)];
        if (below(w, 8) == 0) {
            swap_with_others(w, b);
        } else if (b->address == NULL) {
            take_somehow(w, b);
        } else if (below(w, 5) == 0) {
            resize(w, b, some_size(w));
        } else {
            give_back(w, b);
        }
    }
    if (is("turnover")) {
        // A cache that holds nothing has nothing to be told by, where no symbol leads to it.
        void *volatile cached = malloc(200);
        free(cached);
    }
}

static long or_default(long given, long standard) {
    return given < 0 ? standard : given;
}

// Small blocks, some of them freed again at random.
static void hold_many(struct worker *w, long how_many) {
    long percent = or_default(freed_percent, 30);
    for (long i = 0; i < how_many; i++) {
        take(w, &w->blocks[i], 1 + below(w, 200));
    }
    for (long i = 0; i < how_many; i++) {
        if ((long) below(w, 100) < percent) {
            give_back(w, &w->blocks[i]);
        }
    }
}

// ---- threads

static void introduce(struct worker *w) {
    w->tid = (int32_t) syscall(SYS_gettid);
    w->self = (uintptr_t) pthread_self();
#if defined __x86_64__
    w->dtv = ((uintptr_t *) w->self)[1];
#elif defined __aarch64__
    w->dtv = *(uintptr_t *) __builtin_thread_pointer();
#endif
    if (w->index != 0) {
        char name[16] = "worker-";
        int at = 7;
        for (int divisor = 1000; divisor > 0; divisor /= 10) {
            if (w->index >= divisor || divisor == 1) {
                name[at++] = (char) ('0' + w->index / divisor % 10);
            }
        }
        prctl(PR_SET_NAME, name);
    }
}

static void park(int seen) {
    atomic_fetch_add(&parked, 1);
    futex_wake(&parked);
    while (atomic_load(&epoch) == seen) {
        futex_wait(&epoch, seen);
    }
}

static void *worker_main(void *argument) {
    struct worker *w = argument;
    introduce(w);
    int seen = w->seen;
    for (;;) {
        park(seen);
        seen = atomic_load(&epoch);
        if (atomic_load(&leave) > 0 && w->index <= atomic_load(&leave)) {
            return NULL;
        }
        if (is("many") && seen == 1) {
            hold_many(w, count / threads_asked);
        } else {
            work(w, rounds_now);
        }
    }
}

static void wait_until_parked(void) {
    for (;;) {
        int now = atomic_load(&parked);
        int expected = 0;
        for (int i = 1; i < worker_count; i++) {
            expected += !workers[i].ended;
        }
        if (now == expected) {
            return;
        }
        futex_wait(&parked, now);
    }
}

static void release_workers(long how_many) {
    rounds_now = how_many;
    atomic_store(&parked, 0);
    atomic_fetch_add(&epoch, 1);
    futex_wake(&epoch);
}

static struct worker *new_worker(void) {
    if (worker_count == MAX_THREADS) {
        die("too many threads");
    }
    struct worker *w = &workers[worker_count];
    w->index = worker_count;
    w->seen = atomic_load(&epoch);
    w->random = seed * 1000003 + (uint64_t) w->index;
    w->block_slots = LEDGER_SLOTS + (is("many") ? (size_t) (count / threads_asked) : 0);
    w->blocks = map(w->block_slots * sizeof(struct block));
    w->freed = map(FREED_SLOTS * sizeof(uintptr_t));
    return w;
}

static void start_workers(long how_many) {
    for (long i = 0; i < how_many; i++) {
        struct worker *w = new_worker();
        errno = pthread_create(&w->thread, NULL, worker_main, w);
        if (errno != 0) {
            die("pthread_create");
        }
        worker_count++;
    }
    wait_until_parked();
}

static void run_workers(long how_many) {
    release_workers(how_many);
    wait_until_parked();
}

// Lets those end that came first, with full caches.
static void end_workers(int last) {
    int first = atomic_load(&leave) + 1;
    atomic_store(&leave, last);
    for (int i = first; i <= last; i++) {
        workers[i].ended = 1;
    }
    run_workers(0);
    for (int i = first; i <= last; i++) {
        pthread_join(workers[i].thread, NULL);
    }
}

// Some threads end, and more come, which don't allocate before the next round.
static void turn_over(void) {
    end_workers(atomic_load(&leave) + 2);
    start_workers(4);
}

// Threads that come, work and end, a few at a time: their caches are flushed, and their arenas pass to those that
// follow.
static void *passing_main(void *argument) {
    struct worker *w = argument;
    introduce(w);
    work(w, rounds_now);
    return NULL;
}

static void run_passing(long how_many) {
    rounds_now = rounds;
    for (long i = 0; i < how_many; i++) {
        struct worker *w = new_worker();
        errno = pthread_create(&w->thread, NULL, passing_main, w);
        if (errno != 0) {
            die("pthread_create");
        }
        worker_count++;
    }
    for (int i = worker_count - (int) how_many; i < worker_count; i++) {
        pthread_join(workers[i].thread, NULL);
        workers[i].ended = 1;
    }
}

// ---- scenarios

static size_t used_slots;

static struct block *slot(void) {
    if (used_slots == workers[0].block_slots) {
        die("more blocks than the ledger has room for");
    }
    return &workers[0].blocks[used_slots++];
}

static struct block *hold(size_t size) {
    struct block *b = slot();
    take(&workers[0], b, size);
    return b;
}

static struct block *hold_aligned(size_t alignment, size_t size) {
    struct block *b = slot();
    enter(&workers[0], b, memalign(alignment, size), size);
    return b;
}

// Frees every such block of those from the first on.
static void let_go_every(size_t first, size_t step) {
    for (size_t i = first; i < used_slots; i += step) {
        if (workers[0].blocks[i].address != NULL) {
            give_back(&workers[0], &workers[0].blocks[i]);
        }
    }
}

static void basic(void) {
    struct worker *w = &workers[0];
    for (size_t size = 1; size <= 1100; size++) {
        hold(size);
    }
    size_t larger = used_slots;
    for (size_t size = 1500; size <= 64u << 20; size += size / 3) {
        hold(size);
    }
    let_go_every(0, 3);
    let_go_every(larger + 1, 4);
    for (size_t i = 1; i < larger; i += 30) {
        resize(w, &w->blocks[i], w->blocks[i].requested * 3 + 1);
        resize(w, &w->blocks[i + 1], (w->blocks[i + 1].requested + 1) / 2);
    }
    for (int i = 0; i < 200; i++) {
        take_somehow(w, slot());
    }
    work(w, rounds);
}

static void big_sizes(void) {
    struct worker *w = &workers[0];
    // Above the threshold of the start: each has a mapping of its own.
    for (size_t size = 1u << 20; size <= 64u << 20; size *= 2) {
        hold(size);
        hold(size - 4096);
        hold(size + 1);
    }
    // The threshold follows what is freed, up to 32 MiB: what comes now comes from the heap, or from its top.
    give_back(w, &w->blocks[12]);
    for (size_t size = 100000; size <= 20u << 20; size *= 2) {
        hold(size);
        hold(24);
    }
    resize(w, &w->blocks[0], 3u << 20);
    resize(w, &w->blocks[3], 40u << 20);
    resize(w, &w->blocks[18], 5u << 20);
    give_back(w, &w->blocks[6]);
    let_go_every(22, 6);
}

static void fastbins(void) {
    for (size_t size = 1; size <= 160; size += 16) {
        size_t first = used_slots;
        for (int i = 0; i < 60; i++) {
            hold(size + 8);
        }
        let_go_every(first, 2);
    }
}

static void tcache_full(void) {
    for (size_t size = 24; size <= 1100; size += 16) {
        size_t first = used_slots;
        for (int i = 0; i < 40; i++) {
            hold(size);
        }
        let_go_every(first, 2);
    }
}

static void aligned(void) {
    struct worker *w = &workers[0];
    for (size_t alignment = 16; alignment <= 1u << 20; alignment *= 2) {
        for (size_t size = 1; size <= 300000; size = size * 7 + 13) {
            struct block *b = slot();
            void *address = NULL;
            enter(w, b, memalign(alignment, size), size);
            b = slot();
            if (posix_memalign(&address, alignment, size) != 0) {
                die("posix_memalign");
            }
            enter(w, b, address, size);
            b = slot();
            size_t whole = (size + alignment - 1) & -alignment;
            enter(w, b, aligned_alloc(alignment, whole), whole);
        }
    }
    for (size_t size = 1; size <= 40000; size = size * 3 + 5) {
        enter(w, slot(), valloc(size), size);
#ifdef __GLIBC__
        enter(w, slot(), pvalloc(size), size);
#endif
    }
    // In mappings of their own, with padding before the chunk.
    for (size_t alignment = 64; alignment <= 4u << 20; alignment *= 4) {
        hold_aligned(alignment, (2u << 20) + 5);
    }
    let_go_every(1, 3);
}

static void foreign_sbrk(void) {
    for (int turn = 0; turn < 4; turn++) {
        size_t first = used_slots;
        for (int i = 0; i < 300; i++) {
            hold(1 + below(&workers[0], 3000));
        }
        let_go_every(first, 3);
        unsigned char *mine = sbrk(turn == 2 ? 8 + 16 * 50 : 3 * 4096);
        if (mine == (void *) -1) {
            die("sbrk");
        }
        memset(mine, 0x5a, 800);
    }
    for (int i = 0; i < 300; i++) {
        hold(1 + below(&workers[0], 3000));
    }
}

static void brk_blocked(void) {
    for (int i = 0; i < 300; i++) {
        hold(1 + below(&workers[0], 3000));
    }
    let_go_every(0, 3);
    uintptr_t end = ((uintptr_t) sbrk(0) + 4095) & -(uintptr_t) 4096;
    void *wall = mmap((void *) end, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (wall != (void *) end) {
        die("mapping behind the break");
    }
    size_t first = used_slots;
    for (int i = 0; i < 2400; i++) {
        hold(1 + below(&workers[0], 3000));
    }
    let_go_every(first, 3);
}

// Blocks of a few pages: with a low mmap_threshold each is a mapping, which the kernel puts into any gap between
// others.
static void pages(void) {
    struct worker *w = &workers[0];
    for (long i = 0; i < count; i++) {
        size_t size = (1 + below(w, 6)) * 4096 - below(w, 2) * 64 - 24;
        if (below(w, 10) == 0) {
            hold_aligned((size_t) 64 << below(w, 8), size);
        } else {
            hold(size);
        }
    }
    let_go_every(3, 7);
    for (size_t i = 0; i < used_slots; i += 9) {
        if (w->blocks[i].address != NULL) {
            resize(w, &w->blocks[i], (1 + below(w, 6)) * 4096);
        }
    }
    for (size_t size = 1; size <= 1500; size += 20) {
        hold(size);
    }
    let_go_every(5, 11);
}

static void many(void) {
    if (threads_asked > 0) {
        start_workers(threads_asked);
        run_workers(0);
    } else {
        hold_many(&workers[0], count);
        used_slots = (size_t) count;
    }
}

// Blocks of one size, every page of them written to.
static void large(void) {
    struct worker *w = &workers[0];
    size_t size = (size_t) or_default(size_asked, 100 << 10);
    for (long i = 0; i < count; i++) {
        struct block *b = slot();
        take(w, b, size);
        if (size > 4 * EDGE) {
            memset(b->address + EDGE, (int) i, size - 2 * EDGE);
        }
    }
}

static void strings(void) {
    struct worker *w = &workers[0];
    for (long i = 0; i < count; i++) {
        size_t length = 8 + below(w, 56);
        struct block *b = slot();
        take(w, b, length + 1);
        b->tag = LETTERS + (uint64_t) i % 26;
        fill(b, 0);
    }
}

static long more_threads_than_arenas(void) {
    cpu_set_t cpus;
    long cores = sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 2;
    return 8 * cores + 4;
}

static void play(void) {
    count = or_default(count, 1000);
    if (is("never")) {
        return;
    }
    if (is("basic")) {
        rounds = or_default(rounds, 3000);
        basic();
    } else if (is("bigsizes")) {
        big_sizes();
    } else if (is("fastbins")) {
        fastbins();
    } else if (is("tcachefull")) {
        tcache_full();
    } else if (is("memalign")) {
        aligned();
    } else if (is("foreign-sbrk")) {
        foreign_sbrk();
    } else if (is("brk-blocked")) {
        brk_blocked();
    } else if (is("pages")) {
        pages();
    } else if (is("many")) {
        many();
    } else if (is("large")) {
        large();
    } else if (is("strings")) {
        strings();
    } else if (is("threads")) {
        rounds = or_default(rounds, 5000);
        start_workers(or_default(threads_asked, 4));
        run_workers(rounds);
        basic();
    } else if (is("arenas")) {
        rounds = or_default(rounds, 1000);
        start_workers(or_default(threads_asked, more_threads_than_arenas()));
        run_workers(rounds);
        work(&workers[0], rounds);
    } else if (is("exits")) {
        rounds = or_default(rounds, 2000);
        long of_a_kind = or_default(threads_asked, 6);
        start_workers(of_a_kind);
        run_workers(rounds);
        run_passing(of_a_kind);
        run_passing(2 * of_a_kind);
        run_workers(rounds / 2);
        // Half of the first ones end as well, with full caches.
        end_workers((int) (of_a_kind / 2));
        work(&workers[0], rounds);
    } else if (is("turnover")) {
        rounds = or_default(rounds, 200);
        start_workers(or_default(threads_asked, 4));
        run_workers(rounds);
        work(&workers[0], rounds);
    } else if (is("churn")) {
        start_workers(or_default(threads_asked, 4));
        release_workers(or_default(rounds, -1));
    } else {
        errno = 0;
        die("no such scenario");
    }
}

// ---- commands

#ifdef __GLIBC__
static void print_mallinfo(void) {
    static const char *const names[] = {"arena",   "ordblks", "smblks",   "hblks",    "hblkhd",
                                        "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"};
    size_t values[10];
    if (mallinfo2_or_null != NULL) {
        struct wide_mallinfo wide = mallinfo2_or_null();
        memcpy(values, &wide, sizeof values);
    } else {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
        struct mallinfo narrow = mallinfo();
#pragma GCC diagnostic pop
        int *fields = (int *) &narrow;
        for (int i = 0; i < 10; i++) {
            values[i] = (unsigned) fields[i];
        }
    }
    for (int i = 0; i < 10; i++) {
        put("mallinfo ");
        put(names[i]);
        put_number(" ", values[i], 10);
        put("\n");
    }
}
#endif

static void print_live(const struct block *blocks, size_t slots) {
    for (const struct block *b = blocks; b < blocks + slots; b++) {
        if (b->address != NULL) {
            put_number("live 0x", (uintptr_t) b->address, 16);
            put_number(" ", b->requested, 10);
            put_number(" ", b->usable, 10);
            put_number(" ", (uint64_t) b->tid, 10);
            put("\n");
        }
    }
}

static void print_ledger(void) {
#ifdef __GLIBC__
    put("glibc ");
    put(gnu_get_libc_version());
    put("\n");
#endif
    put_number("break 0x", (uint64_t) syscall(SYS_brk, 0), 16);
    put("\n");
    for (int i = 0; i < worker_count; i++) {
        struct worker *w = &workers[i];
        put_number("thread ", (uint64_t) w->tid, 10);
        put_number(" 0x", w->self, 16);
        put_number(" 0x", w->dtv, 16);
        put(w->ended ? " ended" : " lives");
        put(i == 0 ? " main" : "");
        if (i != 0) {
            put_number(" worker-", (uint64_t) w->index, 10);
        }
        put("\n");
    }
    for (int i = 0; i < worker_count; i++) {
        struct worker *w = &workers[i];
        print_live(w->blocks, w->block_slots);
        size_t kept = w->freed_count < FREED_SLOTS ? w->freed_count : FREED_SLOTS;
        for (size_t k = 0; k < kept; k++) {
            put_number("freed 0x", w->freed[k], 16);
            put("\n");
        }
    }
    print_live(exchange, EXCHANGE_SLOTS);
#ifdef __GLIBC__
    // Even asking for the numbers makes malloc set itself up.
    if (!is("never")) {
        print_mallinfo();
    }
#endif
    answered();
}

static void check(const struct block *blocks, size_t slots) {
    for (const struct block *b = blocks; b < blocks + slots; b++) {
        if (b->address == NULL) {
            continue;
        }
        checked_blocks++;
        checked_bytes += b->requested;
        if (!is_intact(b, b->requested) || malloc_usable_size(b->address) != b->usable) {
            checked_damaged++;
            put_number("damaged 0x", (uintptr_t) b->address, 16);
            put("\n");
        }
    }
}

static void print_check(void) {
    checked_blocks = checked_bytes = checked_damaged = 0;
    for (int i = 0; i < worker_count; i++) {
        check(workers[i].blocks, workers[i].block_slots);
    }
    check(exchange, EXCHANGE_SLOTS);
    put_number("checked ", checked_blocks, 10);
    put_number(" ", checked_bytes, 10);
    put_number(" ", checked_damaged + (uint64_t) atomic_load(&damaged), 10);
    put("\n");
    answered();
}

#ifdef __GLIBC__
static char info_buffer[1 << 16];

// Its own buffer keeps stdout from asking malloc for one.
static void print_malloc_info(void) {
    setvbuf(stdout, info_buffer, _IOFBF, sizeof info_buffer);
    malloc_info(0, stdout);
    fflush(stdout);
    answered();
}
#endif

static void put_for_jemalloc(void *unused, const char *text) {
    (void) unused;
    put(text);
}

// What jemalloc says of itself in JSON.
static void print_jemalloc(void) {
    if (malloc_stats_print == NULL) {
        errno = 0;
        die("there is no jemalloc");
    }
    malloc_stats_print(put_for_jemalloc, NULL, "J");
    put("\n");
    answered();
}

// What tcmalloc says of itself.
static void print_tcmalloc(void) {
    static char text[1 << 16];
    if (MallocExtension_GetStats == NULL) {
        errno = 0;
        die("there is no tcmalloc");
    }
    MallocExtension_GetStats(text, sizeof text);
    put(text);
    put("\n");
    answered();
}

static void put_for_mimalloc(const char *text, void *unused) {
    (void) unused;
    put(text);
}

// What mimalloc says of its arenas.
static void print_mimalloc(void) {
    if (mi_debug_show_arenas == NULL) {
        errno = 0;
        die("there is no mimalloc 3");
    }
    mi_register_output(put_for_mimalloc, NULL);
    mi_debug_show_arenas();
    put("\n");
    answered();
}

static void dump_core(const char *folder) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    if (setrlimit(RLIMIT_CORE, &limit) != 0) {
        if (getrlimit(RLIMIT_CORE, &limit) != 0 || limit.rlim_max == 0) {
            die("raising the limit of core files");
        }
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_CORE, &limit);
    }
    if (chdir(folder) != 0) {
        die("chdir to the folder of the core");
    }
    signal(SIGABRT, SIG_DFL);
    kill(getpid(), SIGABRT);
    for (;;) {
        pause();
    }
}

// Damage, as a stray pointer does it.
static void poke(char *arguments) {
    char *rest;
    uint64_t *address = (uint64_t *) strtoull(arguments, &rest, 0);
    *address = strtoull(rest, NULL, 0);
    answered();
}

// Takes rights away from pages, or gives them back: 0 is PROT_NONE, 1 PROT_READ, 3 both.
static void protect(char *arguments) {
    char *rest;
    void *address = (void *) strtoull(arguments, &rest, 0);
    size_t length = strtoull(rest, &rest, 0);
    if (mprotect(address, length, (int) strtol(rest, NULL, 0)) != 0) {
        die("mprotect");
    }
    answered();
}

static void keep_from_children(char *arguments) {
    char *rest;
    void *address = (void *) strtoull(arguments, &rest, 0);
    if (madvise(address, strtoull(rest, NULL, 0), MADV_DONTFORK) != 0) {
        die("madvise");
    }
    answered();
}

// A child that waits, and ends with this thread. It is told of when it waits: before, allocators make themselves fit for
// it.
static void make_child(void) {
    int waits[2];
    char word = 0;
    if (pipe(waits) != 0) {
        die("pipe");
    }
    pid_t pid = fork();
    if (pid < 0) {
        die("fork");
    }
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (write(waits[1], &word, 1) != 1) {
            _exit(1);
        }
        for (;;) {
            pause();
        }
    }
    if (read(waits[0], &word, 1) != 1) {
        die("the child");
    }
    close(waits[0]);
    close(waits[1]);
    put_number("child ", (uint64_t) pid, 10);
    put("\n");
    answered();
}

static void obey(char *command) {
    if (strcmp(command, "ledger") == 0) {
        print_ledger();
    } else if (strcmp(command, "check") == 0) {
        print_check();
#ifdef __GLIBC__
    } else if (strcmp(command, "info") == 0) {
        print_malloc_info();
#endif
    } else if (strcmp(command, "jemalloc") == 0) {
        print_jemalloc();
    } else if (strcmp(command, "tcmalloc") == 0) {
        print_tcmalloc();
    } else if (strcmp(command, "mimalloc") == 0) {
        print_mimalloc();
    } else if (strcmp(command, "stop") == 0) {
        atomic_store(&stop_now, 1);
        wait_until_parked();
        atomic_store(&stop_now, 0);
        answered();
    } else if (strcmp(command, "run") == 0) {
        release_workers(-1);
        answered();
    } else if (strncmp(command, "go ", 3) == 0) {
        long how_many = strtol(command + 3, NULL, 10);
        run_workers(how_many);
        work(&workers[0], how_many);
        static int turns;
        if (is("turnover") && ++turns % 2 != 0) {
            turn_over();
        }
        answered();
    } else if (strncmp(command, "poke ", 5) == 0) {
        poke(command + 5);
    } else if (strncmp(command, "protect ", 8) == 0) {
        protect(command + 8);
    } else if (strncmp(command, "hide ", 5) == 0) {
        keep_from_children(command + 5);
    } else if (strcmp(command, "child") == 0) {
        make_child();
    } else if (strncmp(command, "abort ", 6) == 0) {
        dump_core(command + 6);
    } else if (strcmp(command, "exit") == 0) {
        _exit(0);
    } else {
        errno = 0;
        die("no such command");
    }
}

static long number(const char *argument, const char *name) {
    size_t length = strlen(name);
    if (strncmp(argument, name, length) != 0 || argument[length] != '=') {
        return -1;
    }
    return strtol(argument + length + 1, NULL, 10);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        errno = 0;
        die("which scenario?");
    }
    scenario = argv[1];
    for (int i = 2; i < argc; i++) {
        long value;
        if ((value = number(argv[i], "threads")) >= 0) {
            threads_asked = value;
        } else if ((value = number(argv[i], "rounds")) >= 0) {
            rounds = value;
        } else if ((value = number(argv[i], "count")) >= 0) {
            count = value;
        } else if ((value = number(argv[i], "freed")) >= 0) {
            freed_percent = value;
        } else if ((value = number(argv[i], "size")) >= 0) {
            size_asked = value;
        } else if ((value = number(argv[i], "seed")) >= 0) {
            seed = (uint64_t) value;
        } else {
            errno = 0;
            die("an argument is not understood");
        }
    }
#ifdef __GLIBC__
    // Asked for only where it is known to exist: a search that fails would allocate its message.
    const char *version = gnu_get_libc_version();
    if (strtol(version, NULL, 10) > 2 || strtol(version + 2, NULL, 10) >= 33) {
        void *found = dlsym(RTLD_DEFAULT, "mallinfo2");
        memcpy(&mallinfo2_or_null, &found, sizeof found);
    }
#endif

    workers = map(MAX_THREADS * sizeof(struct worker));
    struct worker *w = &workers[0];
    w->random = seed * 1000003;
    w->block_slots = LEDGER_SLOTS * 8 + (count > 0 ? (size_t) count : 0);
    w->blocks = map(w->block_slots * sizeof(struct block));
    w->freed = map(FREED_SLOTS * sizeof(uintptr_t));
    introduce(w);
    play();

    put("READY\n");
    flush_out();
    char line[4096];
    size_t length = 0;
    for (;;) {
        ssize_t n = read(0, line + length, sizeof line - 1 - length);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            _exit(0);
        }
        length += (size_t) n;
        char *end;
        while ((end = memchr(line, '\n', length)) != NULL) {
            *end = 0;
            obey(line);
            length -= (size_t) (end + 1 - line);
            memmove(line, end + 1, length);
        }
    }
}
