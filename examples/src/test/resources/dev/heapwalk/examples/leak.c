// SPDX-License-Identifier: Apache-2.0
// Leaks 1,000 blocks of 1,000 bytes a second, while blocks of 300 bytes come and go as fast as it can.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void *volatile leaked;
static void *volatile passing[64];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(void) {
    for (int i = 0; i < 20000; i++) {
        *(long *) (leaked = malloc(100)) = -1; // no text
    }
    puts("READY");
    fflush(stdout);
    double start = now();
    long made = 0;
    for (unsigned long i = 0;; i++) {
        free(passing[i % 64]);
        passing[i % 64] = malloc(300);
        if (i % 64 == 0) {
            for (double due = (now() - start) * 1000; made < due; made++) {
                *(long *) (leaked = malloc(1000)) = -1;
            }
            struct timespec pause = {0, 100000};
            nanosleep(&pause, NULL);
        }
    }
}
