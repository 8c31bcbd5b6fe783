// SPDX-License-Identifier: Apache-2.0
// Processes in states that are awkward for a reader. The first argument names the state; "ready" says it is reached.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void ready(void) {
    printf("ready\n");
    fflush(stdout);
}

static void *in_vfork(void *argument) {
    prctl(PR_SET_NAME, "forker");
    if (vfork() == 0) {
        // The child borrows the parent's memory until it is told to go, and the parent's thread waits for it.
        char c;
        while (read(0, &c, 1) == 1 && c != 'g') {}
        _exit(0);
    }
    printf("back\n");
    fflush(stdout);
    pause();
    return argument;
}

static void *stay(void *argument) {
    *(volatile long *)argument = 4711;
    ready();
    for (;;) pause();
    return argument;
}

static long value;

static volatile sig_atomic_t handled;

static void on_signal(int signal) { handled++; }

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    pthread_t thread;
    if (!strcmp(what, "vfork")) {
        pthread_create(&thread, NULL, in_vfork, NULL);
        for (int i = 0; i < 3; i++) pthread_create(&(pthread_t){0}, NULL, (void *(*)(void *))(void *)pause, NULL);
        usleep(200000);
        ready();
        for (;;) pause();
    }
    if (!strcmp(what, "zombie")) {
        pid_t child = fork();
        if (child == 0) _exit(0);
        usleep(100000);
        printf("%d\n", child);
        ready();
        for (;;) pause();
    }
    if (!strcmp(what, "leaderless")) {
        printf("%lx\n", (long)&value);
        fflush(stdout);
        pthread_create(&thread, NULL, stay, &value);
        pthread_exit(NULL);
    }
    if (!strcmp(what, "traced")) {
        pid_t child = fork();
        if (child == 0) for (;;) pause();
        if (ptrace(PTRACE_SEIZE, child, 0, 0)) return 1;
        printf("%d\n", child);
        ready();
        for (;;) pause();
    }
    if (!strcmp(what, "undumpable")) {
        prctl(PR_SET_DUMPABLE, 0);
        ready();
        for (;;) pause();
    }
    if (!strcmp(what, "interruptible")) {
        // Here a signal is awaited in the very call that the stop interrupts: it must still end it.
        sigset_t all, none;
        struct sigaction action = {.sa_handler = on_signal};
        sigaction(SIGUSR1, &action, NULL);
        sigfillset(&all);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &all, NULL);
        int fd = epoll_create1(0);
        struct epoll_event event;
        ready();
        int result = epoll_pwait(fd, &event, 1, -1, &none);
        printf("%d %s handled %d\n", result, result < 0 ? strerrorname_np(errno) : "", (int)handled);
        fflush(stdout);
        for (;;) pause();
    }
    if (!strcmp(what, "alone")) {
        value = 4711;
        printf("%lx\n%lx\n%d\n", (long)&value, (long)pthread_self(), getpid());
        ready();
        char c;
        while (read(0, &c, 1) == 1) {}
        return 3;
    }
    return 2;
}
