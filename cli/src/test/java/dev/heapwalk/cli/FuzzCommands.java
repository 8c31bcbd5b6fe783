// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import dev.heapwalk.testkit.fuzz.FuzzInput;
import dev.heapwalk.testkit.fuzz.FuzzSeed;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/** Chooses what is run on a harmed input: what it is follows from the input. */
final class FuzzCommands {
    private static final List<String> EXPRESSIONS = List.of(
            "size > 64",
            "size >= 1K and size < 1M or mmapped",
            "state = FREE or state = TCACHE",
            "not domain = \"C\" and not kind ~ \"^(a|ab)*x\"",
            "kind ~ \"str|dict|list\" and detail != \"\"",
            "arena > 0 and addr > 0x1000",
            "resident < size");
    private static final List<String> TYPED = List.of(
            "heap",
            "heap sizes",
            "heap used --top 5",
            "heap all --top 3",
            "heap free --top 3",
            "heap arenas",
            "heap arena 0",
            "heap select size > 100 and kind ~ \"t\"",
            "heap cpython-allocators",
            "ruby count",
            "ruby info",
            "python count",
            "python info",
            "summary --format jsonl",
            "tcache",
            "bins",
            "memory",
            "# remark",
            "stop",
            "continue",
            "exit");

    private final Path folder;
    /** A file with labelled states of each seed, from when it was sound. */
    private final Map<FuzzSeed, byte[]> histories = new HashMap<>();

    /** Runs a command on what is sound. */
    @FunctionalInterface
    interface OnSound {
        void run(List<String> arguments) throws Throwable;
    }

    /**
     * Chooses commands.
     *
     * @param folder where files with labelled states are put
     */
    FuzzCommands(Path folder) {
        this.folder = folder;
    }

    /**
     * The next command for an input.
     *
     * @param sound runs a command on what is sound, where the input needs what that makes
     */
    FuzzCommand next(FuzzInput input, OnSound sound) throws Throwable {
        SplittableRandom random = input.random();
        List<String> arguments = new ArrayList<>();
        boolean language = (input.seed().isRuby() || input.seed().isPython()) && random.nextInt(4) > 0;
        String typed = "";
        if (language && input.seed().isRuby()) {
            ruby(input, arguments);
        } else if (language) {
            python(input, arguments);
        } else {
            typed = any(input, arguments, sound);
        }
        boolean beside = input.harm() == FuzzInput.Harm.FILE_PARTS || input.harm() == FuzzInput.Harm.OTHER_FILE;
        if (beside || random.nextInt(3) > 0) {
            arguments.addAll(List.of("--sysroot", input.seed().sysroot().toString()));
        }
        return new FuzzCommand(arguments, typed);
    }

    /** A file with two labelled states of the sound core. */
    private byte[] states(FuzzSeed seed, OnSound sound) throws Throwable {
        byte[] known = histories.get(seed);
        if (known == null) {
            Path file = folder.resolve("sound.history");
            Files.deleteIfExists(file);
            for (String label : List.of("one", "two")) {
                sound.run(List.of("label", seed.soundCore().toString(), label, "--history", file.toString()));
            }
            known = Files.readAllBytes(file);
            histories.put(seed, known);
        }
        return known;
    }

    private static String one(SplittableRandom random, String... of) {
        return of[random.nextInt(of.length)];
    }

    private static String format(SplittableRandom random) {
        return one(random, "jsonl", "jsonl", "table", "csv");
    }

    private static void ruby(FuzzInput input, List<String> arguments) {
        SplittableRandom random = input.random();
        String name = one(random, "count", "dump", "dump", "dump", "roots", "threads", "show", "info");
        arguments.addAll(List.of("ruby", name));
        switch (name) {
            case "dump" -> {
                if (random.nextInt(3) == 0) {
                    arguments.addAll(List.of("--format", "objectspace"));
                }
                sometimes(random, arguments, "--reachable", "--exact-references");
                if (random.nextInt(8) == 0) {
                    arguments.addAll(List.of("--max-copy", size(random)));
                }
            }
            case "count" -> sometimes(random, arguments, "--allocations");
            case "roots", "info" -> arguments.addAll(List.of("--format", format(random)));
            case "threads" -> arguments.addAll(List.of("--format", one(random, "jsonl", "text")));
            default -> {}
        }
        told(random, name, arguments);
        arguments.add(input.core().toString());
        if (name.equals("show")) {
            arguments.add("0x%x".formatted(input.anyAddress()));
        }
    }

    private static void python(FuzzInput input, List<String> arguments) {
        SplittableRandom random = input.random();
        String name = one(
                random, "count", "dump", "dump", "dump", "roots", "threads", "threads", "show", "info", "allocators");
        arguments.addAll(List.of("python", name));
        switch (name) {
            case "dump" -> {
                if (random.nextInt(8) == 0) {
                    arguments.addAll(List.of("--max-bytes", size(random)));
                }
            }
            case "threads" -> {
                arguments.addAll(List.of("--format", one(random, "jsonl", "text")));
                sometimes(random, arguments, "--locals", "--generators", "--tasks");
            }
            case "count" -> {
                arguments.addAll(List.of("--format", format(random)));
                sometimes(random, arguments, "--generations");
            }
            default -> arguments.addAll(List.of("--format", format(random)));
        }
        told(random, name, arguments);
        arguments.add(input.core().toString());
        if (name.equals("show")) {
            arguments.add("0x%x".formatted(input.anyAddress()));
        }
    }

    private static void told(SplittableRandom random, String name, List<String> arguments) {
        if (List.of("dump", "show", "roots", "threads").contains(name) && random.nextInt(3) == 0) {
            arguments.add("--redact");
        }
        if (name.equals("dump") && random.nextInt(3) == 0) {
            arguments.addAll(List.of("--max-string", size(random)));
        }
    }

    private static void sometimes(SplittableRandom random, List<String> arguments, String... options) {
        for (String option : options) {
            if (random.nextInt(4) == 0) {
                arguments.add(option);
            }
        }
    }

    /** What goes with every core. Returns what is typed. */
    private String any(FuzzInput input, List<String> arguments, OnSound sound) throws Throwable {
        SplittableRandom random = input.random();
        String core = input.core().toString();
        String name = one(
                random, "summary", "summary", "sizes", "used", "free", "all", "all", "arenas", "arena", "bins",
                "tcache", "hexdump", "memory", "select", "select", "label", "log", "diff", "diff", "shell");
        arguments.add(name);
        if (!name.equals("shell")) {
            arguments.addAll(List.of("--format", format(random)));
        }
        switch (name) {
            case "arenas" -> sometimes(random, arguments, "--explain");
            case "label", "log" -> arguments.addAll(List.of("--history", history(input, sound)));
            case "diff" -> {
                sometimes(random, arguments, "--blocks");
                if (random.nextInt(4) > 0) {
                    arguments.addAll(List.of("--history", history(input, sound)));
                }
            }
            default -> {}
        }
        boolean twoCores = name.equals("diff") && !arguments.contains("--history");
        arguments.add(
                twoCores && random.nextBoolean() ? input.seed().soundCore().toString() : core);
        switch (name) {
            case "arena" -> arguments.add(Integer.toString(random.nextInt(3)));
            case "hexdump" -> arguments.add("0x%x".formatted(input.anyAddress()));
            case "select" -> arguments.add(EXPRESSIONS.get(random.nextInt(EXPRESSIONS.size())));
            case "label" -> arguments.add(one(random, "three", "one"));
            case "diff" -> {
                if (twoCores) {
                    arguments.add(core);
                } else if (random.nextBoolean()) {
                    arguments.addAll(List.of("one", one(random, "two", "current")));
                }
            }
            default -> {}
        }
        return name.equals("shell") ? typed(input) : "";
    }

    private static String typed(FuzzInput input) {
        SplittableRandom random = input.random();
        StringBuilder typed = new StringBuilder();
        for (int i = 0; i < 1 + random.nextInt(4); i++) {
            typed.append(
                            random.nextInt(6) == 0
                                    ? "hexdump 0x%x".formatted(input.anyAddress())
                                    : TYPED.get(random.nextInt(TYPED.size())))
                    .append('\n');
        }
        return typed.toString();
    }

    /** A file with states of the sound core, of which some bytes are others, or the end is missing. */
    private String history(FuzzInput input, OnSound sound) throws Throwable {
        SplittableRandom random = input.random();
        byte[] bytes = states(input.seed(), sound).clone();
        int harm = random.nextInt(4);
        if (harm == 0) {
            bytes = Arrays.copyOf(bytes, random.nextInt(bytes.length));
        } else if (harm < 3) {
            for (int i = 0; i < 1 + random.nextInt(6); i++) {
                // The beginning is what the rest is read by.
                int at = random.nextInt(random.nextBoolean() ? Math.min(bytes.length, 200) : bytes.length);
                bytes[at] = (byte) (random.nextBoolean() ? random.nextInt() : bytes[at] ^ 1 << random.nextInt(8));
            }
        }
        Path file = folder.resolve("harmed.history");
        Files.write(file, bytes);
        return file.toString();
    }

    /** A number of bytes, as likely a small one as a large one. */
    private static String size(SplittableRandom random) {
        return Long.toString(random.nextLong() >>> 1 + random.nextInt(Long.SIZE - 1));
    }
}
