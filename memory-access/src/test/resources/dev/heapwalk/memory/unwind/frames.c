// SPDX-License-Identifier: Apache-2.0
// Threads that wait, or work, in frames of many kinds.
#define _GNU_SOURCE
#include <alloca.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, noclone))

static pthread_barrier_t barrier;
static volatile long sink;

static KEEP void wait_here(void)
{
    pthread_barrier_wait(&barrier);
    for (;;)
        pause();
}

static KEEP int deep(int level)
{
    if (level == 0)
        wait_here();
    return deep(level - 1) + (int)sink;
}

static KEEP void with_room(size_t size)
{
    char *room = alloca(size);
    memset(room, 1, size);
    sink += room[size / 2];
    wait_here();
    sink += room[0];
}

static KEEP void aligned(int n)
{
    char block[96] __attribute__((aligned(64)));
    memset(block, n, sizeof(block));
    with_room((size_t)n * 16);
    sink += block[n];
}

static void on_signal(int number)
{
    if (number == SIGUSR1)
        raise(SIGUSR2);
    wait_here();
}

static int compare(const void *left, const void *right)
{
    raise(SIGUSR2);
    return *(const int *)left - *(const int *)right;
}

static __attribute__((noreturn)) KEEP void for_ever(void)
{
    wait_here();
    abort();
}

static KEEP void ends_in_a_call(int n)
{
    if (n)
        for_ever();
    sink++;
}

static KEEP long leaf(volatile long *counter)
{
    while (*counter >= 0)
        ++*counter;
    return *counter;
}

static KEEP long works(unsigned seed)
{
    char text[64];
    for (;;) {
        int length = snprintf(text, sizeof(text), "%u %s %g", seed, "words", seed / 3.0);
        seed = seed * 1103515245 + (unsigned)strlen(text) + (unsigned)length;
        char *block = malloc(seed % 5000 + 1);
        memset(block, length, seed % 5000 + 1);
        free(block);
    }
    return seed;
}

static void left(void *none)
{
    (void)none;
    wait_here();
}

static KEEP void leaves(void)
{
    pthread_cleanup_push(left, NULL);
    pthread_exit(NULL);
    pthread_cleanup_pop(0);
}

static ucontext_t outside, inside;

static void coroutine(void)
{
    deep(3);
}

static KEEP void switches(void)
{
    size_t size = 1 << 16;
    getcontext(&inside);
    inside.uc_stack.ss_sp = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    inside.uc_stack.ss_size = size;
    inside.uc_link = &outside;
    makecontext(&inside, coroutine, 0);
    swapcontext(&outside, &inside);
}

static KEEP void on_other_stack(void)
{
    static char stack[1 << 16];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
    sigaltstack(&other, NULL);
    raise(SIGALRM);
}

static void (*volatile nowhere)(void);

static KEEP void calls_nothing(void)
{
    nowhere();
    sink++;
}

static void *run(void *kind)
{
    int pair[2] = {2, 1};
    switch ((long)kind) {
    case 0:
        deep(40);
        break;
    case 1:
        aligned(3);
        break;
    case 2:
        raise(SIGUSR1);
        break;
    case 3:
        on_other_stack();
        break;
    case 4:
        qsort(pair, 2, sizeof(int), compare);
        break;
    case 5:
        ends_in_a_call(1);
        break;
    case 6:
        pthread_barrier_wait(&barrier);
        leaf(&sink);
        break;
    case 7:
    case 8:
    case 9:
        pthread_barrier_wait(&barrier);
        works((unsigned)(long)kind);
        break;
    case 10:
        leaves();
        break;
    case 11:
        switches();
        break;
    case 12:
        calls_nothing();
        break;
    }
    return NULL;
}

static void at_exit(void)
{
    pthread_barrier_wait(&barrier);
    puts("ready");
    fflush(stdout);
    char c;
    while (read(0, &c, 1) > 0)
        ;
    _exit(0);
}

int main(void)
{
    int kinds = 13;
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGUSR2, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    action.sa_flags = SA_ONSTACK;
    sigaction(SIGALRM, &action, NULL);
    pthread_barrier_init(&barrier, NULL, (unsigned)kinds + 1);
    for (long kind = 0; kind < kinds; kind++) {
        pthread_t thread;
        pthread_create(&thread, NULL, run, (void *)kind);
    }
    atexit(at_exit);
    return 0;
}
