// SPDX-License-Identifier: Apache-2.0
// Allocates and frees without pause. What is live at a moment stands in a table that is not in the heap.
//
//   busy SIZES [THREADS [child|damaged]]
//
// SIZES: small, below 4 KiB; trim, such that the heap grows and shrinks all the time; large, with mappings of their own.
// THREADS: how many others do the same beside the first one; -1 for one that waits. With child it does it all in a
// child; with damaged it first writes behind the end of a block that it keeps.
// Prints the address of the table, its rows, and the process id.

#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8, SLOTS = 500, KEPT = 2000, DAMAGED = 1000, ROWS = KEPT + THREADS * SLOTS };

// A block is live while its address is here: it is set after the block was allocated, and cleared before it is freed.
struct row {
    void *volatile address;
    volatile size_t size;
};

static struct row table[ROWS];
static const char *sizes;

static void *idle(void *unused) {
    (void) unused;
    for (;;) {
        pause();
    }
    return NULL;
}

static size_t size(unsigned random) {
    return *sizes == 's' ? 1 + random % 4000 : *sizes == 't' ? 1100 + random % 9000 : 100000 + random % 300000;
}

static void *churn(void *of) {
    struct row *rows = of;
    unsigned random = (unsigned) (uintptr_t) of;
    for (;;) {
        random = random * 1103515245 + 12345;
        unsigned r = random >> 8;
        struct row *row = &rows[r % SLOTS];
        void *block = row->address;
        size_t wanted = size(r / SLOTS);
        row->address = NULL;
        if (block == NULL) {
            block = r & 1 << 22 ? calloc(1, wanted) : malloc(wanted);
        } else if (r & 1 << 20) {
            free(block);
            continue;
        } else {
            block = realloc(block, wanted);
        }
        memset(block, 'b', wanted < 64 ? wanted : 64);
        row->size = wanted;
        row->address = block;
    }
    return NULL;
}

int main(int argc, char **argv) {
    sizes = argc > 1 ? argv[1] : "small";
    int threads = argc > 2 ? atoi(argv[2]) : 0;
    if (argc > 3 && strcmp(argv[3], "child") == 0) {
        free(malloc(1000));
        pid_t child = fork();
        if (child != 0) {
            waitpid(child, NULL, 0);
            return 0;
        }
    }
    // It ends when nobody ends it.
    alarm(3600);
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    for (int i = 0; i < KEPT; i++) {
        table[i].size = 200;
        table[i].address = malloc(200);
    }
    if (argc > 3 && strcmp(argv[3], "damaged") == 0) {
        ((volatile size_t *) table[DAMAGED].address)[-1] = 0x6262626262626262;
    }
    pthread_t thread;
    if (threads < 0) {
        pthread_create(&thread, NULL, idle, NULL);
    }
    for (int i = 1; i <= threads && i < THREADS; i++) {
        pthread_create(&thread, NULL, churn, &table[KEPT + i * SLOTS]);
    }
    char line[100];
    ssize_t length = snprintf(line, sizeof line, "%lx %d %d\n", (unsigned long) table, ROWS, (int) getpid());
    if (write(1, line, length) != length) {
        return 1;
    }
    churn(&table[KEPT]);
}
