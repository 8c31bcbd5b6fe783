// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.testkit.CProgram;
import dev.heapwalk.testkit.ThisMachine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** A process of another user that tries to turn what root writes into a file of root's. */
public final class Racer implements AutoCloseable {

    /** What it does all the time. */
    public enum Way {
        /** In a folder of its own it puts links in the place of files that are not complete. */
        FILES_IN_ITS_FOLDER,
        /** In a folder of its own it puts a link in the place of a folder on the way. */
        FOLDERS_IN_ITS_FOLDER,
        /** In a folder that all users share it puts a link where the file is to be. */
        LINKS_IN_A_SHARED_FOLDER
    }

    private static final String NOBODY = "65534";

    private static final String SOURCE = """
            #include <dirent.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <sys/stat.h>
            #include <unistd.h>
            static void files(const char *victim) {
                DIR *here = opendir(".");
                struct dirent *entry;
                while ((entry = readdir(here))) {
                    const char *end = strrchr(entry->d_name, '.');
                    struct stat st;
                    if (end && (!strcmp(end, ".part") || !strcmp(end, ".spool")) && !lstat(entry->d_name, &st)
                            && S_ISREG(st.st_mode)) {
                        rename(entry->d_name, "taken");
                        symlink(victim, entry->d_name);
                    }
                }
                closedir(here);
            }
            int main(int argc, char **argv) {
                const char *way = argv[1], *victim = argv[2], *victims = argv[3];
                if (chdir(argv[4])) return 1;
                puts("READY");
                fflush(stdout);
                alarm(600);
                for (;;) {
                    if (!strcmp(way, "FILES_IN_ITS_FOLDER")) {
                        files(victim);
                    } else if (!strcmp(way, "FOLDERS_IN_ITS_FOLDER")) {
                        rename("way", "real");
                        symlink(victims, "way");
                        usleep(rand() % 500);
                        unlink("way");
                        rename("real", "way");
                        usleep(rand() % 500);
                    } else {
                        symlink(victim, "file");
                        usleep(rand() % 300);
                        unlink("file");
                        usleep(rand() % 300);
                    }
                }
            }
            """;

    private final Process process;
    private final Path wanted;
    private final Path victims;
    private final Map<String, String> before;

    private Racer(Process process, Path wanted, Path victims) throws IOException {
        this.process = process;
        this.wanted = wanted;
        this.victims = victims;
        this.before = state();
    }

    /** Whether there can be a process of another user. */
    public static boolean possible(String what) {
        boolean root = "root".equals(System.getProperty("user.name"));
        if (!root) {
            ThisMachine.leavesOut(what, "the tests are not run by root");
        }
        return root;
    }

    /** Starts it. */
    public static Racer start(Path folder, Way way) throws IOException {
        open(folder, "rwxr-xr-x");
        Path victims = open(Files.createDirectory(folder.resolve("victims")), "rwxr-xr-x");
        Path victim = Files.writeString(victims.resolve("file"), "a file of root's\n");
        Path shared = Files.createDirectory(folder.resolve("folder"));
        Path program = Files.copy(CProgram.compile("racer", SOURCE), folder.resolve("racer"));
        open(program, "rwxr-xr-x");
        Path wanted = shared.resolve("file");
        switch (way) {
            case FILES_IN_ITS_FOLDER -> give(shared);
            case FOLDERS_IN_ITS_FOLDER -> {
                wanted = shared.resolve("way/file");
                give(shared);
                give(Files.createDirectory(shared.resolve("way")));
            }
            case LINKS_IN_A_SHARED_FOLDER -> Files.setAttribute(shared, "unix:mode", 01777);
        }
        Process process = new ProcessBuilder(
                        "setpriv",
                        "--reuid=" + NOBODY,
                        "--regid=" + NOBODY,
                        "--clear-groups",
                        "--",
                        program.toString(),
                        way.name(),
                        victim.toString(),
                        victims.toString(),
                        shared.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        assertThat(process.inputReader().readLine()).isEqualTo("READY");
        return new Racer(process, wanted, victims);
    }

    private static Path open(Path path, String permissions) throws IOException {
        return Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
    }

    private static void give(Path path) throws IOException {
        Files.setAttribute(path, "unix:uid", Integer.parseInt(NOBODY), LinkOption.NOFOLLOW_LINKS);
    }

    /** The path that root is to write. */
    public Path wanted() {
        return wanted;
    }

    /** Checks that root's files are what they were. */
    public void checkVictims() throws IOException {
        assertThat(state()).isEqualTo(before);
        assertThat(process.isAlive()).isTrue();
    }

    private Map<String, String> state() throws IOException {
        Map<String, String> state = new TreeMap<>();
        try (Stream<Path> files = Files.list(victims)) {
            for (Path file : files.toList()) {
                Map<String, Object> attributes =
                        new TreeMap<>(Files.readAttributes(file, "unix:ino,mode,uid,lastModifiedTime"));
                state.put(file.getFileName().toString(), Files.readString(file) + attributes);
            }
        }
        state.put("", List.of(Files.getLastModifiedTime(victims)).toString());
        return state;
    }

    @Override
    public void close() {
        process.destroyForcibly().onExit().join();
    }
}
