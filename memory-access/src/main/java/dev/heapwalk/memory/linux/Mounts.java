// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What is mounted where, as a {@code mountinfo} tells. It is asked which files must not be touched, since the file
 * system that they lie on may never answer, and who waits for it can't even be ended. That is so of what a program
 * serves (FUSE), and may be so of what is not known here. To read {@code mountinfo} touches none of them.
 */
final class Mounts {
    /** Those of disks and of memory. */
    private static final Set<String> LOCAL = Set.of(
            "ext2",
            "ext3",
            "ext4",
            "xfs",
            "btrfs",
            "bcachefs",
            "zfs",
            "f2fs",
            "jfs",
            "reiserfs",
            "nilfs2",
            "minix",
            "tmpfs",
            "ramfs",
            "rootfs",
            "devtmpfs",
            "hugetlbfs",
            "overlay",
            "aufs",
            "squashfs",
            "erofs",
            "cramfs",
            "romfs",
            "iso9660",
            "udf",
            "vfat",
            "msdos",
            "exfat",
            "ntfs3",
            "hfsplus",
            "jffs2",
            "ubifs",
            "proc",
            "sysfs",
            "autofs");

    /** A server answers, but who waits for it can be ended. */
    private static final Set<String> CAN_BE_ENDED = Set.of("nfs", "nfs4", "cifs", "smb3", "9p", "ceph");

    private static final int POINT = 4;

    private record Mount(long device, String point, String type) {
        boolean holds(String path) {
            return path.startsWith(point)
                    && (point.endsWith("/") || path.length() == point.length() || path.charAt(point.length()) == '/');
        }

        /** What the root is on, everything in the process waits for. */
        Optional<String> mayHang() {
            return point.equals("/") || LOCAL.contains(type) || CAN_BE_ENDED.contains(type)
                    ? Optional.empty()
                    : Optional.of(type);
        }
    }

    private final List<Mount> mounts = new ArrayList<>();

    /**
     * Takes the text of a {@code mountinfo} apart.
     *
     * @param text its lines; what is none is left out
     */
    Mounts(String text) {
        for (String line : text.split("\n")) {
            String[] fields = line.split(" ");
            int dash = POINT + 2;
            while (dash < fields.length && !fields[dash].equals("-")) {
                dash++;
            }
            String[] numbers = dash + 1 < fields.length ? fields[2].split(":") : fields;
            if (numbers.length == 2) {
                try {
                    mounts.add(new Mount(
                            device(Long.parseLong(numbers[0]), Long.parseLong(numbers[1])),
                            unescaped(fields[POINT]),
                            fields[dash + 1]));
                } catch (NumberFormatException e) {
                    // Not a line of this kind.
                }
            }
        }
    }

    /** A device number of one word. */
    static long device(long major, long minor) {
        return major << 32 | minor;
    }

    /** The number of a device as {@code st_dev} has it, told as {@link #device(long, long)} does. */
    static long device(long packed) {
        return device(
                packed >>> 8 & 0xfff | packed >>> 32 & ~0xfffL, packed & 0xff | packed >>> 12 & ~0xffL & 0xffffffffL);
    }

    /** Spaces and the like stand as three octal digits. */
    private static String unescaped(String text) {
        return text.replace("\\040", " ")
                .replace("\\011", "\t")
                .replace("\\012", "\n")
                .replace("\\134", "\\");
    }

    /**
     * Whether a path leads to a file system that may not answer.
     *
     * @param path a path from the root on, without links
     * @return the type of that file system, empty if it answers
     */
    Optional<String> mayHang(String path) {
        Mount mount = at(path);
        return mount == null ? Optional.empty() : mount.mayHang();
    }

    /** The mount that a path lies on, null if none is known: of several at one place the last covers the others. */
    private Mount at(String path) {
        Mount found = null;
        for (Mount mount : mounts) {
            if (mount.holds(path) && (found == null || mount.point.length() >= found.point.length())) {
                found = mount;
            }
        }
        return found;
    }

    /**
     * Whether a mapped file lies on a file system that may not answer.
     *
     * @param path its path when it was mapped; other things may be mounted there by now
     * @param device the device that it lies on
     * @param own what is mounted where this JVM runs, which may see more
     * @return the type of that file system, or {@code unknown}; empty if it answers
     */
    Optional<String> mayHang(String path, long device, Mounts own) {
        Optional<String> here = byDevice(device);
        if (here.isEmpty()) {
            here = own.byDevice(device);
        }
        if (here.isPresent()) {
            return here.get().isEmpty() ? Optional.empty() : here;
        }
        // A disk; or what the kernel mounts for itself, such as shared memory; or a layer of an overlay.
        Mount mount = at(path);
        boolean fine = device >>> 32 != 0
                || path.startsWith("/memfd:")
                || path.startsWith("/dev/zero")
                || path.startsWith("/SYSV")
                || path.startsWith("/anon_hugepage")
                || path.startsWith("/secretmem")
                || path.startsWith("/dev/")
                || mount != null && mount.type.equals("overlay");
        // It was unmounted, or is of another namespace.
        return fine ? Optional.empty() : Optional.of("unknown");
    }

    /** The type of a device's file system if that may hang, an empty text if not; nothing if it is not mounted here. */
    private Optional<String> byDevice(long device) {
        String type = null;
        for (Mount mount : mounts) {
            if (mount.device == device) {
                if (mount.mayHang().isEmpty()) {
                    return Optional.of("");
                }
                type = mount.type;
            }
        }
        return Optional.ofNullable(type);
    }
}
