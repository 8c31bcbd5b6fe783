// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
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
    private static final JsonFactory DUMPED = new JsonFactory();
    /** No key comes twice. In a dump that is so only if it does not come twice in the process. */
    private static final JsonFactory ROWS = JsonFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

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
        if (hasControl(said, false) || hasControl(text, arguments.contains("csv"))) {
            return Optional.of("a control character");
        }
        if (status == Failure.UNREADABLE && said.isEmpty()) {
            return Optional.of("exit status 4 without a word");
        }
        return isJson(arguments) ? json(arguments, out) : Optional.empty();
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

    /**
     * Whether there is what a terminal obeys, or what changes the order in which text is shown. Long answers have tens
     * of millions of characters, and a regular expression takes longer for them than the command.
     */
    private static boolean hasControl(String text, boolean endsOfCsv) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c < ' ' && c != '\n' || c >= 0x7f && isControl(c)) {
                boolean end = endsOfCsv && c == '\r' && i + 1 < text.length() && text.charAt(i + 1) == '\n';
                if (!end) {
                    return true;
                }
            }
        }
        return false;
    }

    private static boolean isControl(char c) {
        return c <= 0x9f
                || c == 0x200e
                || c == 0x200f
                || c >= 0x2028 && c <= 0x202e
                || c >= 0x2066 && c <= 0x2069
                || c == 0xfeff;
    }

    /** Each line must be one value. */
    private static Optional<String> json(List<String> arguments, byte[] out) throws IOException {
        boolean blocks = List.of("used", "free", "all").contains(arguments.getFirst());
        List<long[]> listed = new ArrayList<>();
        JsonFactory factory = arguments.contains("dump") || arguments.contains("show") ? DUMPED : ROWS;
        try (JsonParser parser = factory.createParser(out)) {
            int line = 0;
            while (parser.nextToken() != null) {
                if (parser.currentTokenLocation().getByteOffset() != line) {
                    return Optional.of("no JSON: a line does not begin with a value, at byte " + line);
                }
                if (blocks && parser.currentToken() == JsonToken.START_OBJECT) {
                    block(parser, listed);
                } else {
                    parser.skipChildren();
                    parser.finishToken();
                }
                int end = line;
                while (end < out.length && out[end] != '\n') {
                    end++;
                }
                if (parser.currentLocation().getByteOffset() != end) {
                    return Optional.of("no JSON: more or less than a value in the line at byte " + line);
                }
                line = end + 1;
            }
            if (line < out.length) {
                return Optional.of("no JSON: a line without a value, at byte " + line);
            }
        } catch (IOException e) {
            return Optional.of("no JSON: " + e.getMessage().lines().findFirst().orElse(""));
        }
        // Other allocators put a block anywhere in its slot, the size of which is told.
        return twice(listed, arguments.stream().anyMatch(argument -> argument.contains("/allocator-")));
    }

    /** Reads an object, and adds where a block lies that it tells. */
    private static void block(JsonParser parser, List<long[]> listed) throws IOException {
        String address = null;
        long size = -1;
        boolean page = false;
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            switch (parser.nextToken()) {
                case VALUE_STRING -> {
                    if (name.equals("address")) {
                        address = parser.getText();
                    } else {
                        // The row of a heap page stands for all of it that is no object.
                        page |= name.equals("kind") && parser.getText().equals("heap page");
                    }
                }
                case VALUE_NUMBER_INT -> size = name.equals("size") ? parser.getLongValue() : size;
                default -> parser.skipChildren();
            }
            parser.finishToken();
        }
        if (address != null && size >= 0 && !page) {
            listed.add(new long[] {Long.decode(address), size});
        }
    }

    /** Blocks that lie over each other. */
    private static Optional<String> twice(List<long[]> blocks, boolean inSlots) {
        blocks.sort((one, another) -> Long.compareUnsigned(one[0], another[0]));
        for (int i = 1; i < blocks.size(); i++) {
            // A chunk of malloc begins two words before its address, and what lies behind it may be none.
            long end = blocks.get(i - 1)[0] + (inSlots ? 1 : Math.max(1, blocks.get(i - 1)[1] - 2 * Long.BYTES));
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
