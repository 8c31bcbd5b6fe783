// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit.fuzz;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** A core and the files of its process, copied so that they can be harmed. */
public final class FuzzSeed implements AutoCloseable {
    static final String CORE = "core";
    static final String FILES = "files";
    static final String PLACES = "places";

    private final String name;
    private final Path kept;
    private final Path work;
    private final CoreFile core;
    private final Map<Place, long[]> places;
    private final List<String> files;

    private FuzzSeed(String name, Path kept, Path work) throws IOException {
        this.name = name;
        this.kept = kept;
        this.work = work;
        core = new CoreFile(work.resolve(CORE));
        places = Places.read(kept.resolve(PLACES), core);
        Path sound = kept.resolve(FILES);
        try (Stream<Path> all = Files.walk(sound)) {
            files = all.filter(Files::isRegularFile)
                    .map(file -> sound.relativize(file).toString())
                    .sorted()
                    .toList();
        }
    }

    /**
     * Copies a seed.
     *
     * @param kept one of {@link Seeds#prepared}
     * @param folder where to put a folder with the copy
     * @return the copy; to be closed
     * @throws UncheckedIOException if it can't be copied
     */
    public static FuzzSeed open(Path kept, Path folder) {
        try {
            String name = kept.getFileName().toString();
            Path work = Files.createDirectories(folder.resolve(name));
            Folders.copySparse(kept.resolve(CORE), work.resolve(CORE));
            Folders.copy(kept.resolve(FILES), work.resolve(FILES));
            return new FuzzSeed(name, kept, work);
        } catch (IOException e) {
            throw new UncheckedIOException("could not copy " + kept, e);
        }
    }

    /**
     * Which it is.
     *
     * @return for example {@code ruby-3.3}
     */
    public String name() {
        return name;
    }

    /**
     * Whether Ruby ran in the process.
     *
     * @return whether its commands have something to tell
     */
    public boolean isRuby() {
        return name.contains("ruby");
    }

    /**
     * Whether Python ran in the process.
     *
     * @return whether its commands have something to tell
     */
    public boolean isPython() {
        return name.contains("python");
    }

    /**
     * The core as it was made, which stays so.
     *
     * @return the file
     */
    public Path soundCore() {
        return kept.resolve(CORE);
    }

    /**
     * The core.
     *
     * @return the copy, harmed or not
     */
    public Path core() {
        return work.resolve(CORE);
    }

    /**
     * The files of the process.
     *
     * @return for {@code --sysroot}, harmed or not
     */
    public Path sysroot() {
        return work.resolve(FILES);
    }

    Path beside(String file) {
        return work.resolve(file);
    }

    CoreFile file() {
        return core;
    }

    Map<Place, long[]> places() {
        return places;
    }

    /** The files below the sysroot. */
    List<String> files() {
        return files;
    }

    byte[] sound(String file) throws IOException {
        return Files.readAllBytes(kept.resolve(FILES).resolve(file));
    }

    /** Puts a file back as it was. */
    void restore(String file) throws IOException {
        Path harmed = sysroot().resolve(file);
        Folders.delete(harmed);
        Files.copy(kept.resolve(FILES).resolve(file), harmed, StandardCopyOption.REPLACE_EXISTING);
    }

    @Override
    public void close() {
        core.close();
    }
}
