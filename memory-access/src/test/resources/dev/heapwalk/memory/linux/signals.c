// SPDX-License-Identifier: Apache-2.0
// Prints each signal that it handles. First argument: the signals to block, a list of numbers, or "-".
// Lines on its input: "unblock" unblocks them; "report" prints "done" after all that came before.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int seen[10000][3];
static volatile int count;

static void handle(int signal, siginfo_t *info, void *context) {
    int i = count;
    seen[i][0] = signal;
    seen[i][1] = info->si_code == SI_QUEUE ? info->si_value.sival_int : -1;
    seen[i][2] = info->si_pid;
    count = i + 1;
}

int main(int argc, char **argv) {
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_RESTART, .sa_sigaction = handle};
    sigfillset(&action.sa_mask);
    for (int signal = 1; signal <= 64; signal++)
        if (signal != SIGTSTP && signal != SIGCONT) sigaction(signal, &action, NULL);
    sigset_t set;
    sigemptyset(&set);
    if (argc > 1)
        for (char *next = strtok(argv[1], ","); next; next = strtok(NULL, ","))
            if (atoi(next)) sigaddset(&set, atoi(next));
    sigprocmask(SIG_BLOCK, &set, NULL);
    printf("ready\n");
    fflush(stdout);
    char line[100];
    int told = 0;
    while (fgets(line, sizeof line, stdin)) {
        if (strcmp(line, "unblock\n") == 0) sigprocmask(SIG_UNBLOCK, &set, NULL);
        for (; told < count; told++) printf("signal %d value %d\n", seen[told][0], seen[told][1]);
        printf("done\n");
        fflush(stdout);
    }
    return 0;
}
