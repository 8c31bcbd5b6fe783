// SPDX-License-Identifier: Apache-2.0
// Programs that take far more memory than they use, each for another reason: docs/fragmentation.md tells of them.
//
//     gcc -O1 -pthread -o fragments examples/fragments.c
//     ./fragments holes &
//     bin/heapwalk memory --human $!
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void **take(long count, long size)
{
    void **held = mmap(0, count * sizeof *held, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long i = 0; i < count; i++)
        held[i] = memset(malloc(size), 1, size);
    return held;
}

/* Keeps the first of so many, or none. */
static void release(void **held, long count, long each)
{
    for (long i = 0; i < count; i++)
        if (each == 0 || i % each)
            free(held[i]);
}

/* A large block that is freed makes malloc keep blocks of that size in arenas, and up to twice as much free memory. */
static void raise_thresholds(void)
{
    void *volatile large = malloc(30 << 20);
    free(large);
}

static pthread_barrier_t barrier;

static void *peak_of_a_thread(void *unused)
{
    release(take(2000, 8000), 2000, 0);
    pthread_barrier_wait(&barrier);
    pause();
    return unused;
}

/* Seven free blocks of each of many sizes: as many as the cache of a thread takes. */
static void *cache_of_a_thread(void *unused)
{
    void *held[7];
    for (int size = 200; size <= 1000; size += 16) {
        for (int i = 0; i < 7; i++)
            held[i] = memset(malloc(size), 1, size);
        for (int i = 0; i < 7; i++)
            free(held[i]);
    }
    pthread_barrier_wait(&barrier);
    pause();
    return unused;
}

static void threads(int count, void *(*work)(void *))
{
    pthread_barrier_init(&barrier, 0, count + 1);
    for (int i = 0; i < count; i++) {
        pthread_t thread;
        pthread_create(&thread, 0, work, 0);
    }
    pthread_barrier_wait(&barrier);
}

int main(int count, char **words)
{
    const char *what = count > 1 ? words[1] : "";
    if (!strcmp(what, "peak"))
        release(take(15000, 4000), 15000, 8);
    else if (!strcmp(what, "holes"))
        release(take(400000, 240), 400000, 16);
    else if (!strcmp(what, "end")) {
        raise_thresholds();
        release(take(6000, 8000), 6000, 0);
    } else if (!strcmp(what, "arenas")) {
        raise_thresholds();
        threads(8, peak_of_a_thread);
    } else if (!strcmp(what, "caches"))
        threads(150, cache_of_a_thread);
    else if (!strcmp(what, "large")) {
        raise_thresholds();
        take(200, 200000);
    } else if (!strcmp(what, "used"))
        take(200000, 240);
    else if (!strcmp(what, "elsewhere"))
        memset(mmap(0, 64 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 1, 64 << 20);
    else {
        fprintf(stderr, "which? peak, holes, end, arenas, caches, large, used or elsewhere\n");
        return 2;
    }
    write(1, "ready\n", 6);
    for (;;)
        pause();
}
