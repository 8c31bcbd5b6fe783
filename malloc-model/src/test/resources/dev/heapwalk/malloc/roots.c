// SPDX-License-Identifier: Apache-2.0
// Keeps a ledger of blocks, each of which is held by one place alone, and tells what each of them is held by.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define KEEP __attribute__((noinline, noclone))
#define MASK 0x5555555555555555UL
#define SIZE 200

// Blocks by case, changed so that no word looks like a pointer.
static uintptr_t hidden[64];
static pthread_barrier_t barrier;

static KEEP void make(int number, const char *name)
{
    char *block = malloc(SIZE);
    memset(block, 'a' + number % 26, SIZE);
    hidden[number] = (uintptr_t)block ^ MASK;
    printf("%s %lx\n", name, (unsigned long)hidden[number]);
}

static KEEP void *take(int number)
{
    void *block = (void *)(hidden[number] ^ MASK);
    hidden[number] = 0;
    return block;
}

// Overwrites what calls have left on the stack below.
static KEEP void clean(void)
{
    volatile char room[16384];
    for (size_t i = 0; i < sizeof(room); i++)
        room[i] = 0;
}

static KEEP void wait_for_ever(void)
{
    clean();
    pthread_barrier_wait(&barrier);
    for (;;)
        pause();
}

void *held_by_variable;
char *held_interior;
char *held_past_end;
uintptr_t held_changed;
__thread void *held_by_thread_local;
static pthread_key_t low_key, high_key;
static void *(*touch)(void *);

static KEEP void holder_frame(int number)
{
    void *volatile held[2] = {take(number), NULL};
    wait_for_ever();
    held[1] = held[0];
}

static void *in_frame(void *none)
{
    holder_frame(3);
    return none;
}

static void *in_register(void *none)
{
    void *block = take(4);
    clean();
    pthread_barrier_wait(&barrier);
    register void *held asm("rbx") = block;
    block = NULL;
    asm volatile("xor %%eax, %%eax\n xor %%ecx, %%ecx\n xor %%edx, %%edx\n xor %%esi, %%esi\n xor %%edi, %%edi\n"
                 "xor %%r8d, %%r8d\n xor %%r9d, %%r9d\n xor %%r10d, %%r10d\n xor %%r11d, %%r11d\n"
                 "xor %%r12d, %%r12d\n xor %%r13d, %%r13d\n xor %%r14d, %%r14d\n xor %%r15d, %%r15d\n"
                 // What calls have left in the red zone.
                 "mov $128, %%ecx\n 2: mov %%rax, -8(%%rsp)\n sub $8, %%rsp\n sub $8, %%ecx\n jnz 2b\n add $128, %%rsp\n"
                 "1: pause\n jmp 1b\n"
                 : "+r"(held)
                 :
                 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
    return none;
}

static void *in_red_zone(void *none)
{
    void *block = take(5);
    clean();
    pthread_barrier_wait(&barrier);
    register void *held asm("rbx") = block;
    asm volatile("mov %%rbx, -96(%%rsp)\n xor %%ebx, %%ebx\n"
                 "xor %%eax, %%eax\n xor %%ecx, %%ecx\n xor %%edx, %%edx\n xor %%esi, %%esi\n xor %%edi, %%edi\n"
                 "xor %%r8d, %%r8d\n xor %%r9d, %%r9d\n xor %%r10d, %%r10d\n xor %%r11d, %%r11d\n"
                 "xor %%r12d, %%r12d\n xor %%r13d, %%r13d\n xor %%r14d, %%r14d\n xor %%r15d, %%r15d\n"
                 "1: pause\n jmp 1b\n"
                 : "+r"(held)
                 :
                 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
    return none;
}

static void *in_thread_local(void *none)
{
    held_by_thread_local = take(6);
    wait_for_ever();
    return none;
}

static void *in_low_key(void *none)
{
    pthread_setspecific(low_key, take(7));
    wait_for_ever();
    return none;
}

static void *in_high_key(void *none)
{
    pthread_setspecific(high_key, take(8));
    wait_for_ever();
    return none;
}

static void *in_library(void *none)
{
    touch(take(9));
    wait_for_ever();
    return none;
}

static KEEP void handler_frame(void)
{
    void *volatile held[2] = {take(10), NULL};
    wait_for_ever();
    held[1] = held[0];
}

static void on_signal(int number)
{
    (void)number;
    handler_frame();
}

static KEEP void interrupted_frame(void)
{
    void *volatile held[2] = {take(11), NULL};
    clean();
    raise(SIGUSR1);
    held[1] = held[0];
}

static void *on_other_stack(void *none)
{
    size_t size = 1 << 16;
    stack_t other = {.ss_size = size};
    other.ss_sp = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    sigaltstack(&other, NULL);
    interrupted_frame();
    return none;
}

static ucontext_t native, coroutine_one, coroutine_two;

static KEEP void suspended_frame(void)
{
    void *volatile held[2] = {take(12), NULL};
    clean();
    swapcontext(&coroutine_one, &native);
    held[1] = held[0];
}

static KEEP void running_frame(void)
{
    void *volatile held[2] = {take(14), NULL};
    wait_for_ever();
    held[1] = held[0];
}

static void start(ucontext_t *context, void (*function)(void))
{
    size_t size = 1 << 16;
    getcontext(context);
    context->uc_stack.ss_sp = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    context->uc_stack.ss_size = size;
    context->uc_link = &native;
    makecontext(context, function, 0);
    swapcontext(&native, context);
}

static KEEP void left_frame(void)
{
    void *volatile held[2] = {take(13), NULL};
    start(&coroutine_two, running_frame);
    held[1] = held[0];
}

static void *with_coroutines(void *none)
{
    start(&coroutine_one, suspended_frame);
    clean();
    left_frame();
    return none;
}

static KEEP void *ends(void *none)
{
    void *volatile held[100];
    void *block = take(15);
    for (int i = 0; i < 100; i++)
        held[i] = block;
    held[99] = held[0];
    return none;
}

static void at_exit(int status, void *block)
{
    (void)status;
    (void)block;
}

int main(int count, char **arguments)
{
    static void *(*const threads[])(void *) = {in_frame, in_register, in_red_zone, in_thread_local, in_low_key,
                                               in_high_key, in_library, on_other_stack, with_coroutines};
    static const char *const names[] = {
        "variable", "interior", "past-end", "frame", "register", "red-zone", "thread-local", "low-key", "high-key",
        "library-thread-local", "handler", "interrupted", "suspended-coroutine", "left-stack", "running-coroutine",
        "ended-thread", "exit-list", "private-mapping", "shared-mapping", "changed", "lost", "copied-variable"};
    int cases = sizeof(names) / sizeof(*names);
    pthread_t thread;
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    pthread_barrier_init(&barrier, NULL, sizeof(threads) / sizeof(*threads) + 1);
    for (int i = 0; i < cases; i++)
        make(i, names[i]);
    for (int i = 0; i < 40; i++)
        pthread_key_create(i == 5 ? &low_key : &high_key, NULL);
    void *library = count > 1 ? dlopen(arguments[1], RTLD_NOW) : NULL;
    if (library == NULL) {
        puts(dlerror());
        return 1;
    }
    touch = (void *(*)(void *))dlsym(library, "touch");
    printf("dlopened %lx\n", (unsigned long)((uintptr_t)library ^ MASK));
    library = NULL;
    held_by_variable = take(0);
    held_interior = (char *)take(1) + 100;
    held_past_end = (char *)take(2) + SIZE;
    on_exit(at_exit, take(16));
    void **mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mapped[7] = take(17);
    mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    mapped[7] = take(18);
    held_changed = (uintptr_t)take(19) ^ 0x1111111111111111UL;
    take(20);
    program_invocation_short_name = take(21);
    pthread_create(&thread, NULL, ends, NULL);
    pthread_join(thread, NULL);
    // Not on the stack that the ended one has left.
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16 << 20);
    for (size_t i = 0; i < sizeof(threads) / sizeof(*threads); i++)
        pthread_create(&thread, &attributes, threads[i], NULL);
    clean();
    pthread_barrier_wait(&barrier);
    usleep(100000);
    clean();
    puts("ready");
    fflush(stdout);
    char c;
    while (read(0, &c, 1) > 0)
        ;
    return 0;
}
