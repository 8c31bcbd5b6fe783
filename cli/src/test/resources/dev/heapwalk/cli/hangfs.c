// SPDX-License-Identifier: Apache-2.0
/*
 * A FUSE file system with one file, "file", that shows another file: hangfs FOLDER OTHER. It prints "ready", and
 * answers until it gets a line on its standard input; then it prints "hangs", and takes every request without an
 * answer. The end of its input ends it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int device;
static int other;

static void answer(struct fuse_in_header *to, int error, void *what, size_t length) {
    struct fuse_out_header header = {.len = sizeof header + length, .error = -error, .unique = to->unique};
    struct iovec parts[] = {{&header, sizeof header}, {what, length}};
    if (writev(device, parts, length > 0 ? 2 : 1) < 0 && errno != ENOENT) exit(3);
}

static struct fuse_attr attributes(unsigned long node) {
    struct stat shown;
    fstat(other, &shown);
    struct fuse_attr all = {.ino = node, .nlink = 1, .blksize = 4096};
    all.mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0755;
    all.size = node == 1 ? 0 : shown.st_size;
    return all;
}

static void serve(struct fuse_in_header *in) {
    char *body = (char *) (in + 1);
    switch (in->opcode) {
        case FUSE_INIT: {
            /* Without FUSE_ASYNC_READ: who reads waits in the kernel, where nothing interrupts it. */
            struct fuse_init_out out = {.major = 7, .minor = 31, .max_write = 65536, .max_readahead = 4096};
            answer(in, 0, &out, sizeof out);
            break;
        }
        case FUSE_LOOKUP: {
            struct fuse_entry_out out = {.nodeid = 2, .attr = attributes(2)};
            if (strcmp(body, "file")) answer(in, ENOENT, 0, 0);
            else answer(in, 0, &out, sizeof out);
            break;
        }
        case FUSE_GETATTR: {
            struct fuse_attr_out out = {.attr = attributes(in->nodeid)};
            answer(in, 0, &out, sizeof out);
            break;
        }
        case FUSE_OPEN: {
            struct fuse_open_out out = {.fh = 1};
            answer(in, 0, &out, sizeof out);
            break;
        }
        case FUSE_READ: {
            static char data[1 << 20];
            struct fuse_read_in *wanted = (struct fuse_read_in *) body;
            ssize_t got = pread(other, data, wanted->size, wanted->offset);
            answer(in, got < 0 ? EIO : 0, data, got < 0 ? 0 : got);
            break;
        }
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT:
            break;
        case FUSE_RELEASE:
        case FUSE_FLUSH:
            answer(in, 0, 0, 0);
            break;
        default:
            answer(in, ENOSYS, 0, 0);
    }
}

int main(int count, char **arguments) {
    char options[100];
    int hangs = 0;
    if (count < 3) return 9;
    device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    other = open(arguments[2], O_RDONLY | O_CLOEXEC);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
    if (device < 0 || other < 0 || mount("hangfs", arguments[1], "fuse.hangfs", 0, options)) {
        printf("none: %s\n", strerror(errno));
        return 1;
    }
    puts("ready");
    fflush(stdout);
    struct pollfd either[] = {{.fd = device, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
    for (;;) {
        static char request[(1 << 17) + 4096];
        char line[16];
        if (poll(either, 2, -1) < 0) continue;
        if (either[0].revents) {
            if (read(device, request, sizeof request) < 0) {
                if (errno == ENODEV) return 0;
                continue;
            }
            if (!hangs) serve((struct fuse_in_header *) request);
        }
        if (either[1].revents) {
            if (read(0, line, sizeof line) <= 0) break;
            hangs = 1;
            puts("hangs");
            fflush(stdout);
        }
    }
    umount2(arguments[1], MNT_DETACH);
    return 0;
}
