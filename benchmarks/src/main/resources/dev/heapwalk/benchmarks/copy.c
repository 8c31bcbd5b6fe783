// SPDX-License-Identifier: Apache-2.0
//
// The second floor of a walker: a plain copy of the bytes that it walks over, through one reused buffer.
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>

struct range {
    uint64_t address;   // in the target
    uint64_t length;
    const char *local;  // where it is mapped here, or NULL if it is to be read from the process
};

// Returns how many bytes were copied, or -1 where one can't be read.
int64_t copy(int pid, const struct range *ranges, int64_t count, char *buffer, int64_t capacity) {
    int64_t copied = 0;
    for (int64_t i = 0; i < count; i++) {
        uint64_t done = 0;
        while (done < ranges[i].length) {
            uint64_t left = ranges[i].length - done;
            uint64_t part = left < (uint64_t) capacity ? left : (uint64_t) capacity;
            if (ranges[i].local != NULL) {
                memcpy(buffer, ranges[i].local + done, part);
                // Somebody might look at it.
                __asm__ volatile("" : : "r"(buffer) : "memory");
            } else {
                struct iovec here = {buffer, part};
                struct iovec there = {(void *) (ranges[i].address + done), part};
                if (process_vm_readv(pid, &here, 1, &there, 1, 0) != (ssize_t) part) {
                    return -1;
                }
            }
            done += part;
        }
        copied += (int64_t) done;
    }
    return copied;
}
