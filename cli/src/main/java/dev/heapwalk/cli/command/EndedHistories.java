// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.KeptFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * The files of states whose process has ended, in the folder where each process has one. Nobody can add to them any
 * more, so they go some time after their last state, or when they are many.
 *
 * @param files what there is, the one with the oldest last state first
 */
record EndedHistories(List<Ended> files) {
    static final int DAYS = 30;
    /** How much they may have together. */
    private static final long MOST = 4L << 30;

    /**
     * A file.
     *
     * @param path its path
     * @param millis when its last state was kept, since 1970
     * @param bytes its size
     */
    record Ended(Path path, long millis, long bytes) {}

    static EndedHistories find() {
        List<Ended> files = new ArrayList<>();
        Path folder = HistoryFile.inFolder("");
        try (Stream<Path> all = Files.list(folder)) {
            all.filter(HistoryFile::isOfEndedProcess).forEach(path -> {
                try {
                    if (Files.isRegularFile(path)) {
                        files.add(
                                new Ended(path, Files.getLastModifiedTime(path).toMillis(), Files.size(path)));
                    }
                } catch (IOException e) {
                    // Another command has deleted it.
                }
            });
        } catch (NoSuchFileException | NotDirectoryException e) {
            return new EndedHistories(List.of());
        } catch (IOException e) {
            throw KeptFile.failure("read", folder, e);
        }
        files.sort(Comparator.comparingLong(Ended::millis));
        return new EndedHistories(List.copyOf(files));
    }

    long bytes() {
        return files.stream().mapToLong(Ended::bytes).sum();
    }

    /** Those whose time is over, or that are too much. */
    EndedHistories due(long now) {
        List<Ended> due = new ArrayList<>();
        long left = bytes();
        for (Ended file : files) {
            if (now - file.millis() > Duration.ofDays(DAYS).toMillis() || left > MOST) {
                due.add(file);
                left -= file.bytes();
            }
        }
        return new EndedHistories(due);
    }

    /** Deletes them all. Whoever reads one of them meanwhile reads it to its end. */
    void delete() {
        files.forEach(file -> KeptFile.delete(file.path()));
    }

    @Override
    public String toString() {
        return "%,d %s, %,d bytes"
                .formatted(
                        files.size(),
                        files.size() == 1 ? "process that has ended" : "processes that have ended",
                        bytes());
    }
}
