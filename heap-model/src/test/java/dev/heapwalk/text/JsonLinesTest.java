// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.text;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

/** What Jackson and C make of the same values. */
class JsonLinesTest {
    private static final ObjectMapper JACKSON = new ObjectMapper();
    private static final byte[] MIXED = "é€😀ab\"\\".getBytes(UTF_8);

    private static byte[] written(Consumer<JsonLines> writing) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        JsonLines json = new JsonLines(bytes, 0);
        writing.accept(json);
        json.flush();
        assertThat(json.bytes()).isEqualTo(bytes.size());
        return bytes.toByteArray();
    }

    private static JsonNode parsed(byte[] bytes) throws IOException {
        return JACKSON.readTree(bytes);
    }

    private static JsonNode parsed(Consumer<JsonLines> writing) throws IOException {
        return parsed(written(writing));
    }

    private static MemorySegment copy(Arena arena, byte[] bytes) {
        MemorySegment segment = arena.allocate(Math.max(bytes.length, 1));
        MemorySegment.copy(bytes, 0, segment, ValueLayout.JAVA_BYTE, 0, bytes.length);
        return segment;
    }

    @Test
    void numbersAreReadBack() throws IOException {
        Random random = new Random(1);
        for (int i = 0; i < 20_000; i++) {
            long value = random.nextLong() >> random.nextInt(64);
            assertThat(parsed(json -> json.decimal(value)).longValue()).isEqualTo(value);
            assertThat(parsed(json -> json.unsigned(value)).bigIntegerValue())
                    .isEqualTo(new BigInteger(Long.toUnsignedString(value)));
            assertThat(parsed(json -> json.address(value)).textValue()).isEqualTo("0x%x".formatted(value));
        }
        for (long edge = 1; edge > 0 && edge <= Long.MAX_VALUE / 10; edge *= 10) {
            for (long value : new long[] {edge - 1, edge, -edge, 1 - edge}) {
                assertThat(parsed(json -> json.decimal(value)).longValue()).isEqualTo(value);
            }
        }
        assertThat(parsed(json -> json.decimal(Long.MIN_VALUE)).longValue()).isEqualTo(Long.MIN_VALUE);
        assertThat(parsed(json -> json.decimal(Long.MAX_VALUE)).longValue()).isEqualTo(Long.MAX_VALUE);
    }

    @Test
    void exactNumbersAreReadBack() throws IOException {
        Random random = new Random(2);
        for (int i = 0; i < 20_000; i++) {
            double value = Double.longBitsToDouble(random.nextLong());
            if (Double.isFinite(value)) {
                assertThat(parsed(json -> json.exact(value)).doubleValue()).isEqualTo(value);
            }
        }
        assertThat(parsed(json -> json.exact(Double.NaN)).textValue()).isEqualTo("NaN");
        assertThat(parsed(json -> json.exact(Double.NEGATIVE_INFINITY)).textValue())
                .isEqualTo("-Infinity");
        assertThat(parsed(json -> json.exact(-0.0)).doubleValue()).isEqualTo(-0.0);
    }

    @Test
    void sixDigitsAreThoseOfC() throws Throwable {
        MethodHandle snprintf = Linker.nativeLinker()
                .downcallHandle(
                        Linker.nativeLinker().defaultLookup().findOrThrow("snprintf"),
                        FunctionDescriptor.of(
                                ValueLayout.JAVA_INT,
                                ValueLayout.ADDRESS,
                                ValueLayout.JAVA_LONG,
                                ValueLayout.ADDRESS,
                                ValueLayout.JAVA_DOUBLE),
                        Linker.Option.firstVariadicArg(3));
        Random random = new Random(3);
        int shortened = 0;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(64);
            MemorySegment both = arena.allocateFrom("%1$#g %1$g");
            for (int i = 0; i < 50_000; i++) {
                double value = number(random, i % 5);
                int length = (int) snprintf.invokeExact(text, 64L, both, value);
                assertThat(length).isBetween(3, 40);
                String[] expected = text.getString(0).split(" ");
                assertThat(general(value, false)).isEqualTo(expected[1]);
                if (expected[0].matches("-?[01]\\.e.*|-?1(0*)\\.0*")
                        && expected[0].replaceAll("e.*|\\D", "").length() < 6) {
                    // The GNU C library forgets zeros when it rounds up to a power of ten.
                    shortened++;
                } else {
                    assertThat(general(value, true)).isEqualTo(expected[0]);
                }
            }
        }
        assertThat(shortened).isLessThan(7_000);
        assertThat(general(999_999.9, true)).isEqualTo("1.00000e+06");
        assertThat(general(99_999.99, true)).isEqualTo("100000.");
        assertThat(general(Double.NaN, true)).isEqualTo("NaN");
        assertThat(general(Double.NEGATIVE_INFINITY, true)).isEqualTo("-Inf");
        assertThat(general(-0.0, true)).isEqualTo("-0.00000");
        assertThat(general(0, false)).isEqualTo("0");
    }

    private static String general(double value, boolean padded) {
        return new String(written(json -> json.general(value, padded)), US_ASCII);
    }

    private static double number(Random random, int kind) {
        double value = switch (kind) {
            case 0 -> Double.longBitsToDouble(random.nextLong());
            case 1 -> random.nextInt(2_000_000) / 1000.0;
            case 2 -> random.nextGaussian() * Math.pow(10, random.nextInt(60) - 30);
            // Ties, and numbers that round up to a power of ten.
            case 3 -> (random.nextInt(2_000_000) + 0.5) * Math.pow(2, random.nextInt(20) - 10);
            default -> Math.nextDown(Math.pow(10, random.nextInt(40) - 20)) * (random.nextBoolean() ? 1 : 0.9999995);
        };
        return Double.isFinite(value) ? value : 1;
    }

    /** Found by script/fuzz: bytes of a Python that are a byte order mark. */
    @Test
    void noMarkThatTurnsTextIsWrittenAsItIs() throws IOException {
        String marks = "\ufeff\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069";
        String text = "a" + marks + "€\uff01é";
        byte[] line = written(json -> json.string(text.getBytes(UTF_8)));
        assertThat(new String(line, UTF_8)).contains("€\uff01é").doesNotContain(marks.split(""));
        assertThat(parsed(line).textValue()).isEqualTo(text);
    }

    /** A terminal may obey one, also {@code U+009B}, in two bytes of UTF-8 that may lie in two parts. */
    @Test
    void noControlCharacterIsWrittenAsItIs() throws IOException {
        StringBuilder all = new StringBuilder();
        for (int point = 0; point < 0x110; point++) {
            all.appendCodePoint(point);
        }
        String text = all.toString();
        byte[] bytes = text.getBytes(UTF_8);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment segment = copy(arena, bytes);
            for (int cut = 0; cut <= bytes.length; cut++) {
                int first = cut;
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                JsonLines json = new JsonLines(out);
                json.raw('"');
                json.text(segment, 0, first);
                json.text(segment, first, bytes.length - first);
                assertThat(json.endText()).isTrue();
                json.raw('"');
                json.flush();
                String written = out.toString(UTF_8);
                assertThat(written.codePoints().noneMatch(Character::isISOControl))
                        .as(written)
                        .isTrue();
                assertThat(JACKSON.readTree(written).textValue()).isEqualTo(text);
            }
        }
    }

    @Test
    void everyCharacterIsReadBack() throws IOException {
        StringBuilder all = new StringBuilder();
        for (int point = 0; point < 0x110000; point += point < 0x3000 ? 1 : 97) {
            if (point < 0xd800 || point > 0xdfff) {
                all.appendCodePoint(point);
            }
        }
        String text = all.toString();
        assertThat(parsed(json -> json.string(text)).textValue()).isEqualTo(text);
        try (Arena arena = Arena.ofConfined()) {
            byte[] bytes = text.getBytes(UTF_8);
            MemorySegment segment = copy(arena, bytes);
            assertThat(parsed(json -> assertThat(json.string(segment, 0, bytes.length))
                                    .isTrue())
                            .textValue())
                    .isEqualTo(text);
        }
    }

    @Test
    void anyBytesInAnyPartsAreJson() throws IOException {
        Random random = new Random(4);
        for (int i = 0; i < 10_000; i++) {
            byte[] bytes = new byte[random.nextInt(random.nextInt(20) == 0 ? 20_000 : 40)];
            random.nextBytes(bytes);
            int kind = random.nextInt(4);
            for (int at = 0; at < bytes.length; at++) {
                if (kind == 0 || kind == 1 && random.nextInt(8) > 0) {
                    bytes[at] = (byte) (' ' + (bytes[at] & 0x3f));
                } else if (kind == 2) {
                    bytes[at] = MIXED[(bytes[at] & 0xff) % MIXED.length];
                }
            }
            try (Arena arena = Arena.ofConfined()) {
                MemorySegment segment = copy(arena, bytes);
                boolean[] valid = new boolean[2];
                byte[] whole = written(json -> valid[0] = json.string(segment, 0, bytes.length));
                byte[] parts = written(json -> {
                    json.raw('"');
                    for (int at = 0; at < bytes.length; ) {
                        int length = Math.min(1 + random.nextInt(30), bytes.length - at);
                        json.text(segment, at, length);
                        at += length;
                    }
                    valid[1] = json.endText();
                    json.raw('"');
                });
                assertThat(parts).isEqualTo(whole);
                assertThat(written(json -> json.string(bytes))).isEqualTo(whole);
                String expected = decoded(bytes);
                assertThat(valid).containsOnly(expected != null);
                String read = parsed(whole).textValue();
                if (expected != null) {
                    assertThat(read).isEqualTo(expected);
                }
                assertThat(written(json -> json.base64(segment, 0, bytes.length)))
                        .isEqualTo(Base64.getEncoder().encode(bytes));
            }
        }
    }

    @Test
    void charactersAreReadBack() throws IOException {
        Random random = new Random(5);
        for (int i = 0; i < 2_000; i++) {
            char[] text = new char[random.nextInt(random.nextInt(20) == 0 ? 20_000 : 40)];
            for (int at = 0; at < text.length; at++) {
                text[at] = (char) (random.nextInt(3) == 0 ? random.nextInt(0x10000) : 0xd7f0 + random.nextInt(0x820));
            }
            int count = text.length == 0 ? 0 : random.nextInt(text.length);
            String read = parsed(json -> {
                        json.raw('"');
                        json.text(text, count);
                        json.raw('"');
                    })
                    .textValue();
            // Java, too, puts question marks for what is unpaired.
            assertThat(read).isEqualTo(new String(new String(text, 0, count).getBytes(UTF_8), UTF_8));
        }
    }

    @Test
    void hexIsThatOfTheJdk() {
        byte[] bytes = new byte[256];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) i;
        }
        assertThat(written(json -> json.hex(bytes)))
                .asString()
                .isEqualTo(HexFormat.of().formatHex(bytes));
    }

    private static String decoded(byte[] bytes) {
        try {
            return UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            return null;
        }
    }

    @Test
    void bytesThatAreNoTextKeepTheirNumber() throws IOException {
        byte[] bytes = {'a', (byte) 0xff, (byte) 0xc3, 'b', (byte) 0xe2, (byte) 0x82};
        assertThat(parsed(json -> assertThat(json.string(bytes)).isFalse()).textValue())
                .isEqualTo("a\u00ff\u00c3b\u00e2\u0082");
    }

    @Test
    void rawBytesOfAnyLengthAreKept() {
        byte[] bytes = "0123456789".repeat(20_000).getBytes(US_ASCII);
        assertThat(written(json -> {
                    json.raw(bytes);
                    json.newline();
                    json.raw(bytes);
                }))
                .asString()
                .isEqualTo("0123456789".repeat(20_000) + "\n" + "0123456789".repeat(20_000));
    }

    @Test
    void aStreamThatFailsIsReported() {
        JsonLines json = new JsonLines(new OutputStream() {
            @Override
            public void write(int one) throws IOException {
                throw new IOException("no space left");
            }
        });
        assertThatThrownBy(() -> {
                    json.decimal(1);
                    json.flush();
                })
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContaining("no space left");
    }
}
