// SPDX-License-Identifier: Apache-2.0
//
// The floor that calls of C functions from Java are held against: the same calls from C.
#define _GNU_SOURCE
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { GETTID, READV, PREAD };

// The sum of what the calls return.
int64_t downcall(int which, int64_t times, int pid, int file, uint64_t address, char *buffer) {
    int64_t sum = 0;
    struct iovec here = {buffer, 8};
    struct iovec there = {(void *) address, 8};
    for (int64_t i = 0; i < times; i++) {
        switch (which) {
            case GETTID:
                sum += gettid();
                break;
            case READV:
                sum += process_vm_readv(pid, &here, 1, &there, 1, 0);
                break;
            case PREAD:
                sum += pread(file, buffer, 8, (off_t) address);
                break;
        }
    }
    return sum;
}
