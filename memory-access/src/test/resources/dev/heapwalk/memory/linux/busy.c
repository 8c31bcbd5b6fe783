// SPDX-License-Identifier: Apache-2.0
// A program that is always in the middle of something, and that notices everything a reader could do wrong: an EINTR in
// a thread that has no signal to handle, a signal that is lost or comes twice, memory or a register that changes, a
// message that is lost, a sleep that is too short, a child that nobody here has made, a mutex that two threads hold, a
// timer that is late for good.
// After "ready" it answers each line "check" with "ok ..." or "bad ..."; at the end of its input it ends. Its arguments
// mean nothing to it: they tell it and its children from others.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000L

// Set when the program is about to end: what its threads meet with then, such as that the last child is gone, is no fault.
static volatile int ending;

static void die(const char *what) {
    while (ending) pause();
    printf("bad %s: %s\n", what, strerror(errno));
    fflush(stdout);
    _exit(9);
}

static __thread unsigned seed;

static long some_ms(void) {
    switch (rand_r(&seed) % 4) {
        case 0: return 2;
        case 1: return 20;
        default: return 100000;
    }
}

static struct timespec span(long ms) {
    return (struct timespec){ms / 1000, ms % 1000 * MS};
}

static int socket_pair(void) {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds)) die("socketpair");
    return fds[0];
}

static void timeout_of(int fd, int option, long ms) {
    struct timeval tv = {ms / 1000, ms % 1000 * 1000};
    if (setsockopt(fd, SOL_SOCKET, option, &tv, sizeof tv)) die("setsockopt");
}

static int receiving(void) {
    static __thread int fd = -1;
    if (fd < 0) fd = socket_pair();
    timeout_of(fd, SO_RCVTIMEO, some_ms());
    return fd;
}

static int sending(void) {
    static __thread int fd = -1;
    if (fd < 0) {
        char block[4096] = {0};
        fd = socket_pair();
        while (send(fd, block, sizeof block, MSG_DONTWAIT) > 0) {}
        while (send(fd, block, 1, MSG_DONTWAIT) > 0) {}
    }
    timeout_of(fd, SO_SNDTIMEO, some_ms());
    return fd;
}

static struct sockaddr_un name;
static socklen_t name_length;

static int listening(void) {
    static __thread int fd = -1;
    if (fd < 0) {
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        struct sockaddr_un any = {.sun_family = AF_UNIX};
        if (fd < 0 || bind(fd, (void *)&any, sizeof any.sun_family) || listen(fd, 1)) die("listen");
    }
    timeout_of(fd, SO_RCVTIMEO, some_ms());
    return fd;
}

static long do_epoll_wait(void) {
    static __thread int fd = -1;
    struct epoll_event event;
    if (fd < 0) fd = epoll_create1(0);
    return epoll_wait(fd, &event, 1, some_ms());
}

static long do_epoll_pwait(void) {
    static __thread int fd = -1;
    struct epoll_event event;
    sigset_t mask;
    sigfillset(&mask);
    if (fd < 0) fd = epoll_create1(0);
    return epoll_pwait(fd, &event, 1, some_ms(), &mask);
}

static long do_epoll_pwait2(void) {
    static __thread int fd = -1;
    struct epoll_event event;
    struct timespec ts = span(some_ms());
    if (fd < 0) fd = epoll_create1(0);
    return syscall(441, fd, &event, 1, &ts, NULL, 0L);
}

static long do_sigtimedwait(void) {
    sigset_t set;
    struct timespec ts = span(some_ms());
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 9);
    return sigtimedwait(&set, NULL, &ts);
}

static long do_sigwaitinfo(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 9);
    return sigwaitinfo(&set, NULL);
}

static int semaphores;

static long do_semop(void) {
    struct sembuf op = {0, -1, 0};
    return semop(semaphores, &op, 1);
}

static long do_semtimedop(void) {
    struct sembuf op = {0, -1, 0};
    struct timespec ts = span(some_ms());
    return semtimedop(semaphores, &op, 1, &ts);
}

static long do_msgrcv(void) {
    static __thread int queue = -1;
    struct { long type; char text[8]; } message;
    if (queue < 0 && (queue = msgget(IPC_PRIVATE, 0600)) >= 0) {}
    return msgrcv(queue, &message, 8, 0, 0);
}

static char buffer[64];
static struct iovec vector = {buffer, 8};

static long do_recv(void) { return recv(receiving(), buffer, 8, 0); }
static long do_read(void) { return read(receiving(), buffer, 8); }
static long do_readv(void) { return readv(receiving(), &vector, 1); }

static long do_recvmsg(void) {
    struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
    return recvmsg(receiving(), &header, 0);
}

static long do_recvmmsg(void) {
    struct mmsghdr header = {.msg_hdr = {.msg_iov = &vector, .msg_iovlen = 1}};
    return recvmmsg(receiving(), &header, 1, 0, NULL);
}

static long do_send(void) { return send(sending(), buffer, 8, MSG_NOSIGNAL); }
static long do_write(void) { return write(sending(), buffer, 8); }
static long do_writev(void) { return writev(sending(), &vector, 1); }

static long do_sendmsg(void) {
    struct msghdr header = {.msg_iov = &vector, .msg_iovlen = 1};
    return sendmsg(sending(), &header, MSG_NOSIGNAL);
}

static long do_accept(void) { return accept(listening(), NULL, NULL); }
static long do_accept4(void) { return accept4(listening(), NULL, NULL, SOCK_CLOEXEC); }

static long do_connect(void) {
    // To a listener whose queue is full.
    static __thread int fd = -1;
    if (fd < 0) fd = socket(AF_UNIX, SOCK_STREAM, 0);
    timeout_of(fd, SO_SNDTIMEO, some_ms());
    return connect(fd, (void *)&name, name_length);
}

static long do_io_getevents(void) {
    static __thread aio_context_t context;
    struct io_event event;
    struct timespec ts = span(some_ms());
    if (!context && syscall(SYS_io_setup, 1, &context)) die("io_setup");
    return syscall(SYS_io_getevents, context, 1L, 1L, &event, &ts);
}

static long do_io_uring(void) {
    static __thread int fd = -1;
    if (fd < 0) {
        struct io_uring_params params = {0};
        fd = syscall(SYS_io_uring_setup, 1, &params);
        // A kernel may forbid it.
        if (fd < 0) return pause();
    }
    return syscall(SYS_io_uring_enter, fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0L);
}

static long do_nanosleep(void) {
    struct timespec ts = span(some_ms());
    return nanosleep(&ts, NULL);
}

static long do_poll(void) {
    struct pollfd none = {-1, POLLIN, 0};
    return poll(&none, 1, some_ms());
}

static long do_ppoll(void) {
    struct timespec ts = span(some_ms());
    return ppoll(NULL, 0, &ts, NULL);
}

static long do_select(void) {
    struct timeval tv = {some_ms() / 1000, 5000};
    return select(0, NULL, NULL, NULL, &tv);
}

static long do_futex(void) {
    int word = 0;
    struct timespec ts = span(some_ms());
    return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &ts, NULL, 0);
}

static long do_waitpid(void) {
    // The child that sends the signals: it ends only with us.
    extern pid_t sender;
    return waitpid(sender, NULL, 0);
}

static long do_pipe_read(void) {
    static __thread int fds[2] = {-1, -1};
    if (fds[0] < 0 && pipe(fds)) die("pipe");
    return read(fds[0], buffer, 8);
}

static struct worker { const char *name; long (*call)(void); atomic_long eintr; atomic_long odd; } workers[] = {
    {"epoll_wait", do_epoll_wait, 0, 0}, {"epoll_pwait", do_epoll_pwait, 0, 0},
    {"epoll_pwait2", do_epoll_pwait2, 0, 0}, {"sigtimedwait", do_sigtimedwait, 0, 0},
    {"sigwaitinfo", do_sigwaitinfo, 0, 0}, {"semop", do_semop, 0, 0}, {"semtimedop", do_semtimedop, 0, 0},
    {"msgrcv", do_msgrcv, 0, 0}, {"recv", do_recv, 0, 0}, {"read", do_read, 0, 0}, {"readv", do_readv, 0, 0},
    {"recvmsg", do_recvmsg, 0, 0}, {"recvmmsg", do_recvmmsg, 0, 0}, {"send", do_send, 0, 0},
    {"write", do_write, 0, 0}, {"writev", do_writev, 0, 0}, {"sendmsg", do_sendmsg, 0, 0},
    {"accept", do_accept, 0, 0}, {"accept4", do_accept4, 0, 0}, {"connect", do_connect, 0, 0},
    {"io_getevents", do_io_getevents, 0, 0}, {"io_uring_enter", do_io_uring, 0, 0},
    {"nanosleep", do_nanosleep, 0, 0}, {"poll", do_poll, 0, 0}, {"ppoll", do_ppoll, 0, 0},
    {"select", do_select, 0, 0}, {"futex", do_futex, 0, 0}, {"waitpid", do_waitpid, 0, 0},
    {"pipe read", do_pipe_read, 0, 0},
};
#define WORKERS (int)(sizeof workers / sizeof workers[0])

static void *work(void *argument) {
    struct worker *me = argument;
    seed = (unsigned)(uintptr_t)me;
    prctl(PR_SET_NAME, me->name);
    for (;;) {
        errno = 0;
        long result = me->call();
        if (result < 0 && errno == EINTR) me->eintr++;
        else if (result < 0 && errno != EAGAIN && errno != ETIME && errno != ETIMEDOUT) me->odd++;
    }
}

// Signals: each is counted, by its value too.
pid_t sender;
static int to_sender, from_sender;
static atomic_long received, received_sum, expirations;

static void on_queued(int signal, siginfo_t *info, void *context) {
    // Long enough to be stopped in.
    for (volatile int i = 0; i < 20000; i++) {}
    received++;
    received_sum += info->si_value.sival_int;
}

static void on_timer(int signal, siginfo_t *info, void *context) {
    expirations += 1 + info->si_overrun;
}

static void *receive(void *argument) {
    sigset_t set;
    prctl(PR_SET_NAME, "receiver");
    sigfillset(&set);
    sigdelset(&set, SIGRTMIN + 1);
    sigdelset(&set, SIGRTMIN + 2);
    pthread_sigmask(SIG_SETMASK, &set, NULL);
    volatile unsigned long x = 1;
    for (;;) {
        // Now asleep, now in the middle of a computation.
        for (int i = 0; i < 100000; i++) x = x * 6364136223846793005ul + 1;
        usleep(1000);
    }
}

static void send_signals(int in, int out, pid_t to) {
    long sent = 0, sum = 0;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        struct pollfd more = {in, POLLIN, 0};
        if (poll(&more, 1, 0) > 0) {
            char c;
            if (read(in, &c, 1) != 1) _exit(0);
            long answer[2] = {sent, sum};
            if (write(out, answer, sizeof answer) != sizeof answer) _exit(1);
            if (read(in, &c, 1) != 1) _exit(0);
        }
        // Nobody handles these: they are dropped as they are sent, unless their addressee is traced.
        kill(to, SIGWINCH);
        kill(to, SIGURG);
        union sigval value = {.sival_int = (int)(sent % 1000)};
        if (sigqueue(to, SIGRTMIN + 1, value) == 0) {
            sum += sent % 1000;
            sent++;
        }
        usleep(300);
    }
}

// Memory: blocks that are full of their own address.
static atomic_long blocks_checked, blocks_bad;

static void ledger_rounds(int rounds, unsigned *random) {
    uintptr_t *held[64] = {0};
    size_t words[64] = {0};
    for (int round = 0; round < rounds; round++) {
        int i = rand_r(random) % 64;
        if (held[i]) {
            for (size_t w = 0; w < words[i]; w++)
                if (held[i][w] != (uintptr_t)held[i] + w) blocks_bad++;
            blocks_checked++;
            free(held[i]);
        }
        words[i] = 1 + rand_r(random) % 400;
        held[i] = malloc(words[i] * sizeof(uintptr_t));
        for (size_t w = 0; w < words[i]; w++) held[i][w] = (uintptr_t)held[i] + w;
    }
    for (int i = 0; i < 64; i++) free(held[i]);
}

static void *keep_ledger(void *argument) {
    unsigned random = (unsigned)(uintptr_t)argument;
    prctl(PR_SET_NAME, "ledger");
    for (;;) {
        ledger_rounds(500, &random);
        usleep(2000);
    }
}

static atomic_long threads_made;

static void *live_shortly(void *argument) {
    unsigned random = (unsigned)(uintptr_t)argument;
    ledger_rounds(50, &random);
    return argument;
}

static void *make_threads(void *argument) {
    prctl(PR_SET_NAME, "churn");
    for (uintptr_t n = 0;; n++) {
        pthread_t threads[4];
        for (int i = 0; i < 4; i++)
            if (pthread_create(&threads[i], NULL, live_shortly, (void *)(n + i))) die("pthread_create");
        for (int i = 0; i < 4; i++) {
            void *back;
            pthread_join(threads[i], &back);
            if (back != (void *)(n + i)) die("a thread's result");
            threads_made++;
        }
        usleep(3000);
    }
}

// Children that end, so that SIGCHLD, which nobody handles, is always about. One thread waits for all of them, and must
// see none that was not made here.
static pthread_mutex_t births = PTHREAD_MUTEX_INITIALIZER;
static pid_t born[64];
static atomic_long children_made, children_strange;

static void *make_children(void *by_vfork) {
    unsigned random = (unsigned)(uintptr_t)by_vfork + 1;
    prctl(PR_SET_NAME, by_vfork ? "vfork" : "fork");
    for (;;) {
        pthread_mutex_lock(&births);
        int place = 0;
        while (place < 64 && born[place]) place++;
        if (place < 64) {
            // A thread that waits for its vfork can't be stopped.
            long pause = rand_r(&random) % 8 ? 0 : 5 * MS;
            pid_t child = by_vfork ? vfork() : fork();
            if (child == 0) {
                struct timespec ts = {0, pause};
                if (pause) syscall(SYS_nanosleep, &ts, NULL);
                _exit(7);
            }
            if (child < 0) die("fork");
            born[place] = child;
            children_made++;
        }
        pthread_mutex_unlock(&births);
        usleep(4000);
    }
}

static void *wait_for_children(void *argument) {
    prctl(PR_SET_NAME, "reaper");
    for (;;) {
        int status, place = 0;
        pid_t child = waitpid(-1, &status, 0);
        if (child < 0) die("waitpid");
        pthread_mutex_lock(&births);
        while (place < 64 && born[place] != child) place++;
        if (place == 64 || !WIFEXITED(status) || WEXITSTATUS(status) != 7) children_strange++;
        if (place < 64) born[place] = 0;
        pthread_mutex_unlock(&births);
    }
}

// Registers: what they hold stays.
static atomic_long wrong_registers, registers_checked;

#if defined(__x86_64__)
// long keep_registers(long spins): fills the general registers, the carry flag and the red zone, spins, and returns
// whether one of them has changed.
__asm__(
    ".pushsection .text\n"
    ".type keep_registers, @function\n"
    "keep_registers:\n"
    "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"
    "mov %rdi, %rcx\n"
    "movabs $0x1020304050607081, %rax\n"
    "lea 1(%rax), %rbx\n lea 2(%rax), %rdx\n lea 3(%rax), %rsi\n lea 4(%rax), %rdi\n lea 5(%rax), %rbp\n"
    "lea 8(%rax), %r8\n lea 9(%rax), %r9\n lea 10(%rax), %r10\n lea 11(%rax), %r11\n"
    "lea 12(%rax), %r12\n lea 13(%rax), %r13\n lea 14(%rax), %r14\n lea 15(%rax), %r15\n"
    "mov %rbx, -8(%rsp)\n mov %r15, -64(%rsp)\n mov %r8, -120(%rsp)\n mov %rax, -128(%rsp)\n"
    "stc\n"
    "1: lea -1(%rcx), %rcx\n jrcxz 2f\n jmp 1b\n"
    "2: jnc 3f\n"
    "movabs $0x1020304050607081, %rcx\n cmp %rax, %rcx\n jne 3f\n"
    "lea 1(%rcx), %rax\n cmp %rax, %rbx\n jne 3f\n cmp %rax, -8(%rsp)\n jne 3f\n"
    "inc %rax\n cmp %rax, %rdx\n jne 3f\n inc %rax\n cmp %rax, %rsi\n jne 3f\n"
    "inc %rax\n cmp %rax, %rdi\n jne 3f\n inc %rax\n cmp %rax, %rbp\n jne 3f\n"
    "lea 8(%rcx), %rax\n cmp %rax, %r8\n jne 3f\n cmp %rax, -120(%rsp)\n jne 3f\n"
    "inc %rax\n cmp %rax, %r9\n jne 3f\n inc %rax\n cmp %rax, %r10\n jne 3f\n"
    "inc %rax\n cmp %rax, %r11\n jne 3f\n inc %rax\n cmp %rax, %r12\n jne 3f\n"
    "inc %rax\n cmp %rax, %r13\n jne 3f\n inc %rax\n cmp %rax, %r14\n jne 3f\n"
    "inc %rax\n cmp %rax, %r15\n jne 3f\n cmp %rax, -64(%rsp)\n jne 3f\n"
    "cmp %rcx, -128(%rsp)\n jne 3f\n"
    "xor %eax, %eax\n jmp 4f\n"
    "3: mov $1, %eax\n"
    "4: pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n"
    ".size keep_registers, .-keep_registers\n"
    ".popsection\n");
extern long keep_registers(long spins);

#define EIGHT(m, n) m(n##0) m(n##1) m(n##2) m(n##3) m(n##4) m(n##5) m(n##6) m(n##7)
#define SIXTEEN(m) EIGHT(m, ) m(8) m(9) m(10) m(11) m(12) m(13) m(14) m(15)
#define THIRTY_TWO(m) SIXTEEN(m) m(16) m(17) m(18) m(19) m(20) m(21) m(22) m(23) m(24) m(25) m(26) m(27) m(28) m(29) \
    m(30) m(31)
#define LOAD_X(n) "movdqu 16*" #n "(%1), %%xmm" #n "\n"
#define STORE_X(n) "movdqu %%xmm" #n ", 16*" #n "(%2)\n"
#define LOAD_Y(n) "vmovdqu 32*" #n "(%1), %%ymm" #n "\n"
#define STORE_Y(n) "vmovdqu %%ymm" #n ", 32*" #n "(%2)\n"
#define LOAD_Z(n) "vmovdqu64 64*" #n "(%1), %%zmm" #n "\n"
#define STORE_Z(n) "vmovdqu64 %%zmm" #n ", 64*" #n "(%2)\n"
#define SPIN "1: dec %0\n jnz 1b\n"
#define LOW "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
    "xmm13", "xmm14", "xmm15"

static void spin_x(long spins, const void *from, void *to) {
    __asm__ volatile(SIXTEEN(LOAD_X) SPIN SIXTEEN(STORE_X) : "+r"(spins) : "r"(from), "r"(to) : "memory", "cc", LOW);
}

__attribute__((target("avx"))) static void spin_y(long spins, const void *from, void *to) {
    __asm__ volatile(SIXTEEN(LOAD_Y) SPIN SIXTEEN(STORE_Y) "vzeroupper\n"
            : "+r"(spins) : "r"(from), "r"(to) : "memory", "cc", LOW);
}

__attribute__((target("avx512f"))) static void spin_z(long spins, const void *from, void *to) {
    // The mask registers too: the words behind those of the vectors.
    __asm__ volatile(THIRTY_TWO(LOAD_Z) "kmovw 2048(%1), %%k1\n kmovw 2050(%1), %%k7\n" SPIN THIRTY_TWO(STORE_Z)
            "kmovw %%k1, 2048(%2)\n kmovw %%k7, 2050(%2)\n vzeroupper\n"
            : "+r"(spins) : "r"(from), "r"(to) : "memory", "cc", LOW, "xmm16", "xmm17", "xmm18", "xmm19", "xmm20",
            "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k1",
            "k7");
}

static int registers_change(long spins, unsigned char salt) {
    unsigned char from[2052], to[2052] = {0};
    unsigned control = 0x7f80, control_after;
    long double x87[2];
    for (int i = 0; i < 2052; i++) from[i] = (unsigned char)(i * 7 + salt);
    size_t size;
    // Rounds toward zero, and has two numbers in the registers of the x87.
    __asm__ volatile("ldmxcsr %0\n fldpi\n fldl2e\n" : : "m"(control));
    if (__builtin_cpu_supports("avx512f")) {
        size = 2052;
        spin_z(spins, from, to);
    } else if (__builtin_cpu_supports("avx")) {
        size = 512;
        spin_y(spins, from, to);
    } else {
        size = 256;
        spin_x(spins, from, to);
    }
    __asm__ volatile("fstpt %0\n fstpt %1\n stmxcsr %2\n"
            : "=m"(x87[0]), "=m"(x87[1]), "=m"(control_after));
    control = 0x1f80;
    __asm__ volatile("ldmxcsr %0" : : "m"(control));
    return memcmp(from, to, size) != 0 || (control_after & ~0x3fu) != 0x7f80 || x87[0] != 1.44269504088896340736L
            || x87[1] != 3.14159265358979323851L || keep_registers(spins) != 0;
}
#else
static int registers_change(long spins, unsigned char salt) {
    typedef unsigned vector __attribute__((vector_size(16)));
    vector sums[8] = {{0}};
    unsigned last = 0;
    for (long i = 0; i < spins; i++) {
        for (int j = 0; j < 8; j++) sums[j] = sums[j] * 3 + (unsigned)(i + salt);
        last = last * 3 + (unsigned)(i + salt);
    }
    for (int j = 0; j < 8; j++)
        for (int k = 0; k < 4; k++)
            if (sums[j][k] != last) return 1;
    return 0;
}
#endif

// A thread for each answer: the signals with handlers come to those that don't block them, on a stack of its own.
static void *keep_values(void *handles_signals) {
    unsigned random = 3 + (unsigned)(uintptr_t)handles_signals;
    prctl(PR_SET_NAME, "registers");
    if (handles_signals) {
        stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
        sigset_t set;
        if (sigaltstack(&stack, NULL)) die("sigaltstack");
        sigemptyset(&set);
        sigaddset(&set, SIGRTMIN + 1);
        sigaddset(&set, SIGRTMIN + 2);
        pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    }
    for (;;) {
        for (int i = 0; i < 4; i++) {
            if (registers_change(5000 + rand_r(&random) % 50000, (unsigned char)random)) wrong_registers++;
            registers_checked++;
        }
        usleep(1000);
    }
}

// A sleep that a stop interrupts goes on with the rest: it is never shorter than it should be.
static atomic_long short_sleeps;

static void *sleep_whole(void *argument) {
    unsigned random = 5;
    prctl(PR_SET_NAME, "sleeper");
    for (;;) {
        struct timespec before, after, ts = {0, (1 + rand_r(&random) % 20) * MS};
        clock_gettime(CLOCK_MONOTONIC, &before);
        int result = nanosleep(&ts, NULL);
        clock_gettime(CLOCK_MONOTONIC, &after);
        long slept = (after.tv_sec - before.tv_sec) * 1000 * MS + after.tv_nsec - before.tv_nsec;
        if (result || slept < ts.tv_nsec) short_sleeps++;
    }
}

// Mutexes: one that lends its priority, and one that tells of an owner that has ended, in memory that children share.
static pthread_mutex_t lending, *robust;
static long guarded[2], guarded_robust[2];
static atomic_long wrong_mutexes, owners_died;

static void *share_mutexes(void *argument) {
    unsigned random = (unsigned)(uintptr_t)argument;
    prctl(PR_SET_NAME, "mutexes");
    for (;;) {
        for (int i = 0; i < 50; i++) {
            if (pthread_mutex_lock(&lending)) wrong_mutexes++;
            if (guarded[0]++ != guarded[1]) wrong_mutexes++;
            for (volatile int j = rand_r(&random) % 2000; j > 0; j--) {}
            guarded[1]++;
            if (pthread_mutex_unlock(&lending)) wrong_mutexes++;
        }
        int locked = pthread_mutex_lock(robust);
        if (locked == EOWNERDEAD) {
            owners_died++;
            if (pthread_mutex_consistent(robust)) wrong_mutexes++;
        } else if (locked) {
            wrong_mutexes++;
        }
        if (guarded_robust[0]++ != guarded_robust[1]++) wrong_mutexes++;
        if (pthread_mutex_unlock(robust)) wrong_mutexes++;
        usleep(500);
    }
}

static atomic_long owners_ended;

static void *end_as_owner(void *argument) {
    int locked = pthread_mutex_lock(robust);
    if (locked == EOWNERDEAD) {
        owners_died++;
        pthread_mutex_consistent(robust);
    } else if (locked) {
        wrong_mutexes++;
    }
    owners_ended++;
    return NULL;
}

static void *make_owners(void *argument) {
    prctl(PR_SET_NAME, "owners");
    for (;;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, end_as_owner, NULL)) die("pthread_create");
        pthread_join(thread, NULL);
        usleep(3000);
    }
}

static void make_mutexes(void) {
    pthread_mutexattr_t kind;
    robust = mmap(NULL, sizeof *robust, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (robust == MAP_FAILED) die("mmap");
    pthread_mutexattr_init(&kind);
    if (pthread_mutexattr_setprotocol(&kind, PTHREAD_PRIO_INHERIT) || pthread_mutex_init(&lending, &kind)) die("mutex");
    pthread_mutexattr_init(&kind);
    pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED);
    if (pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST) || pthread_mutex_init(robust, &kind)) die("mutex");
}

// Messages: one thread sends numbers, and for each way another thread waits for them, which must come one by one.
struct way {
    const char *name;
    void (*open)(struct way *);
    void (*send)(struct way *, long);
    long (*receive)(struct way *);
    int fds[2];
    _Atomic uint32_t word;
    pthread_t receiver;
    atomic_long sent, got, wrong, eintr;
};

static void open_pipe(struct way *way) {
    if (pipe(way->fds)) die("pipe");
}

static void send_pipe(struct way *way, long number) {
    if (write(way->fds[1], &number, sizeof number) != sizeof number) die("write");
}

static long receive_read(struct way *way) {
    long number;
    ssize_t size = read(way->fds[0], &number, sizeof number);
    return size == sizeof number ? number : -1;
}

static long receive_poll(struct way *way) {
    struct pollfd one = {way->fds[0], POLLIN, 0};
    int ready = poll(&one, 1, 100000);
    if (ready < 0) return -1;
    return ready == 1 ? receive_read(way) : -2;
}

static long receive_epoll(struct way *way) {
    struct epoll_event event = {.events = EPOLLIN};
    if (!way->word) {
        int fd = epoll_create1(0);
        if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, way->fds[0], &event)) die("epoll");
        way->word = fd;
    }
    int ready = epoll_wait(way->word, &event, 1, 100000);
    if (ready < 0) return -1;
    return ready == 1 ? receive_read(way) : -2;
}

static void open_socket(struct way *way) {
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, way->fds)) die("socketpair");
    timeout_of(way->fds[0], SO_RCVTIMEO, 100000);
}

static long receive_recv(struct way *way) {
    long number;
    ssize_t size = recv(way->fds[0], &number, sizeof number, 0);
    return size == sizeof number ? number : -1;
}

static struct sockaddr_un door;
static socklen_t door_length = sizeof door;

static void open_door(struct way *way) {
    way->fds[0] = socket(AF_UNIX, SOCK_STREAM, 0);
    door.sun_family = AF_UNIX;
    if (bind(way->fds[0], (void *)&door, sizeof door.sun_family) || listen(way->fds[0], 200)
            || getsockname(way->fds[0], (void *)&door, &door_length)) die("listen");
}

static void send_connect(struct way *way, long number) {
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (void *)&door, door_length) || write(fd, &number, sizeof number) != sizeof number)
        die("connect");
    close(fd);
}

static long receive_accept(struct way *way) {
    long number;
    int fd = accept(way->fds[0], NULL, NULL);
    if (fd < 0) return -1;
    ssize_t size = read(fd, &number, sizeof number);
    close(fd);
    return size == sizeof number ? number : -2;
}

static void open_nothing(struct way *way) {}

static void send_futex(struct way *way, long number) {
    way->word = (uint32_t)number;
    syscall(SYS_futex, &way->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static long receive_futex(struct way *way) {
    uint32_t last = (uint32_t)way->got;
    while (way->word == last)
        if (syscall(SYS_futex, &way->word, FUTEX_WAIT_PRIVATE, last, NULL, NULL, 0) && errno != EAGAIN) return -1;
    return way->word;
}

static void send_queued(struct way *way, long number) {
    union sigval value = {.sival_int = (int)number};
    // Not before it waits with these signals blocked, and it waits only once it is started.
    while (pthread_sigqueue(way->receiver, SIGRTMIN + 8, value)) usleep(1000);
}

static long receive_sigtimedwait(struct way *way) {
    sigset_t set;
    siginfo_t info;
    struct timespec ts = {100, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN + 8);
    return sigtimedwait(&set, &info, &ts) < 0 ? -1 : info.si_value.sival_int;
}

// A read that is in flight in a ring all the while; where the kernel forbids rings, an ordinary one.
static struct { int fd; unsigned char *sq, *cq; struct io_uring_sqe *entries; struct io_uring_params params; } ring;

static void open_ring(struct way *way) {
    open_pipe(way);
    ring.fd = syscall(SYS_io_uring_setup, 2, &ring.params);
    if (ring.fd < 0) return;
    ring.sq = mmap(NULL, ring.params.sq_off.array + ring.params.sq_entries * sizeof(uint32_t), PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQ_RING);
    ring.cq = mmap(NULL, ring.params.cq_off.cqes + ring.params.cq_entries * sizeof(struct io_uring_cqe),
            PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_CQ_RING);
    ring.entries = mmap(NULL, ring.params.sq_entries * sizeof(struct io_uring_sqe), PROT_READ | PROT_WRITE,
            MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQES);
    if (ring.sq == MAP_FAILED || ring.cq == MAP_FAILED || ring.entries == MAP_FAILED) die("mmap of a ring");
}

static long receive_ring(struct way *way) {
    static long number;
    if (ring.fd < 0) return receive_read(way);
    _Atomic uint32_t *tail = (void *)(ring.sq + ring.params.sq_off.tail);
    _Atomic uint32_t *head = (void *)(ring.cq + ring.params.cq_off.head);
    _Atomic uint32_t *end = (void *)(ring.cq + ring.params.cq_off.tail);
    uint32_t mask = *(uint32_t *)(ring.sq + ring.params.sq_off.ring_mask);
    uint32_t index = *tail & mask;
    ring.entries[index] = (struct io_uring_sqe){.opcode = IORING_OP_READ, .fd = way->fds[0], .addr = (uintptr_t)&number,
            .len = sizeof number, .off = (uint64_t)-1};
    ((uint32_t *)(ring.sq + ring.params.sq_off.array))[index] = index;
    *tail = *tail + 1;
    long submit = 1;
    while (*head == *end) {
        if (syscall(SYS_io_uring_enter, ring.fd, submit, 1, IORING_ENTER_GETEVENTS, NULL, 0L) < 0) way->eintr++;
        submit = 0;
    }
    struct io_uring_cqe *done = (void *)(ring.cq + ring.params.cq_off.cqes);
    int size = done[*head & *(uint32_t *)(ring.cq + ring.params.cq_off.ring_mask)].res;
    *head = *head + 1;
    return size == sizeof number ? number : -2;
}

static struct way ways[] = {
    {"pipe", open_pipe, send_pipe, receive_read}, {"poll", open_pipe, send_pipe, receive_poll},
    {"epoll", open_pipe, send_pipe, receive_epoll}, {"recv", open_socket, send_pipe, receive_recv},
    {"accept", open_door, send_connect, receive_accept}, {"futex", open_nothing, send_futex, receive_futex},
    {"sigtimedwait", open_nothing, send_queued, receive_sigtimedwait}, {"ring", open_ring, send_pipe, receive_ring},
};
#define WAYS (int)(sizeof ways / sizeof ways[0])

static void *receive_messages(void *argument) {
    struct way *way = argument;
    prctl(PR_SET_NAME, way->name);
    for (;;) {
        errno = 0;
        long number = way->receive(way);
        if (number == -1 && errno == EINTR) {
            way->eintr++;
        } else {
            if (number != way->got + 1) way->wrong++;
            way->got++;
        }
    }
}

static void *send_messages(void *argument) {
    unsigned random = 9;
    prctl(PR_SET_NAME, "messages");
    for (;;) {
        for (int i = 0; i < WAYS; i++) {
            struct way *way = &ways[i];
            // A futex has one number at a time.
            if (way->sent - way->got < (way->send == send_futex ? 1 : 50) && rand_r(&random) % 3) {
                long number = way->sent + 1;
                way->sent = number;
                way->send(way, number);
            }
        }
        usleep(1000);
    }
}

static void start(void *(*run)(void *), void *argument) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, argument)) die("pthread_create");
}

int main(void) {
    int in[2], out[2];
    pid_t self = getpid();
    if (pipe(in) || pipe(out)) die("pipe");
    // What is left behind when it is killed goes with its namespace. Without the right to have one, it stays.
    if (unshare(CLONE_NEWIPC) && errno != EPERM) die("unshare");
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    action.sa_sigaction = on_queued;
    sigaction(SIGRTMIN + 1, &action, NULL);
    action.sa_sigaction = on_timer;
    sigaction(SIGRTMIN + 2, &action, NULL);
    sender = fork();
    if (sender == 0) {
        close(in[1]);
        close(out[0]);
        // Not before all threads are there: while this program's first thread makes another it blocks all signals, so
        // that the kernel does not drop them, and they would interrupt a thread that does not block them.
        char go;
        if (read(in[0], &go, 1) != 1) _exit(0);
        send_signals(in[0], out[1], self);
    }
    to_sender = in[1];
    from_sender = out[0];

    // Everything is blocked in the workers but what nobody handles and the kernel drops.
    sigset_t set;
    sigfillset(&set);
    sigdelset(&set, SIGCHLD);
    sigdelset(&set, SIGURG);
    sigdelset(&set, SIGWINCH);
    sigprocmask(SIG_SETMASK, &set, NULL);

    semaphores = semget(IPC_PRIVATE, 1, 0600);
    if (semaphores < 0) die("semget");
    int full = socket(AF_UNIX, SOCK_STREAM, 0);
    name.sun_family = AF_UNIX;
    name_length = sizeof name;
    if (bind(full, (void *)&name, sizeof name.sun_family) || listen(full, 0)
            || getsockname(full, (void *)&name, &name_length)) die("bind");
    int first = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(first, (void *)&name, name_length)) die("connect");

    for (int i = 0; i < WORKERS; i++) start(work, &workers[i]);
    start(receive, NULL);
    start(receive, NULL);
    start(keep_ledger, (void *)1);
    start(keep_ledger, (void *)2);
    start(make_threads, NULL);
    make_mutexes();
    for (uintptr_t i = 1; i <= 3; i++) start(share_mutexes, (void *)i);
    start(make_owners, NULL);
    for (uintptr_t i = 0; i < 2; i++) start(keep_values, (void *)i);
    start(sleep_whole, NULL);
    for (int i = 0; i < WAYS; i++) {
        ways[i].open(&ways[i]);
        if (pthread_create(&ways[i].receiver, NULL, receive_messages, &ways[i])) die("pthread_create");
    }
    start(send_messages, NULL);
    for (uintptr_t i = 0; i < 2; i++) start(make_children, (void *)i);
    start(wait_for_children, NULL);

    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2};
    if (timer_create(CLOCK_MONOTONIC, &event, &timer)) die("timer_create");
    struct itimerspec each_ms = {{0, MS}, {0, MS}};
    timer_settime(timer, 0, &each_ms, NULL);
    if (write(to_sender, "!", 1) != 1) die("sender");

    printf("ready\n");
    fflush(stdout);
    char line[100];
    while (fgets(line, sizeof line, stdin)) {
        long sent[2];
        if (write(to_sender, "?", 1) != 1 || read(from_sender, sent, sizeof sent) != sizeof sent) die("sender");
        // What was queued comes within moments.
        for (int i = 0; i < 100000 && received < sent[0]; i++) usleep(1000);
        // A lost signal of the timer would silence it for good.
        long expired = expirations;
        for (int i = 0; i < 100000 && expirations == expired; i++) usleep(1000);
        int silent = expirations == expired;
        char text[4000] = "";
        long wrong = blocks_bad + wrong_registers + short_sleeps + wrong_mutexes;
        if (wrong) sprintf(text, " blocks %ld, registers %ld, short sleeps %ld, mutexes %ld;", blocks_bad,
                wrong_registers, short_sleeps, wrong_mutexes);
        long interrupted = 0, odd = 0, messages = 0;
        for (int i = 0; i < WORKERS; i++) {
            interrupted += workers[i].eintr;
            odd += workers[i].odd;
            if (workers[i].eintr || workers[i].odd)
                sprintf(text + strlen(text), " %s: %ld EINTR, %ld other;", workers[i].name, workers[i].eintr,
                        workers[i].odd);
        }
        for (int i = 0; i < WAYS; i++) {
            struct way *way = &ways[i];
            long due = way->sent;
            for (int j = 0; j < 100000 && way->got < due; j++) usleep(1000);
            long lost = way->got < due ? due - way->got : 0;
            interrupted += way->eintr;
            wrong += way->wrong + lost;
            messages += way->got;
            if (way->eintr || way->wrong || lost)
                sprintf(text + strlen(text), " by %s: %ld EINTR, %ld wrong, %ld of %ld lost;", way->name, way->eintr,
                        way->wrong, lost, due);
        }
        // The last one that has ended as the owner is not found dead before somebody asks for the mutex.
        if (owners_died > owners_ended) wrong++;
        int bad = received != sent[0] || received_sum != sent[1] || silent || wrong || interrupted || odd
                || children_strange;
        printf("%s: signals %ld of %ld, values %ld of %ld, timer %s, EINTR %ld, other errors %ld, wrong %ld, "
               "strange children %ld; %ld blocks, %ld registers, %ld messages, %ld threads, %ld children, %ld dead "
               "owners;%s\n",
                bad ? "bad" : "ok", received, sent[0], received_sum, sent[1], silent ? "silent" : "runs", interrupted,
                odd, wrong, children_strange, blocks_checked, registers_checked, messages, threads_made, children_made,
                owners_died, text);
        fflush(stdout);
        if (write(to_sender, "!", 1) != 1) die("sender");
    }
    ending = 1;
    kill(sender, SIGKILL);
    semctl(semaphores, 0, IPC_RMID);
    return 0;
}
