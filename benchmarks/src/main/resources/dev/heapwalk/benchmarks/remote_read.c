// SPDX-License-Identifier: Apache-2.0
//
// The floor that reads of a process's memory are held against: the same calls, made from C.
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MOST_RANGES = 64 };

// Reads windows, one behind the other, until total bytes are read. With more than one range a window, they lie as far
// apart as they are long. A file descriptor, if not -1, is that of the process's memory, and is read instead.
int64_t remote_read(int pid, int file, uint64_t start, int64_t total, int64_t window, int64_t ranges, char *buffer) {
    struct iovec there[MOST_RANGES];
    int64_t length = window / ranges;
    uint64_t address = start;
    for (int64_t done = 0; done < total; done += window) {
        ssize_t got;
        if (file >= 0) {
            got = pread(file, buffer, (size_t) window, (off_t) address);
            address += (uint64_t) window;
        } else {
            for (int64_t i = 0; i < ranges; i++) {
                there[i].iov_base = (void *) address;
                there[i].iov_len = (size_t) length;
                address += (uint64_t) (ranges == 1 ? length : 2 * length);
            }
            struct iovec here = {buffer, (size_t) window};
            got = process_vm_readv(pid, &here, 1, there, (unsigned long) ranges, 0);
        }
        if (got != window) {
            return -1;
        }
    }
    return total;
}
