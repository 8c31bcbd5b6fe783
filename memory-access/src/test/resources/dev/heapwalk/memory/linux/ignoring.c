// SPDX-License-Identifier: Apache-2.0
// Threads that wait in calls that end in EINTR when they are interrupted, and that block no signal and handle none.
// After "ready" one of them, not the first, forks a child for each line "fork" and prints its id. At "thread" the first
// one makes another thread and prints "made". Any other line is answered with "eintr N other M", the counts of all
// threads.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

static atomic_long interrupted, other;

static void wait_once(int fd) {
    struct epoll_event event;
    while (epoll_wait(fd, &event, 1, -1) != 1) {
        if (errno == EINTR) interrupted++;
        else other++;
    }
}

static void *wait_for_ever(void *argument) {
    wait_once(epoll_create1(0));
    return argument;
}

static int readable(int input) {
    int fd = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(fd, EPOLL_CTL_ADD, input, &event)) _exit(1);
    return fd;
}

static int orders[2];

static void *fork_and_wait(void *argument) {
    char order;
    int fd = readable(orders[0]);
    for (;;) {
        wait_once(fd);
        if (read(orders[0], &order, 1) != 1) return argument;
        pid_t child = fork();
        if (child < 0) _exit(1);
        if (child == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;) pause();
        }
        printf("%d\n", child);
    }
}

int main(void) {
    pthread_t thread;
    char line[100] = "";
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    if (pipe(orders) || pthread_create(&thread, NULL, fork_and_wait, NULL)) return 1;
    for (int i = 0; i < 8; i++)
        if (pthread_create(&thread, NULL, wait_for_ever, NULL)) return 1;
    int fd = readable(0);
    printf("ready\n");
    for (;;) {
        wait_once(fd);
        if (read(0, line, sizeof line) <= 0) return 0;
        if (!strncmp(line, "fork\n", 5)) {
            if (write(orders[1], line, 1) != 1) return 1;
        } else if (!strncmp(line, "thread\n", 7)) {
            if (pthread_create(&thread, NULL, wait_for_ever, NULL)) return 1;
            printf("made\n");
        } else {
            printf("eintr %ld other %ld\n", interrupted, other);
        }
    }
}
