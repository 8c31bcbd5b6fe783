// SPDX-License-Identifier: Apache-2.0
// Threads that do nothing but wait in calls that end in EINTR when they are interrupted. No signal is ever sent to it.
// After "ready" it answers each line with "eintr N other M", the counts of all threads.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

static atomic_long interrupted, other;
static int semaphores;
static pthread_barrier_t started;

static long wait_once(int kind, int fd) {
    struct epoll_event event;
    struct timespec hours = {10000, 0};
    struct sembuf down = {0, -1, 0};
    sigset_t set;
    switch (kind) {
        case 0: return epoll_wait(fd, &event, 1, -1);
        case 1: return epoll_wait(fd, &event, 1, 10000000);
        case 2:
            sigemptyset(&set);
            sigaddset(&set, SIGUSR1);
            return sigtimedwait(&set, NULL, &hours);
        default: return semtimedop(semaphores, &down, 1, &hours);
    }
}

static void *wait_for_ever(void *kind) {
    int fd = epoll_create1(0);
    pthread_barrier_wait(&started);
    for (;;) {
        errno = 0;
        wait_once((int)(intptr_t)kind, fd);
        if (errno == EINTR) interrupted++;
        else other++;
    }
}

int main(int argc, char **argv) {
    int threads = atoi(argv[argc - 1]);
    char line[100];
    sigset_t set;
    sigfillset(&set);
    sigprocmask(SIG_SETMASK, &set, NULL);
    // What is left behind when it is killed goes with its namespace. Without the right to have one, it stays.
    if (unshare(CLONE_NEWIPC) && errno != EPERM) return 1;
    semaphores = semget(IPC_PRIVATE, 1, 0600);
    pthread_barrier_init(&started, NULL, threads + 1);
    for (int i = 0; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, wait_for_ever, (void *)(intptr_t)(i % 4))) return 1;
    }
    pthread_barrier_wait(&started);
    printf("ready\n");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        printf("eintr %ld other %ld\n", interrupted, other);
        fflush(stdout);
    }
    semctl(semaphores, 0, IPC_RMID);
    return 0;
}
