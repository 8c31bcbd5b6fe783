// SPDX-License-Identifier: Apache-2.0
// Allocates and frees without pause. What is live at a moment stands in a table that is not in the heap.
//
//   busy SIZES [THREADS [child|damaged|handler|altstack|stuck]]
//
// SIZES: small, below 4 KiB; trim, such that the heap grows and shrinks all the time; large, with mappings of their own.
// THREADS: how many others do the same beside the first one; -1 for one that waits. With child it does it all in a
// child; with damaged it first writes behind the end of a block that it keeps. With handler a signal interrupts it all
// the time, and where that was inside malloc the handler is busy for a while; with altstack handlers run on a stack of
// their own, and one interrupts the other; with stuck the first one that is inside malloc never returns.
// Prints the address of the table, its rows, and the process id.

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8, SLOTS = 500, KEPT = 2000, DAMAGED = 1000, ROWS = KEPT + THREADS * SLOTS };

// A block is live while its address is here: it is set after the block was allocated, and cleared before it is freed.
struct row {
    void *volatile address;
    volatile size_t size;
};

static struct row table[ROWS];
static const char *sizes;

// How often it has called malloc, and how often it has come back.
static volatile unsigned called, returned;
static char handler;

static long milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// In place of the alarm, whose timer it takes. Once at a time, so that the program gets on between the handlers.
static void ring(void) {
    static volatile int rung;
    struct itimerval soon = {.it_value = {0, 500}};
    if (++rung > 5000000) {
        _exit(0);
    }
    setitimer(ITIMER_REAL, &soon, NULL);
}

static void handle(int signal) {
    if (called != returned) {
        if (handler == 'a' && signal == SIGALRM) {
            raise(SIGUSR1);
        } else {
            for (long begin = milliseconds(); handler == 's' || milliseconds() - begin < 3;) {
            }
        }
    }
    if (signal == SIGALRM) {
        ring();
    }
}

static void interrupt(void) {
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART | (handler == 'a' ? SA_ONSTACK : 0)};
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    sigaltstack(&stack, NULL);
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    ring();
}

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
        called++;
        if (block == NULL) {
            block = r & 1 << 22 ? calloc(1, wanted) : malloc(wanted);
        } else if (r & 1 << 20) {
            free(block);
            returned++;
            continue;
        } else {
            block = realloc(block, wanted);
        }
        returned++;
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
    if (argc > 3 && strchr("has", argv[3][0]) != NULL) {
        handler = argv[3][0];
        interrupt();
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
