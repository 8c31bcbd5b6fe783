// SPDX-License-Identifier: Apache-2.0
// Waits again and again in one kind of system call, in its first thread, for some milliseconds each time, and notices
// whatever somebody else does to that: registers that change, vector registers too, a call that ends for no reason, too
// early or without what it waits for, a signal that is lost or comes twice, a child that it has not made.
//
//   waits KIND      read, futex, poll, nanosleep, clock, epoll, accept, sigtimedwait, sigsuspend, none
//
// With none it computes instead. A second thread gives what is waited for. After "ready" it answers each line with
// "ok ROUNDS" or with what was wrong. At the end of its input it ends.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MILLISECONDS = 15 };

static const char *kind;
static char wrong[200];
static atomic_long rounds, sent, handled;
static int fds[2], listener, epoll;
static struct sockaddr_un name;
static socklen_t name_length = sizeof name;
static pthread_t first;

static void note(const char *what, long number) {
    if (!wrong[0]) snprintf(wrong, sizeof wrong, "%s: %s %ld (%s)", kind, what, number, strerror(errno));
}

static int is(const char *word) { return !strcmp(kind, word); }

static double now(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}

#if defined __x86_64__
static uint64_t vectors[32 * 8] __attribute__((aligned(64))), seen[32 * 8] __attribute__((aligned(64)));
static int wide;

#define EACH16(F) F(0) F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9) F(10) F(11) F(12) F(13) F(14) F(15)
#define EACH32(F) EACH16(F) F(16) F(17) F(18) F(19) F(20) F(21) F(22) F(23) F(24) F(25) F(26) F(27) F(28) F(29) F(30) F(31)
#define LOAD512(i) "vmovdqu64 " #i "*64(%%rbx), %%zmm" #i "\n"
#define SAVE512(i) "vmovdqu64 %%zmm" #i ", " #i "*64(%%rbx)\n"
#define LOAD128(i) "movdqu " #i "*64(%%rbx), %%xmm" #i "\n"
#define SAVE128(i) "movdqu %%xmm" #i ", " #i "*64(%%rbx)\n"

// A system call with all registers full of known values.
__attribute__((noinline)) static long call(long number, long a, long b, long c, long d) {
    struct { long number, a, b, c, d; uint64_t *in, *out; uint64_t kept[8]; } all = {number, a, b, c, d, vectors, seen, {0}};
    static uint64_t round = 88172645463325252u;
    for (int i = 0; i < 32 * 8; i++) {
        round ^= round << 13, round ^= round >> 7, round ^= round << 17;
        vectors[i] = round;
    }
    memset(seen, 0, sizeof seen);
    long result;
#define BODY(LOADS, SAVES)                                                                               \
    __asm__ volatile("push %%rbx\npush %%rbp\nmov %%rax, %%r8\nmov 40(%%r8), %%rbx\n" LOADS              \
                     "mov (%%r8), %%rax\nmov 8(%%r8), %%rdi\nmov 16(%%r8), %%rsi\nmov 24(%%r8), %%rdx\n"  \
                     "mov 32(%%r8), %%r10\nmov $0, %%r9\nmov $0x1111, %%rbp\nmov $0x2222, %%r12\n"        \
                     "mov $0x3333, %%r13\nmov $0x4444, %%r14\nmov $0x5555, %%r15\nsyscall\n"              \
                     "mov %%rbp, 56(%%r8)\nmov %%r12, 64(%%r8)\nmov %%r13, 72(%%r8)\nmov %%r14, 80(%%r8)\n" \
                     "mov %%r15, 88(%%r8)\nmov %%rdi, 96(%%r8)\nmov %%rsi, 104(%%r8)\nmov %%rdx, 112(%%r8)\n" \
                     "mov 48(%%r8), %%rbx\n" SAVES "pop %%rbp\npop %%rbx\n"                               \
                     : "=a"(result)                                                                       \
                     : "a"(&all)                                                                          \
                     : "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "cc", "memory")
    // This function calls others, so the pushes overwrite no red zone.
    if (wide) BODY(EACH32(LOAD512), EACH32(SAVE512));
    else BODY(EACH16(LOAD128), EACH16(SAVE128));
    uint64_t kept[] = {0x1111, 0x2222, 0x3333, 0x4444, 0x5555, a, b, c};
    for (int i = 0; i < 8; i++)
        if (all.kept[i] != kept[i]) note("register", i);
    for (int i = 0; i < (wide ? 32 : 16); i++)
        if (memcmp(vectors + 8 * i, seen + 8 * i, wide ? 64 : 16)) note("vector register", i);
    if (result < 0) {
        errno = -result;
        return -1;
    }
    return result;
}
#else
static long call(long number, long a, long b, long c, long d) { return syscall(number, a, b, c, d); }
#endif

static void on_signal(int signal) { handled++; }

// Gives what is waited for.
static void *give(void *argument) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    for (;;) {
        usleep(MILLISECONDS * 1000);
        if (is("read") && write(fds[1], "x", 1) != 1) note("write", 0);
        if (is("accept")) {
            int fd = socket(AF_UNIX, SOCK_STREAM, 0);
            if (connect(fd, (void *)&name, name_length)) note("connect", fd);
            close(fd);
        }
        if (is("sigsuspend") && sent == handled) {
            sent++;
            pthread_kill(first, SIGUSR1);
        }
    }
    return argument;
}

static void compute(void) {
    volatile uint64_t x = 1;
    double a = 1, b = 3, c = 5, d = 7, begun = now();
    while (now() - begun < MILLISECONDS) {
        uint64_t y = 1;
        a = 1, b = 3, c = 5, d = 7;
        for (int i = 0; i < 20000; i++) {
            y = y * 6364136223846793005u + 1442695040888963407u;
            a = a * 1.5 + b, b = b * 0.5 + c, c = c * 0.25 + d, d = d * 0.125 + 1;
        }
        static uint64_t known;
        static double sums[3];
        x = y;
        if (!known) known = x, sums[0] = b, sums[1] = c, sums[2] = d;
        if (x != known || b != sums[0] || c != sums[1] || d != sums[2]) note("result", (long)x);
    }
}

static void wait_once(void) {
    static struct timespec span = {0, MILLISECONDS * 1000000L};
    struct timespec left;
    struct epoll_event event;
    static unsigned word;
    char byte;
    long got = -1, want = 0;
    int error = 0;
    sigset_t set;
    double least = MILLISECONDS, begun = now();
    errno = 0;
    if (is("read")) {
        got = call(SYS_read, fds[0], (long)&byte, 1, 0), want = 1, least = 0;
    } else if (is("futex")) {
        got = call(SYS_futex, (long)&word, FUTEX_WAIT_PRIVATE, 0, (long)&span), want = -1, error = ETIMEDOUT;
    } else if (is("poll")) {
        got = call(SYS_poll, 0, 0, MILLISECONDS, 0), least -= 1;
    } else if (is("nanosleep")) {
        got = call(SYS_nanosleep, (long)&span, (long)&left, 0, 0);
    } else if (is("clock")) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += span.tv_nsec;
        if (until.tv_nsec >= 1000000000) until.tv_nsec -= 1000000000, until.tv_sec++;
        got = call(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, (long)&until, 0);
    } else if (is("epoll")) {
        got = call(SYS_epoll_wait, epoll, (long)&event, 1, MILLISECONDS), least -= 1;
    } else if (is("accept")) {
        got = call(SYS_accept, listener, 0, 0, 0), want = got, least = 0;
        if (got >= 0) close(got);
        else want = 0;
    } else if (is("sigtimedwait")) {
        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        got = call(SYS_rt_sigtimedwait, (long)&set, 0, (long)&span, 8), want = -1, error = EAGAIN;
    } else if (is("sigsuspend")) {
        long before = handled;
        sigemptyset(&set);
        got = call(SYS_rt_sigsuspend, (long)&set, 8, 0, 0), want = -1, error = EINTR, least = 0;
        if (handled != before + 1) note("signals in one wait", handled - before);
    } else {
        compute();
        return;
    }
    if (got != want || (got < 0 && errno != error)) note("result", got);
    if (now() - begun < least) note("microseconds too early", (long)((least - now() + begun) * 1000));
}

int main(int argc, char **argv) {
    kind = argv[argc - 1];
    first = pthread_self();
#if defined __x86_64__
    __builtin_cpu_init();
    wide = __builtin_cpu_supports("avx512f");
#endif
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_BLOCK, &set, NULL);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    name.sun_family = AF_UNIX;
    if (pipe(fds) || bind(listener, (void *)&name, sizeof name.sun_family) || listen(listener, 9)
        || getsockname(listener, (void *)&name, &name_length) || (epoll = epoll_create1(0)) < 0)
        return 1;
    pthread_t giver;
    if (pthread_create(&giver, NULL, give, NULL)) return 1;
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        wait_once();
        rounds++;
        if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) note("a child", 0);
        struct pollfd in = {0, POLLIN, 0};
        if (poll(&in, 1, 0) == 1) {
            char line[100];
            if (!fgets(line, sizeof line, stdin)) return 0;
            if (wrong[0]) printf("%s\n", wrong);
            else printf("ok %ld\n", rounds);
            fflush(stdout);
        }
    }
}
