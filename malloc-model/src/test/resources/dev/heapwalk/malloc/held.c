// SPDX-License-Identifier: Apache-2.0
// Holds blocks in different ways, loses others, and tells which: its own notes are no pointers.
#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HIDDEN 0x5555555555555555u
#define MOST 200

struct node {
    struct node *next, *other;
    long number;
};

static const char *names[MOST];
static uintptr_t hidden[MOST];
static int noted;

static char *volatile start, *volatile inside, *volatile tagged, *volatile behind, *volatile last;
static struct node *volatile list;
static volatile uintptr_t xored, top_byte, compressed;
static struct {
    char first;
    char *volatile pointer;
} __attribute__((packed)) unaligned;
static char *volatile *volatile mapped;
static __thread char *volatile of_thread;
static sem_t ready;
static pthread_key_t keys[48];

static void note(const char *name, void *block) {
    names[noted] = name;
    hidden[noted++] = (uintptr_t)block ^ HIDDEN;
}

static __attribute__((noinline)) void clear(int depth) {
    volatile char *room = alloca(8192);
    memset((char *)room, 0, 8192);
    if (depth > 0) {
        clear(depth - 1);
    }
    room[0] = 0;
}

static __attribute__((noinline)) struct node *node(const char *name, struct node *next) {
    struct node *made = calloc(1, sizeof *made);
    made->next = next;
    note(name, made);
    return made;
}

static __attribute__((noinline)) void hold(void) {
    note("surely_start", start = malloc(100));
    inside = malloc(300);
    note("interior_inside", inside);
    inside += 100;
    tagged = malloc(100);
    note("interior_tagged", tagged);
    tagged += 1;
    behind = malloc(24);
    note("end", behind);
    behind += 24;
    last = malloc(32);
    note("interior_last", last);
    last += 32;
    list = node("surely_list", node("surely_list", node("surely_list", NULL)));
    list->next->next->other = list;
    unaligned.pointer = malloc(100);
    note("not_unaligned", unaligned.pointer);
    xored = (uintptr_t)malloc(100) ^ HIDDEN;
    note("not_xored", (void *)(xored ^ HIDDEN));
    char *with_tag = malloc(100);
    note("not_tagged", with_tag);
    top_byte = (uintptr_t)with_tag | (uintptr_t)0x5a << 56;
    char *small = malloc(100);
    note("not_compressed", small);
    compressed = (uintptr_t)small >> 4;
    mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mapped[17] = malloc(100);
    note("surely_mapped", mapped[17]);
    of_thread = malloc(100);
    note("surely_in_first_thread", of_thread);
    for (int i = 0; i < 48; i++) {
        pthread_key_create(&keys[i], NULL);
        void *value = malloc(60);
        note(i < 32 ? "surely_key" : "surely_late_key", value);
        pthread_setspecific(keys[i], value);
    }
    // A block that a lost one refers to, also one that a held one knows.
    node("leader", node("below", node("below", NULL)))->other = list;
    // What two lost ones refer to.
    struct node *shared = node("below", NULL);
    node("leader", shared);
    node("leader", shared);
    struct node *one = node("circle", NULL);
    one->next = node("circle", node("circle", one));
    one->other = node("below", NULL);
    // A circle below a leader has no leader of its own.
    struct node *lower = node("below", NULL);
    lower->next = node("below", lower);
    node("leader", lower);
    for (int i = 0; i < 20; i++) {
        free(malloc(100));
    }
}

static void *thread(void *given) {
    char *volatile local = malloc(100);
    note("surely_local", local);
    of_thread = malloc(100);
    note("surely_in_thread", of_thread);
    sem_post(&ready);
    for (;;) {
        pause();
    }
    return given;
}

int main(void) {
    static char output[1 << 16];
    setvbuf(stdout, output, _IOFBF, sizeof output);
    sem_init(&ready, 0, 0);
    hold();
    pthread_t started;
    pthread_create(&started, NULL, thread, NULL);
    sem_wait(&ready);
    clear(20);
    printf("pid %d\n", (int)getpid());
    for (int i = 0; i < noted; i++) {
        printf("%s 0x%lx\n", names[i], (unsigned long)(hidden[i] ^ HIDDEN));
    }
    printf("READY\n");
    fflush(stdout);
    clear(20);
    for (;;) {
        pause();
    }
}
