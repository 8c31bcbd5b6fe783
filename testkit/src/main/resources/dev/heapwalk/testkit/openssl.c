// Connects clients with servers in one process, without certificates, and tells each structure of OpenSSL that it has:
// its category and its address, one a line.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *library;

static void *function(const char *name) {
    void *found = dlsym(library, name);
    if (found == NULL) {
        fprintf(stderr, "no %s\n", name);
        exit(1);
    }
    return found;
}

// What the library has allocated, and in which of its files.
static struct block {
    void *address;
    size_t size;
    const char *file;
} blocks[1 << 15];
static int count;

static void forget(void *address) {
    for (int i = count - 1; i >= 0; i--) {
        if (blocks[i].address == address) {
            blocks[i] = blocks[--count];
            return;
        }
    }
}

static void *noted(void *address, size_t size, const char *file) {
    if (address != NULL && count < 1 << 15) blocks[count++] = (struct block) {address, size, file == NULL ? "" : file};
    return address;
}

static void *make(size_t size, const char *file, int line) {
    (void) line;
    return size == 0 ? NULL : noted(malloc(size), size, file);
}

static void discard(void *address, const char *file, int line) {
    (void) file, (void) line;
    forget(address);
    free(address);
}

static void *resize(void *address, size_t size, const char *file, int line) {
    if (size == 0) {
        discard(address, file, line);
        return NULL;
    }
    forget(address);
    return noted(realloc(address, size), size, file);
}

// The only blocks of a kilobyte and more that the library allocates in these files.
static void tell_records(void) {
    for (int i = 0; i < count; i++) {
        int new = strstr(blocks[i].file, "ssl/record/methods/") != NULL;
        if (blocks[i].size > 8000 && (new || strstr(blocks[i].file, "ssl3_buffer.c") != NULL)) {
            printf("openssl_SSL_record_buffer %p\n", blocks[i].address);
        } else if (blocks[i].size > 1000 && new) {
            printf("openssl_SSL_record_layer %p\n", blocks[i].address);
        }
    }
}

#define USE(result, name, arguments) result(*name) arguments = (result(*) arguments) function(#name)

int main(void) {
    library = dlopen("libcrypto.so.3", RTLD_NOW);
    if (library == NULL) library = dlopen("libcrypto.so.1.1", RTLD_NOW);
    if (library == NULL) return 1;
    USE(int, CRYPTO_set_mem_functions, (void *, void *, void *) );
    if (CRYPTO_set_mem_functions(make, resize, discard) != 1) return 1;
    library = dlopen("libssl.so.3", RTLD_NOW);
    if (library == NULL) library = dlopen("libssl.so.1.1", RTLD_NOW);
    if (library == NULL) return 1;
    USE(void *, TLS_method, (void) );
    USE(void *, SSL_CTX_new, (void *) );
    USE(void, SSL_CTX_free, (void *) );
    USE(long, SSL_CTX_ctrl, (void *, int, long, void *) );
    USE(int, SSL_CTX_set_cipher_list, (void *, const char *) );
    USE(void *, SSL_new, (void *) );
    USE(void, SSL_free, (void *) );
    USE(void, SSL_set_bio, (void *, void *, void *) );
    USE(void, SSL_set_connect_state, (void *) );
    USE(void, SSL_set_accept_state, (void *) );
    USE(int, SSL_do_handshake, (void *) );
    USE(void *, SSL_get1_session, (void *) );
    USE(int, BIO_new_bio_pair, (void **, size_t, void **, size_t));
    void *contexts[4];
    for (int i = 0; i < 8; i++) {
        void *context = SSL_CTX_new(TLS_method());
        if (i % 2 == 1) {
            SSL_CTX_free(context);
            continue;
        }
        // No version above 1.2, which knows servers without a certificate.
        SSL_CTX_ctrl(context, 124, 0x303, NULL);
        if (SSL_CTX_set_cipher_list(context, "aNULL:@SECLEVEL=0") != 1) return 1;
        contexts[i / 2] = context;
        printf("openssl_SSL_CTX %p\n", context);
    }
    for (int i = 0; i < 20; i++) {
        void *client = SSL_new(contexts[i % 3]), *server = SSL_new(contexts[3]);
        void *one, *other;
        if (BIO_new_bio_pair(&one, 0, &other, 0) != 1) return 1;
        SSL_set_bio(client, one, one);
        SSL_set_bio(server, other, other);
        SSL_set_connect_state(client);
        SSL_set_accept_state(server);
        int done = 0;
        for (int step = 0; step < 20 && done != 2; step++) {
            done = (SSL_do_handshake(client) == 1) + (SSL_do_handshake(server) == 1);
        }
        if (done != 2) {
            fprintf(stderr, "no connection\n");
            return 1;
        }
        if (i % 4 != 3) {
            printf("openssl_SSL_SESSION %p\n", SSL_get1_session(client));
            printf("openssl_SSL_SESSION %p\n", SSL_get1_session(server));
        }
        if (i % 4 == 1) {
            SSL_free(client);
            SSL_free(server);
        } else {
            printf("openssl_SSL %p\nopenssl_SSL %p\n", client, server);
        }
    }
    tell_records();
    for (int size = 600; size < 20000; size += 88) printf("other %p\n", malloc(size));
    printf("pid %d\nREADY\n", (int) getpid());
    fflush(stdout);
    pause();
}
