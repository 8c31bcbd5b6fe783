// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/**
 * One mapped range of a target's address space.
 *
 * @param start target address of the first byte
 * @param end target address behind the last byte
 * @param readable whether the target may read it
 * @param writable whether the target may write it
 * @param executable whether the target may execute it
 * @param shared whether it is shared with other processes
 * @param fileOffset where {@code start} lies in the file, in bytes
 * @param path the mapped file as the target sees it (with {@code " (deleted)"} if it was), a kernel name such as
 *     {@code [heap]}, or empty
 */
public record Mapping(
        long start,
        long end,
        boolean readable,
        boolean writable,
        boolean executable,
        boolean shared,
        long fileOffset,
        String path) {

    /**
     * The size of the range.
     *
     * @return bytes
     */
    public long length() {
        return end - start;
    }

    /**
     * Whether the range holds an address.
     *
     * @param address a target address
     * @return whether it does
     */
    public boolean contains(long address) {
        return Long.compareUnsigned(address, start) >= 0 && Long.compareUnsigned(address, end) < 0;
    }

    /**
     * Whether no file lies behind it. The kernel names huge pages that a process has for itself like a deleted file.
     *
     * @return whether its path is empty, a kernel name, or that of private huge pages
     */
    public boolean anonymous() {
        return path.isEmpty() || path.startsWith("[") || path.startsWith("/anon_hugepage");
    }

    /**
     * Whether it may show the registers of a device, which a read could change.
     *
     * @return whether its path is one below {@code /dev}, {@code /sys} or {@code /proc}, but for those of memory
     */
    public boolean ofDriver() {
        return path.startsWith("/sys/")
                || path.startsWith("/proc/")
                || path.startsWith("/dev/")
                        && !path.startsWith("/dev/shm/")
                        && !path.startsWith("/dev/zero")
                        && !path.startsWith("/dev/hugepages/");
    }

    @Override
    public String toString() {
        return "%x-%x %c%c%c%c %x %s"
                .formatted(
                        start,
                        end,
                        readable ? 'r' : '-',
                        writable ? 'w' : '-',
                        executable ? 'x' : '-',
                        shared ? 's' : 'p',
                        fileOffset,
                        path);
    }
}
