// SPDX-License-Identifier: Apache-2.0
// Tells its own frames, as the unwinder of libgcc finds them, from a signal handler, and waits or ends there.
#define _GNU_SOURCE
#include <alloca.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <unwind.h>

#define KEEP __attribute__((noinline, noclone))

static volatile int sink;

static _Unwind_Reason_Code tell(struct _Unwind_Context *context, void *none)
{
    int before = 0;
    (void)none;
    printf("%lx %lx\n", (long)_Unwind_GetIPInfo(context, &before), (long)_Unwind_GetCFA(context));
    return _URC_NO_REASON;
}

static KEEP void told(void)
{
    _Unwind_Backtrace(tell, NULL);
    puts("ready");
    fflush(stdout);
    for (;;)
        pause();
}

static KEEP void handler(int number)
{
    if (number == SIGUSR1)
        raise(SIGUSR2);
    told();
    sink++;
}

static KEEP int compare(const void *left, const void *right)
{
    raise(SIGUSR1);
    return *(const int *)left - *(const int *)right;
}

static KEEP int deep(int level)
{
    char *room = alloca((size_t)level * 16 + 16);
    memset(room, level, 16);
    if (level == 0) {
        int pair[2] = {2, 1};
        qsort(pair, 2, sizeof(int), compare);
        return pair[0];
    }
    return deep(level - 1) + room[1];
}

int main(void)
{
    static char stack[1 << 16];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_handler = handler};
    sigaltstack(&other, NULL);
    sigaction(SIGUSR1, &action, NULL);
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGUSR2, &action, NULL);
    return deep(5);
}
