// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Mappings;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Text of a process that runs on, which unmaps a page between one look at it and the next: held against a parser. */
class TargetTextTest {
    private static final ObjectReader JSON = new ObjectMapper()
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .reader();
    private static final long START = 0x7f00_0000_0000L;
    private static final int PAGE = 4096;
    private static final byte[] KEY = JsonLines.ascii(",\"val\":");
    private static final String WORDS = "a ü € 漢字 𝄞 \"\\\n ";

    /** Memory of which a page goes away as soon as it is read from the beginning again. */
    private static final class Vanishing implements AddressSpace {
        private final MemorySegment bytes;
        private final Mappings mappings;
        private final long lost;
        private int looks;
        private long last = Long.MAX_VALUE;

        /** Loses a page after some looks. What a reader keeps of the first one does not count: the first pieces. */
        private Vanishing(byte[] text, int page, int looks) {
            bytes = Arena.ofAuto().allocate(text.length, PAGE);
            MemorySegment.copy(text, 0, bytes, ValueLayout.JAVA_BYTE, 0, text.length);
            mappings = new Mappings(List.of(new Mapping(START, START + text.length, true, true, false, false, 0, "")));
            lost = START + (long) page * PAGE;
            this.looks = looks;
        }

        private boolean has(long address, long length) {
            if (address < last) {
                looks--;
            }
            last = address;
            return address >= START
                    && address - START <= bytes.byteSize() - length
                    && (looks >= 0 || address + length <= lost || address >= lost + PAGE);
        }

        @Override
        public Mappings mappings() {
            return mappings;
        }

        @Override
        public void refresh() {
            throw new AssertionError();
        }

        @Override
        public long read(long address, MemorySegment destination) {
            throw new AssertionError();
        }

        @Override
        public void readRanges(long[] addresses, long[] lengths, int count, MemorySegment destination, long[] read) {
            throw new AssertionError();
        }

        @Override
        public Window window() {
            throw new AssertionError();
        }

        /** Shows what is asked for and no more. */
        @Override
        public Window cache(long budget) {
            return new Window(new Window.Source() {
                private long base;
                private long length;

                @Override
                public boolean load(long address, long wanted) {
                    base = address;
                    length = has(address, wanted) ? wanted : 0;
                    return length == wanted;
                }

                @Override
                public MemorySegment segment() {
                    return length == 0 ? MemorySegment.NULL : bytes.asSlice(base - START);
                }

                @Override
                public long base() {
                    return base;
                }

                @Override
                public long length() {
                    return length;
                }

                @Override
                public long missing() {
                    return Math.max(base, lost);
                }
            });
        }
    }

    private static String text() {
        return WORDS.repeat(20_000);
    }

    /** A form, the bytes of a text, and the charset that they are in. */
    static Stream<Arguments> forms() {
        return Stream.of(
                Arguments.of(TextForm.UTF_8, StandardCharsets.UTF_8, text()),
                Arguments.of(TextForm.of(StandardCharsets.UTF_16LE), StandardCharsets.UTF_16LE, text()),
                Arguments.of(TextForm.of(Charset.forName("GB18030")), Charset.forName("GB18030"), text()),
                Arguments.of(TextForm.BYTES, StandardCharsets.US_ASCII, "plain \"words\"\n".repeat(20_000)));
    }

    /** What is written of a text, with the members of an object around it. */
    private static String written(Vanishing memory, TextRules rules, BiConsumer<TargetText, JsonLines> writer) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        JsonLines json = new JsonLines(out);
        try (Reader reader = memory.reader(1 << 18)) {
            writer.accept(new TargetText(reader, json, rules), json);
        }
        json.flush();
        return out.toString(StandardCharsets.UTF_8);
    }

    private static void begins(byte[] all, byte[] part) {
        assertThat(part.length).isLessThan(all.length);
        assertThat(Arrays.equals(part, Arrays.copyOf(all, part.length))).isTrue();
    }

    /** A text is too long to be shown by a check that fails. */
    private static void begins(String all, JsonNode part) {
        assertThat(part.isTextual()).as("type of the value").isTrue();
        int same = Arrays.mismatch(all.toCharArray(), part.textValue().toCharArray());
        assertThat(same).isEqualTo(part.textValue().length()).isLessThan(all.length());
    }

    @ParameterizedTest
    @MethodSource("forms")
    void membersOfWhatWentAwayAreWhole(TextForm form, Charset charset, String text) throws IOException {
        byte[] bytes = text.getBytes(charset);
        // UTF-8 is looked at once, and may go away before.
        int looks = form == TextForm.UTF_8 ? 0 : 1;
        for (int page : new int[] {12, 20, bytes.length / PAGE - 1}) {
            Vanishing memory = new Vanishing(bytes, page, looks);
            JsonNode line = JSON.readTree(written(memory, TextRules.WHOLE, (to, json) -> {
                json.raw(JsonLines.ascii("{\"id\":1"));
                to.members(KEY, START, bytes.length, form);
                json.raw('}');
            }));
            assertThat(memory.looks).isNegative();
            begins(text, line.get("val"));
            assertThat(line.get("binary").booleanValue()).isTrue();
            begins(bytes, line.get("base64").binaryValue());
        }
    }

    @ParameterizedTest
    @MethodSource("forms")
    void aValueOfWhatWentAwayIsOneAllTheSame(TextForm form, Charset charset, String text) throws IOException {
        byte[] bytes = text.getBytes(charset);
        for (int page : new int[] {12, 20, bytes.length / PAGE - 1}) {
            JsonNode line = JSON.readTree(written(new Vanishing(bytes, page, 1), TextRules.WHOLE, (to, json) -> {
                json.raw('[');
                assertThatThrownBy(() -> to.value(START, bytes.length, form))
                        .isInstanceOfSatisfying(
                                UnmappedAddressException.class,
                                e -> assertThat(e.address()).isEqualTo(START + (long) page * PAGE));
                json.raw(',');
                json.decimal(1);
                json.raw(']');
            }));
            assertThat(line).hasSize(2);
            begins(text, line.get(0));
        }
    }

    /** At once with its first look, so that nothing of it is known. */
    @Test
    void aValueOfWhatIsGoneIsNull() throws IOException {
        byte[] bytes = text().getBytes(StandardCharsets.UTF_16LE);
        JsonNode line = JSON.readTree(written(new Vanishing(bytes, 3, 0), TextRules.WHOLE, (to, json) -> {
            json.raw('[');
            assertThatThrownBy(() -> to.value(START, bytes.length, TextForm.of(StandardCharsets.UTF_16LE)))
                    .isInstanceOf(UnmappedAddressException.class);
            json.raw(']');
        }));
        assertThat(line).hasSize(1);
        assertThat(line.get(0).isNull()).isTrue();
    }

    @ParameterizedTest
    @MethodSource("forms")
    void theBeginningOfWhatWentAwayIsWhole(TextForm form, Charset charset, String text) throws IOException {
        byte[] bytes = text.getBytes(charset);
        TextRules rules = TextRules.WHOLE.atMost(100_000);
        JsonNode line = JSON.readTree(written(new Vanishing(bytes, 20, 1), rules, (to, json) -> {
            json.raw(JsonLines.ascii("{\"id\":1"));
            assertThatThrownBy(() -> to.members(KEY, START, bytes.length, form))
                    .isInstanceOf(UnmappedAddressException.class);
            json.raw('}');
        }));
        assertThat(line.get("bytesize").intValue()).isEqualTo(bytes.length);
        assertThat(line.has("sha256")).isFalse();
        begins(text, line.get("val"));
    }

    @Test
    void aStringTellsWhatTheRulesAllow() throws Exception {
        byte[] bytes = "plain \"words\"\n".repeat(20_000).getBytes(StandardCharsets.US_ASCII);
        for (int most : new int[] {0, 1, 100_000, bytes.length, Integer.MAX_VALUE}) {
            JsonNode line = JSON.readTree(written(
                    new Vanishing(bytes, 20, 9),
                    TextRules.WHOLE.atMost(most),
                    (to, json) -> assertThat(to.string(START, bytes.length)).isTrue()));
            assertThat(line.textValue().getBytes(StandardCharsets.US_ASCII))
                    .isEqualTo(Arrays.copyOf(bytes, Math.min(most, bytes.length)));
        }
        JsonNode line = JSON.readTree(written(
                new Vanishing(bytes, 20, 0),
                TextRules.WHOLE,
                (to, json) -> assertThat(to.string(START, bytes.length)).isFalse()));
        begins(bytes, line.textValue().getBytes(StandardCharsets.US_ASCII));
        byte[] none = HexFormat.of().parseHex("61ff62");
        line = JSON.readTree(written(
                new Vanishing(none, 20, 9),
                TextRules.WHOLE,
                (to, json) -> assertThat(to.string(START, none.length)).isFalse()));
        assertThat(line.textValue()).isEqualTo("a\u00ffb");
    }
}
