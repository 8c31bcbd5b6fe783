// Has the C library make what it keeps in blocks, and tells where each lies, one a line: its category, and its address.
#include <dirent.h>
#include <dlfcn.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <wchar.h>

static char *heap;

static void tell(const char *what, const void *where) {
    printf("%s %p\n", what, where);
}

/** Only what lies in the heap is a block. */
static void tell_block(const char *what, const void *where) {
    if ((char *) where >= heap && (char *) where < (char *) sbrk(0)) {
        tell(what, where);
    }
}

static void at_exit(void) {}

static pthread_barrier_t barrier;

static void *uses_variables(void *library) {
    char *(*variable)(void) = (char *(*) (void) ) dlsym(library, "variable");
    tell("libc_thread-local_storage_block_of_a_module", variable());
    pthread_barrier_wait(&barrier);
    pause();
    return NULL;
}

int main(int count, char **arguments) {
    heap = sbrk(0);
    for (int i = 0; i < 5; i++) {
        FILE *file = fopen("/etc/passwd", "r");
        ungetc(getc(file), file);
        tell("libc_stdio_FILE", file);
        tell("libc_stdio_buffer", file->_IO_buf_base);
    }
    FILE *wide = fopen("/etc/passwd", "r");
    fwide(wide, 1);
    getwc(wide);
    tell("libc_stdio_FILE", wide);
    for (int i = 0; i < 3; i++) {
        DIR *folder = opendir("/usr/bin");
        for (int j = 0; j < 100 * i; j++) readdir(folder);
        tell("libc_DIR", folder);
    }
    if (setlocale(LC_ALL, "C.UTF-8") == NULL) return 1;
    for (int i = 0; i < 3; i++) {
        locale_t locale = newlocale(LC_ALL_MASK, "C.UTF-8", NULL);
        tell("libc_locale_locale_t", locale);
        tell_block("libc_locale_data", *(void **) locale);
    }
    for (int i = 0; i < 80; i++) atexit(at_exit);
    const char *addresses[] = {"127.0.0.1", "::1", "192.0.2.1"};
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM};
    for (int i = 0; i < 3; i++) {
        struct addrinfo *info;
        if (getaddrinfo(addresses[i], "80", &hints, &info) != 0) return 1;
        tell("libc_addrinfo", info);
    }
    // What is as large as some of them.
    for (int size = 16; size < 40000; size += size < 300 ? 8 : 424) {
        for (int i = 0; i < 3; i++) {
            void *other = malloc((size_t) size);
            memset(other, i == 0 ? 0 : i == 1 ? 1 : 0xff, (size_t) size);
            tell("other", other);
        }
    }
    pthread_t thread;
    void *library = dlopen(arguments[count - 1], RTLD_NOW);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return 1;
    }
    tell("libc_dynamic_linker_link_map", library);
    pthread_barrier_init(&barrier, NULL, 3);
    for (int i = 0; i < 2; i++) pthread_create(&thread, NULL, uses_variables, library);
    pthread_barrier_wait(&barrier);
    printf("pid %d\nREADY\n", (int) getpid());
    fflush(stdout);
    pause();
}
