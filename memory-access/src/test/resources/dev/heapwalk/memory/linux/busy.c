// SPDX-License-Identifier: Apache-2.0
// A program that is always in the middle of something, and that notices everything a reader could do wrong: an EINTR in
// a thread that has no signal to handle, a signal that is lost, memory that changes, a timer that is late for good.
// After "ready" it answers each line "check" with "ok ..." or "bad ..."; at the end of its input it ends.
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

static void die(const char *what) {
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
        for (int i = 0; i < 200000; i++) x = x * 6364136223846793005ul + 1;
        usleep(500);
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
        ledger_rounds(2000, &random);
        usleep(1000);
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
        usleep(500);
    }
}

// Children that end, so that SIGCHLD, which nobody handles, is always about.
static void *make_children(void *argument) {
    prctl(PR_SET_NAME, "children");
    for (;;) {
        pid_t child = fork();
        if (child == 0) _exit(7);
        int status;
        pid_t got = waitpid(child, &status, 0);
        if (got != child || WEXITSTATUS(status) != 7) die("waitpid");
        usleep(2000);
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
    struct sigaction action = {.sa_flags = SA_SIGINFO};
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
    start(make_children, NULL);
    start(make_children, NULL);

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
        int bad = 0;
        long sent[2];
        if (write(to_sender, "?", 1) != 1 || read(from_sender, sent, sizeof sent) != sizeof sent) die("sender");
        // What was queued comes within moments.
        for (int i = 0; i < 100000 && received != sent[0]; i++) usleep(1000);
        // A lost signal of the timer would silence it for good.
        long expired = expirations;
        for (int i = 0; i < 100000 && expirations == expired; i++) usleep(1000);
        int silent = expirations == expired;
        bad |= received != sent[0] || received_sum != sent[1] || blocks_bad || silent;
        char text[2000] = "";
        for (int i = 0; i < WORKERS; i++)
            if (workers[i].eintr || workers[i].odd) {
                bad = 1;
                snprintf(text + strlen(text), sizeof text - strlen(text), " %s: %ld EINTR, %ld other", workers[i].name,
                        workers[i].eintr, workers[i].odd);
            }
        printf("%s signals %ld of %ld, values %ld of %ld, timer %s, blocks %ld, bad %ld, threads %ld;%s\n",
                bad ? "bad" : "ok", received, sent[0], received_sum, sent[1], silent ? "silent" : "runs", blocks_checked,
                blocks_bad, threads_made, text);
        fflush(stdout);
        if (write(to_sender, "!", 1) != 1) die("sender");
    }
    kill(sender, SIGKILL);
    semctl(semaphores, 0, IPC_RMID);
    return 0;
}
