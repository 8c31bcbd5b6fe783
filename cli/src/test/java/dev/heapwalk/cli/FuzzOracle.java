// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import dev.heapwalk.cli.output.Failure;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/** Says what is wrong with what a command did, whatever it was given. */
final class FuzzOracle {
    private static final ObjectReader JSON = new ObjectMapper()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .reader();
    /** Nothing that a terminal obeys, and nothing that changes the order in which text is shown. */
    private static final Pattern CONTROL = Pattern.compile(
            "[\\x00-\\x09\\x0b-\\x1f\\x7f\\u0080-\\u009f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff]");

    private static final Pattern FAULT = Pattern.compile(
            "internal error|out of memory|unknown failure|\\bat dev\\.heapwalk|Exception|StackOverflow");

    private static final Set<String> ASK_FOR_ONE = Set.of("show", "arena", "hexdump", "label", "log", "diff", "shell");

    private FuzzOracle() {}

    static Optional<String> complaint(List<String> arguments, int status, byte[] out, byte[] err) throws IOException {
        String said;
        String text;
        try {
            said = strict(err);
            text = strict(out);
        } catch (CharacterCodingException e) {
            return Optional.of("output is no UTF-8");
        }
        // The object, the arena or the state that is asked for need not be there.
        boolean usage = status == Failure.USAGE && arguments.stream().anyMatch(ASK_FOR_ONE::contains);
        if (status != Failure.FINE && status != Failure.DAMAGED && status != Failure.UNREADABLE && !usage) {
            return Optional.of("exit status " + status);
        }
        if (FAULT.matcher(said).find()) {
            return Optional.of("it tells of a fault of its own");
        }
        if (!said.lines().allMatch(line -> line.startsWith("heapwalk: "))) {
            return Optional.of("a line on the error stream that is not the command's");
        }
        if (CONTROL.matcher(said).find()
                || CONTROL.matcher(arguments.contains("csv") ? text.replace("\r\n", "\n") : text)
                        .find()) {
            return Optional.of("a control character");
        }
        if (status == Failure.UNREADABLE && said.isEmpty()) {
            return Optional.of("exit status 4 without a word");
        }
        return isJson(arguments) ? json(arguments, text) : Optional.empty();
    }

    private static String strict(byte[] bytes) throws CharacterCodingException {
        return StandardCharsets.UTF_8
                .newDecoder()
                .decode(ByteBuffer.wrap(bytes))
                .toString();
    }

    private static boolean isJson(List<String> arguments) {
        return arguments.contains("jsonl")
                || arguments.contains("dump")
                || arguments.subList(0, 2).equals(List.of("ruby", "count"));
    }

    private static Optional<String> json(List<String> arguments, String text) throws IOException {
        boolean blocks = List.of("used", "free", "all").contains(arguments.getFirst());
        List<long[]> listed = new ArrayList<>();
        for (String line : (Iterable<String>) text.lines()::iterator) {
            JsonNode row;
            try {
                row = JSON.readTree(line);
            } catch (IOException e) {
                return Optional.of(
                        "no JSON: " + e.getMessage().lines().findFirst().orElse(""));
            }
            // The row of a heap page stands for all of it that is no object.
            if (blocks
                    && row.has("address")
                    && row.has("size")
                    && !row.path("kind").asText().equals("heap page")) {
                listed.add(new long[] {
                    Long.decode(row.get("address").asText()), row.get("size").asLong()
                });
            }
        }
        // Other allocators put a block anywhere in its slot, the size of which is told.
        return twice(listed, arguments.stream().anyMatch(argument -> argument.contains("/allocator-")));
    }

    /** Blocks that lie over each other. */
    private static Optional<String> twice(List<long[]> blocks, boolean inSlots) {
        blocks.sort((one, another) -> Long.compareUnsigned(one[0], another[0]));
        for (int i = 1; i < blocks.size(); i++) {
            long end = blocks.get(i - 1)[0] + (inSlots ? 1 : blocks.get(i - 1)[1]);
            if (Long.compareUnsigned(blocks.get(i)[0], end) < 0) {
                return Optional.of("a block at 0x%x, and another that ends at 0x%x".formatted(blocks.get(i)[0], end));
            }
        }
        return Optional.empty();
    }

    /** Whether what malloc holds is told as it was of the sound core. */
    static Optional<String> same(byte[] sound, byte[] out) {
        return Arrays.equals(sound, out)
                ? Optional.empty()
                : Optional.of("malloc's totals are not those of the sound core");
    }
}
