// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The file {@code maps} of one process. As long as its text does not change, the mappings are the same object, so a
 * look at a process makes nothing, and who has drawn conclusions from them can tell that they still hold.
 */
final class MapsFile {
    private static final byte[] NONE = {};

    private final ProcFs proc;
    private final long pid;
    private final ProcText text = new ProcText();
    private byte[] known = NONE;
    private int knownLength;
    private String knownRoot = "";
    /** The mapped files by their paths. */
    private volatile Map<String, MappedFile> files = Map.of();

    /** Where a file lies; of several with one path, the last. */
    private record MappedFile(long device, long inode) {}

    /** Null where the next look must take the text apart. */
    private Mappings mappings;

    MapsFile(ProcFs proc, long pid) {
        this.proc = proc;
        this.pid = pid;
    }

    /**
     * Reads it.
     *
     * @param tid a thread of the process that has not ended
     * @param progress called after each part
     * @return the mappings as they are now; the same object as before if nothing has changed
     */
    synchronized Mappings read(long tid, Runnable progress) {
        Path folder = proc.thread(pid, tid);
        String root = "";
        try {
            // The kernel prints the paths as seen from this process, so those of a chroot with its folder before them.
            root = Files.readSymbolicLink(folder.resolve("root")).toString();
        } catch (IOException e) {
            // Then they are left as they are.
        }
        proc.read(pid, folder.resolve("maps"), text, progress);
        if (mappings != null && root.equals(knownRoot) && text.equals(known, knownLength)) {
            return mappings;
        }
        // The folder of links is not among those of a thread, but a thread can be named like a process.
        Map<String, MappedFile> found = new HashMap<>();
        Mappings now =
                parse(text.bytes(), text.length(), root, proc.process(tid).resolve("map_files"), found);
        files = found;
        knownLength = text.length();
        if (known.length < knownLength) {
            known = new byte[text.bytes().length];
        }
        System.arraycopy(text.bytes(), 0, known, 0, knownLength);
        knownRoot = root;
        // What such a path stands for is told by a link, so the text alone does not tell whether it has changed.
        mappings = text.behind("\\012") < 0 ? now : null;
        return now;
    }

    /** The device that a file lies on which was mapped when the file was read last; -1 if that is not known. */
    long device(String path) {
        MappedFile file = files.get(path);
        return file == null ? -1 : file.device;
    }

    /** Whether a file is the one that was mapped by a path, and the only one, when the file was read last. */
    boolean isMapped(String path, long device, long inode) {
        MappedFile file = files.get(path);
        return file != null && file.device == device && file.inode == inode;
    }

    /**
     * Takes the text of {@code maps} apart.
     *
     * @param text holds the file
     * @param length of the file, in bytes
     * @param root the folder that is the process's root
     * @param links the folder {@code map_files}, where a path can be read without escapes
     * @return the mappings
     */
    static Mappings parse(byte[] text, int length, String root, Path links) {
        return parse(text, length, root, links, new HashMap<>());
    }

    private static Mappings parse(byte[] text, int length, String root, Path links, Map<String, MappedFile> files) {
        List<Mapping> list = new ArrayList<>();
        Line line = new Line(text, root, links);
        Mapping last = null;
        int begin = 0;
        while (begin < length) {
            int end = begin;
            while (end < length && text[end] != '\n') {
                end++;
            }
            Mapping mapping = line.parse(begin, end);
            // Read from a running process piece by piece, the text may show a range twice.
            if (last == null || Long.compareUnsigned(mapping.start(), last.end()) >= 0) {
                list.add(mapping);
                if (mapping.path().startsWith("/") && (last == null || last.path() != mapping.path())) {
                    MappedFile before = files.put(mapping.path(), new MappedFile(line.device, line.inode));
                    if (before != null && before.inode != line.inode) {
                        files.put(mapping.path(), new MappedFile(line.device, -1));
                    }
                }
                last = mapping;
            }
            begin = end + 1;
        }
        return new Mappings(list);
    }

    /** Takes one line after the other apart. */
    private static final class Line {
        private final byte[] text;
        private final String root;
        private final Path links;
        private int at;
        /** The segments of a module follow each other. */
        private int pathAt;

        private int pathLength;
        private String path = "";
        private long device;
        private long inode;

        Line(byte[] text, String root, Path links) {
            this.text = text;
            this.root = root;
            this.links = links;
        }

        Mapping parse(int begin, int end) {
            at = begin;
            long start = hex(end);
            long behind = hex(end);
            int rights = at;
            skipField(end);
            long offset = hex(end);
            long major = hex(end);
            device = Mounts.device(major, hex(end));
            inode = decimal(end);
            while (at < end && text[at] == ' ') {
                at++;
            }
            return new Mapping(
                    start,
                    behind,
                    text[rights] == 'r',
                    text[rights + 1] == 'w',
                    text[rights + 2] == 'x',
                    text[rights + 3] == 's',
                    offset,
                    path(at, Math.max(at, end), start, behind));
        }

        /** The hexadecimal number here; moves behind the character that ends it. */
        private long hex(int end) {
            long number = 0;
            while (at < end) {
                int digit = Character.digit(text[at++], 16);
                if (digit < 0) {
                    break;
                }
                number = number << 4 | digit;
            }
            return number;
        }

        /** The decimal number here; moves behind the character that ends it. */
        private long decimal(int end) {
            long number = 0;
            while (at < end && text[at] >= '0' && text[at] <= '9') {
                number = 10 * number + text[at++] - '0';
            }
            at++;
            return number;
        }

        private void skipField(int end) {
            while (at < end && text[at] != ' ') {
                at++;
            }
            at++;
        }

        private String path(int from, int to, long start, long behind) {
            int length = to - from;
            if (length == pathLength && Arrays.equals(text, from, to, text, pathAt, pathAt + length)) {
                return path;
            }
            String found = new String(text, from, length, StandardCharsets.UTF_8);
            boolean escaped = found.contains("\\012");
            if (escaped) {
                found = unescaped(found, links.resolve("%x-%x".formatted(start, behind)));
            }
            if (root.length() > 1 && found.startsWith(root) && found.startsWith("/", root.length())) {
                found = found.substring(root.length());
            }
            // An escape stands for the path of this mapping alone.
            pathAt = from;
            pathLength = escaped ? -1 : length;
            path = found;
            return found;
        }
    }

    /** The kernel writes a line end as {@code \012} and leaves a backslash alone; only the link tells the two apart. */
    private static String unescaped(String path, Path link) {
        try {
            return Files.readSymbolicLink(link).toString();
        } catch (IOException e) {
            return path.replace("\\012", "\n");
        }
    }
}
