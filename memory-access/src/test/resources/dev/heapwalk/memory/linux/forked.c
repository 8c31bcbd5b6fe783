// SPDX-License-Identifier: Apache-2.0
// What can stand in the way of a fork that somebody else makes, and what a copy lacks. Prints addresses, then "ready".
//
//   forked counts      counts on in a word that is in memory of its own, and another one that is shared
//   forked lacks       has a page that its children don't have, and one that is zeros in them
//   forked drops       has a page that the kernel may drop, as the C library has since glibc 2.41; "0" if there is none
//   forked filter      has a filter of system calls as Docker's: all that is not listed fails
//   forked noclone     has one that forbids clone
//   forked coroutine   runs on a small stack in the heap
//   forked vfork       waits for a child that it has made by vfork
//   forked vforks      has a thread that makes such children one after the other, each of which sleeps for 20 ms
//   forked exec        runs another program when it is told to, and itself again
//   forked closes      closes a pipe when it is told to
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

static void ready(void) {
    printf("ready\n");
    fflush(stdout);
}

static void *make_children(void *unused) {
    (void)unused;
    while (1) {
        pid_t child = vfork();
        if (child == 0) {
            usleep(20000);
            _exit(0);
        }
        waitpid(child, NULL, 0);
    }
    return NULL;
}

static void filter(int clone) {
    // The order of Docker's: the processor, the allowed calls, clone without namespaces, and else an error.
    static const int allowed[] = {
        SYS_read, SYS_write, SYS_close, SYS_poll, SYS_mmap, SYS_munmap, SYS_brk, SYS_rt_sigaction, SYS_rt_sigprocmask,
        SYS_rt_sigreturn, SYS_nanosleep, SYS_clock_nanosleep, SYS_wait4, SYS_exit, SYS_exit_group, SYS_rt_sigtimedwait,
        SYS_futex, SYS_prctl, SYS_restart_syscall, SYS_pause, SYS_fstat, SYS_newfstatat,
    };
    struct sock_filter code[80];
    int n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
    code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    if (clone) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]));
        code[n++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x7e020000);
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    }
    // A program that has no such filter would see an error where this one ends.
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
    struct sock_fprog program = {(unsigned short)n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) exit(3);
}

static char line[100];

// Answers each line.
static void answer(void) {
    ready();
    while (fgets(line, sizeof line, stdin)) {
        printf("ok\n");
        fflush(stdout);
    }
}

static void *count(void *words) {
    volatile long *own = ((volatile long **)words)[0], *shared = ((volatile long **)words)[1];
    for (;;) {
        ++*own;
        ++*shared;
    }
}

int main(int argc, char **argv) {
    const char *what = argv[argc - 1];
    size_t page = 4096;
    char *pages = mmap(NULL, 8 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(pages, 7, 8 * page);
    if (!strcmp(what, "counts")) {
        static long *words[2];
        words[0] = (long *)pages;
        words[1] = (long *)shared;
        memset(pages, 0, 8 * page);
        pthread_t thread;
        if (pthread_create(&thread, NULL, count, words)) return 1;
        printf("%lx\n%lx\n", (long)pages, (long)shared);
    } else if (!strcmp(what, "lacks")) {
        madvise(pages + 2 * page, page, MADV_DONTFORK);
        madvise(pages + 4 * page, page, MADV_WIPEONFORK);
        printf("%lx\n", (long)pages);
    } else if (!strcmp(what, "drops")) {
        // MAP_DROPPABLE, of Linux 6.11, which headers may not know.
        char *drops = mmap(NULL, page, PROT_READ | PROT_WRITE, 0x8 | MAP_ANONYMOUS, -1, 0);
        if (drops != MAP_FAILED) *drops = 1;
        printf("%lx\n", drops == MAP_FAILED ? 0 : (long)drops);
    } else if (!strcmp(what, "filter") || !strcmp(what, "noclone")) {
        printf("%lx\n", (long)pages);
        fflush(stdout);
        filter(!strcmp(what, "filter"));
    } else if (!strcmp(what, "coroutine")) {
        static ucontext_t back, there;
        getcontext(&there);
        there.uc_stack.ss_sp = malloc(1 << 16);
        there.uc_stack.ss_size = 1 << 16;
        there.uc_link = &back;
        makecontext(&there, answer, 0);
        swapcontext(&back, &there);
        return 0;
    } else if (!strcmp(what, "vfork")) {
        ready();
        if (vfork() == 0) {
            char byte;
            while (read(0, &byte, 1) == 1 && byte != '\n') {}
            _exit(0);
        }
    } else if (!strcmp(what, "vforks")) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, make_children, NULL)) return 1;
    } else if (!strcmp(what, "exec")) {
        ready();
        while (fgets(line, sizeof line, stdin) && line[0] != 'e') {}
        execv("/proc/self/exe", (char *[]){argv[0], "lacks", NULL});
    } else if (!strcmp(what, "closes")) {
        int fds[2];
        if (pipe(fds)) return 1;
        ready();
        if (!fgets(line, sizeof line, stdin)) return 0;
        close(fds[1]);
        char byte;
        printf("end %zd\n", read(fds[0], &byte, 1));
        fflush(stdout);
    }
    answer();
    return 0;
}
