// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;

/**
 * A target program written in C. It is compiled once for what its source says and kept in the cache folder, so that
 * many tests, also in several JVMs at a time, share it.
 */
public final class CProgram {
    private static final List<String> OPTIONS =
            List.of("-std=gnu11", "-O1", "-g0", "-Wall", "-Wextra", "-Werror", "-pthread");
    // The linker looks for libraries in the order of the line.
    private static final List<String> LIBRARIES = List.of("-ldl");

    private static final String MUSL_FOLDER = "/usr/lib/x86_64-linux-musl";
    private static final List<String> MUSL_COMMON =
            List.of("-std=gnu11", "-O1", "-g0", "-Wall", "-Wextra", "-Werror", "-nostdlib");
    private static final List<String> MUSL_OPTIONS = Stream.concat(
                    MUSL_COMMON.stream(),
                    Stream.of(
                            "-nostdinc",
                            "-isystem",
                            "/usr/include/x86_64-linux-musl",
                            "-isystem",
                            "/usr/lib/gcc/x86_64-linux-gnu/10/include"))
            .toList();

    private final String name;
    private final Path file;

    private CProgram(String name, Path file) {
        this.name = name;
        this.file = file;
    }

    /**
     * Compiles a program for the machine's own release.
     *
     * @param name file name of the program
     * @param source its C source
     * @param options more options for {@code gcc}
     * @return the program, in the cache folder: who wants to change or remove it takes a copy
     * @throws IOException if it can't be compiled; with the compiler's words
     */
    public static Path compile(String name, String source, String... options) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("-O1", "-g0", "-Wall", "-pthread"));
        arguments.addAll(List.of(options));
        return onHost("gcc", name, name + ".c", source, arguments);
    }

    /**
     * Compiles a program in C++ for the machine's own release.
     *
     * @param compiler {@code g++} or {@code clang++}
     * @param name file name of the program
     * @param source its source
     * @param options options for the compiler; without any it optimizes nothing
     * @return the program, in the cache folder: who wants to change or remove it takes a copy
     * @throws IOException if it can't be compiled; with the compiler's words
     */
    public static Path compileCpp(String compiler, String name, String source, String... options) throws IOException {
        List<String> arguments = new ArrayList<>(List.of("-std=c++17", "-g0", "-Wall", "-pthread"));
        arguments.addAll(List.of(options));
        return onHost(compiler, name, name + ".cc", source, arguments);
    }

    /**
     * Compiles a program of the testkit in C++ for the machine's own release.
     *
     * @param compiler {@code g++} or {@code clang++}
     * @param name name of the source among the testkit's resources, without {@code .cc}
     * @param options options for the compiler; without any it optimizes nothing
     * @return the program, in the cache folder: who wants to change or remove it takes a copy
     * @throws IOException if it can't be compiled; with the compiler's words
     */
    public static Path cpp(String compiler, String name, String... options) throws IOException {
        return compileCpp(compiler, name, text(name + ".cc"), options);
    }

    /** Compiles a program of the testkit for the machine's own release. */
    static CProgram host(String name, String... options) throws IOException {
        return new CProgram(name, onHost("gcc", name, name + ".c", resource(name), strict(options)));
    }

    private static Path onHost(String compiler, String name, String file, String source, List<String> arguments)
            throws IOException {
        String made = compiler.equals("gcc") ? "host " + name : "host " + compiler + " " + name;
        return cached(name, source, arguments, made, (folder, all) -> {
            Path written = Files.writeString(folder.resolve(file), source);
            List<String> line =
                    new ArrayList<>(List.of(compiler, "-o", folder.resolve(name).toString(), written.toString()));
            line.addAll(all);
            Command.of(line).run("compile " + name);
        });
    }

    /**
     * Compiles a program of the testkit so that it runs on every release: by the compiler and against the libc of the
     * oldest.
     *
     * @param name name of the source among the testkit's resources, without {@code .c}
     * @param options more options for {@code gcc}
     * @return the program
     * @throws IOException if it can't be compiled; with the compiler's words
     */
    public static CProgram portable(String name, String... options) throws IOException {
        return portableSource(name, resource(name), options);
    }

    /**
     * Compiles a program so that it runs on every release: by the compiler and against the libc of the oldest.
     *
     * @param name file name of the program
     * @param source its C source
     * @param options more options for {@code gcc}
     * @return the program
     * @throws IOException if it can't be compiled; with the compiler's words
     */
    public static CProgram portableSource(String name, String source, String... options) throws IOException {
        Path root = Release.compilerRoot();
        return new CProgram(name, cached(name, source, strict(options), "oldest", (folder, arguments) -> {
            // The compiler sees its root only: it works in a folder there.
            try (TemporaryFolder temporary = TemporaryFolder.in(root.resolve("tmp"), "heapwalk-c")) {
                Path inside = temporary.path();
                Files.writeString(inside.resolve(name + ".c"), source);
                String seen = "/tmp/" + inside.getFileName() + "/";
                List<String> line = new ArrayList<>(List.of("/usr/bin/gcc", "-o", seen + name, seen + name + ".c"));
                line.addAll(arguments);
                Command.of(Release.enter(root, line)).run("compile " + name + " in " + root);
                Files.copy(inside.resolve(name), folder.resolve(name), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }));
    }

    /**
     * Compiles a program of the testkit on musl so that it runs on every release that has musl.
     *
     * @param name name of the source among the testkit's resources, without {@code .c}
     * @param options more options for {@code gcc}
     * @return the program
     * @throws IOException if it can't be compiled; with the compiler's words
     */
    public static CProgram musl(String name, String... options) throws IOException {
        return muslSource(name, resource(name), options);
    }

    /**
     * Compiles a program on musl so that it runs on every release that has musl.
     *
     * @param name file name of the program
     * @param source its C source
     * @param options more options for {@code gcc}, such as {@code -shared}
     * @return the program
     * @throws IOException if it can't be compiled; with the compiler's words
     */
    public static CProgram muslSource(String name, String source, String... options) throws IOException {
        List<String> line = new ArrayList<>(MUSL_OPTIONS);
        line.addAll(List.of("-fPIE", "-Wl,-dynamic-linker=/lib/ld-musl-x86_64.so.1"));
        if (!List.of(options).contains("-shared")) {
            line.addAll(List.of("-pie", MUSL_FOLDER + "/Scrt1.o"));
        }
        line.addAll(List.of(options));
        return onMusl(name, source, "musl", line, MUSL_FOLDER, "-lc", "-lgcc");
    }

    /**
     * Compiles a program of the testkit that has a release's musl in itself.
     *
     * @param release whose musl
     * @param name name of the source among the testkit's resources, without {@code .c}
     * @param options more options for {@code gcc}
     * @return the program
     * @throws IOException if it can't be compiled; with the compiler's words
     */
    public static CProgram staticMusl(Release release, String name, String... options) throws IOException {
        Path library = release.root(false).orElseThrow().resolve(MUSL_FOLDER.substring(1));
        // The compiler sees its root only.
        try (TemporaryFolder temporary =
                TemporaryFolder.in(Release.compilerRoot().resolve("tmp"), "heapwalk-musl")) {
            String seen = "/tmp/" + temporary.path().getFileName();
            for (String file : List.of("crt1.o", "crti.o", "crtn.o", "libc.a")) {
                Files.copy(library.resolve(file), temporary.path().resolve(file));
            }
            List<String> line = new ArrayList<>(MUSL_OPTIONS);
            line.addAll(List.of("-static", "-no-pie", "-fno-pie", seen + "/crt1.o"));
            line.addAll(List.of(options));
            String compiler = "musl of " + release.label() + " " + Files.size(library.resolve("libc.a"));
            return onMusl(name, resource(name), compiler, line, seen, "-lc", "-lgcc", "-lgcc_eh", "-lc");
        }
    }

    private static CProgram onMusl(
            String name, String source, String compiler, List<String> options, String folder, String... libraries)
            throws IOException {
        Path root = Release.compilerRoot();
        List<String> all =
                options.stream().map(one -> one.replace(folder, MUSL_FOLDER)).toList();
        return new CProgram(name, cached(name, source, all, compiler, (made, _) -> {
            try (TemporaryFolder temporary = TemporaryFolder.in(root.resolve("tmp"), "heapwalk-c")) {
                Path inside = temporary.path();
                Files.writeString(inside.resolve(name + ".c"), source);
                String seen = "/tmp/" + inside.getFileName() + "/";
                List<String> line = new ArrayList<>(List.of("/usr/bin/gcc", "-o", seen + name));
                line.addAll(options);
                line.addAll(List.of(folder + "/crti.o", seen + name + ".c", "-L" + folder));
                line.addAll(List.of(libraries));
                line.add(folder + "/crtn.o");
                Command.of(Release.enter(root, line)).run("compile " + name + " on musl in " + root);
                Files.copy(inside.resolve(name), made.resolve(name), StandardCopyOption.COPY_ATTRIBUTES);
            }
        }));
    }

    /**
     * Compiles a program of the testkit for aarch64, to be run by {@code qemu-aarch64} with Debian's arm64 libc.
     *
     * @param name name of the source among the testkit's resources, without {@code .c}
     * @param options more options for {@code gcc}
     * @return the program
     * @throws IOException if it can't be compiled; with the compiler's words
     */
    public static CProgram aarch64(String name, String... options) throws IOException {
        String source = resource(name);
        return new CProgram(name, cached(name, source, strict(options), "aarch64", (folder, arguments) -> {
            Path file = Files.writeString(folder.resolve(name + ".c"), source);
            List<String> line = new ArrayList<>(
                    List.of("aarch64-linux-gnu-gcc", "-o", folder.resolve(name).toString(), file.toString()));
            line.addAll(arguments);
            Command.of(line).run("compile " + name + " for aarch64");
        }));
    }

    /**
     * Compiles a program of the testkit on musl for aarch64.
     *
     * @param release whose musl
     * @param name name of the source among the testkit's resources, without {@code .c}
     * @param options more options for {@code gcc}
     * @return the program
     * @throws IOException if it can't be compiled; with the compiler's words
     */
    public static CProgram aarch64Musl(Release release, String name, String... options) throws IOException {
        Path root = release.aarch64Root();
        String library = root.resolve("usr/lib/aarch64-linux-musl") + "/";
        String source = resource(name);
        // Functions for atomic operations of glibc's libgcc ask glibc which there are.
        List<String> line = new ArrayList<>(MUSL_COMMON);
        line.addAll(List.of(
                "-mno-outline-atomics",
                "-isystem",
                root.resolve("usr/include/aarch64-linux-musl").toString()));
        line.addAll(List.of("-fPIE", "-pie", "-Wl,-dynamic-linker=/lib/ld-musl-aarch64.so.1", library + "Scrt1.o"));
        line.addAll(List.of(options));
        String compiler = "aarch64 musl of " + release.label() + " " + Files.size(Path.of(library, "libc.so"));
        return new CProgram(name, cached(name, source, line, compiler, (folder, arguments) -> {
            Path file = Files.writeString(folder.resolve(name + ".c"), source);
            List<String> whole = new ArrayList<>(
                    List.of("aarch64-linux-gnu-gcc", "-o", folder.resolve(name).toString()));
            whole.addAll(arguments);
            whole.addAll(List.of(library + "crti.o", file.toString(), "-L" + library, "-lc", "-lgcc", "-lc"));
            whole.add(library + "crtn.o");
            Command.of(whole).run("compile " + name + " on musl for aarch64");
        }));
    }

    /**
     * Where the program lies.
     *
     * @return its path on this machine
     */
    public Path file() {
        return file;
    }

    /**
     * Puts the program into a release, unless it is there.
     *
     * @param release the release
     * @param debugSymbols whether to put it into the copy that has {@code libc6-dbg}
     * @return its path as the release sees it
     * @throws IOException if it can't be written there
     */
    public String install(Release release, boolean debugSymbols) throws IOException {
        Path root = release.root(debugSymbols).orElse(null);
        if (root == null) {
            return file.toString();
        }
        String seen = "/tmp/heapwalk-" + file.getParent().getFileName() + "-" + name;
        Path there = root.resolve(seen.substring(1));
        if (!Files.exists(there)) {
            Path part = Files.createTempFile(root.resolve("tmp"), "heapwalk", ".part");
            Files.copy(file, part, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.COPY_ATTRIBUTES);
            Files.move(part, there, StandardCopyOption.ATOMIC_MOVE);
        }
        return seen;
    }

    /**
     * A copy where every user of this machine may run it, which goes with the JVM: the cache folder may be its owner's
     * alone.
     */
    Path copyForAll() throws IOException {
        Path folder = Files.createTempDirectory("heapwalk-c");
        Path copy = Files.copy(file, folder.resolve(name), StandardCopyOption.COPY_ATTRIBUTES);
        List.of(folder, copy).forEach(path -> path.toFile().deleteOnExit());
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
        return copy;
    }

    private interface Compiler {
        void compile(Path folder, List<String> arguments) throws IOException;
    }

    private static List<String> strict(String... options) {
        List<String> arguments = new ArrayList<>(OPTIONS);
        arguments.addAll(List.of(options));
        arguments.addAll(LIBRARIES);
        return arguments;
    }

    private static Path cached(String name, String source, List<String> arguments, String compiler, Compiler with)
            throws IOException {
        String key = hash(compiler + arguments + source);
        Path programs = Files.createDirectories(Release.cache().resolve("programs"));
        Path program = programs.resolve(key).resolve(name);
        if (!Files.isExecutable(program)) {
            try (TemporaryFolder temporary = TemporaryFolder.in(programs, key + ".tmp")) {
                Path made = temporary.path();
                with.compile(made, arguments);
                // Others of another user may run it.
                Files.setPosixFilePermissions(made, PosixFilePermissions.fromString("rwxr-xr-x"));
                Files.setPosixFilePermissions(made.resolve(name), PosixFilePermissions.fromString("rwxr-xr-x"));
                Files.move(made, program.getParent(), StandardCopyOption.ATOMIC_MOVE);
            } catch (FileSystemException e) {
                // Another test was faster: its program is as good.
                if (!Files.isExecutable(program)) {
                    throw e;
                }
            }
        }
        return program;
    }

    static String resource(String name) throws IOException {
        return text(name + ".c");
    }

    private static String text(String file) throws IOException {
        try (InputStream in = CProgram.class.getResourceAsStream(file)) {
            if (in == null) {
                throw new NoSuchFileException(file, null, "the testkit has no such program");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
    }

    private static String hash(String text) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
            return HexFormat.of().formatHex(digest, 0, 8);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every JDK has SHA-256", e);
        }
    }
}
