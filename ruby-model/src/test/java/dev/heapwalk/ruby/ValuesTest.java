// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.name.ClassNames;
import dev.heapwalk.ruby.name.StringDecoder;
import dev.heapwalk.ruby.object.ConstantCursor;
import dev.heapwalk.ruby.object.HashCursor;
import dev.heapwalk.ruby.object.IvarCursor;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RBignum;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.object.RComplex;
import dev.heapwalk.ruby.object.RFloat;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.object.RMatch;
import dev.heapwalk.ruby.object.RRational;
import dev.heapwalk.ruby.object.RRegexp;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RStruct;
import dev.heapwalk.ruby.object.SpecialConstants;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.assertj.core.api.SoftAssertions;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A table of values that each Ruby describes itself. */
class ValuesTest {
    private static final ObjectMapper JACKSON = new ObjectMapper();
    private static final HexFormat HEX = HexFormat.of();
    /** Each String in UTF-8, or that Ruby can't say it in that. */
    private static final String IN_UTF_8 =
            "eval VALUES.select { |_, v| String === v }.map { |n, v| \"#{Target.hex(n)} \" + "
                    + "(Target.hex(v.dup.encode(Encoding::UTF_8)) rescue \"none\") }";

    @TempDir
    Path folder;

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void areThoseThatRubyTells(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "values").start()) {
            Path core = Cores.gcore(process, folder);
            List<JsonNode> table = new ArrayList<>();
            for (String line : Files.readAllLines(process.askForFile("values"))) {
                table.add(JACKSON.readTree(line));
            }
            assertThat(table).hasSizeGreaterThan(500);
            Map<String, String> texts = new LinkedHashMap<>();
            for (String line : process.ask(IN_UTF_8)) {
                String[] words = line.split(" ");
                texts.put(unhex(words[0]), words.length < 2 ? "" : words[1].equals("none") ? null : unhex(words[1]));
            }
            try (Target target = Target.attach(process.pid())) {
                for (RubyVm.Symbols symbols : RubyVm.Symbols.values()) {
                    check(RubyVm.locate(target, symbols), table, texts);
                }
            }
            try (Target target = Target.core(core, ruby.root())) {
                for (RubyVm.Symbols symbols : RubyVm.Symbols.values()) {
                    check(RubyVm.locate(target, symbols), table, texts);
                }
            }
        }
    }

    private static String unhex(String hex) {
        return new String(HEX.parseHex(hex), StandardCharsets.UTF_8);
    }

    private static void check(RubyVm vm, List<JsonNode> table, Map<String, String> texts) {
        Heap heap = new Heap(vm);
        Map<String, Long> values = heap.table();
        assertThat(values).hasSameSizeAs(table);
        SoftAssertions softly = new SoftAssertions();
        Iterator<JsonNode> told = table.iterator();
        values.forEach((name, value) -> {
            Comparison comparison = new Comparison(heap, name, value, told.next(), softly);
            comparison.run();
            if (texts.containsKey(name)) {
                comparison.inUtf8(texts.get(name));
            }
        });
        softly.assertAll();
    }

    /** What the table is read with. */
    private static final class Heap {
        final RubyVm vm;
        final ObjectReader reader;
        final StringDecoder strings;
        final RString string;
        final RArray array;
        final RHash hash;

        Heap(RubyVm vm) {
            this.vm = vm;
            this.reader = vm.reader();
            this.strings = new StringDecoder(reader);
            this.string = new RString(reader);
            this.array = new RArray(reader);
            this.hash = new RHash(reader);
        }

        Map<String, Long> table() {
            SlotCursor slot = vm.slots(reader);
            long object = 0;
            while (slot.next() && object == 0) {
                if (slot.type() == RubyType.CLASS
                        && reader.classNames().of(slot.address()).equals(Optional.of("Object"))) {
                    object = slot.address();
                }
            }
            ConstantCursor constant = new ConstantCursor(reader).over(object);
            while (constant.next()) {
                if ("VALUES".equals(new String(constant.name().orElseThrow(), StandardCharsets.UTF_8))) {
                    Map<String, Long> values = new LinkedHashMap<>();
                    HashCursor entry = new HashCursor(reader).over(reader.at(constant.value(), hash));
                    while (entry.next()) {
                        values.put(
                                strings.text(reader.at(entry.key(), string), 1000)
                                        .orElseThrow(),
                                entry.value());
                    }
                    return values;
                }
            }
            throw new AssertionError("Object has no constant VALUES");
        }
    }

    /** One value beside what Ruby told of it. */
    private record Comparison(Heap heap, String name, long value, JsonNode told, SoftAssertions softly) {

        void run() {
            JsonNode address = told.get("address");
            softly.assertThat(value > 0x40 && (value & 7) == 0)
                    .as("%s is a reference", name)
                    .isEqualTo(!address.isNull());
            if (address.isNull()) {
                immediate();
                return;
            }
            softly.assertThat("0x%x".formatted(value)).as("address of %s", name).isEqualTo(address.textValue());
            RValue slot = heap.reader.at(value);
            softly.assertThat(slot.type().name())
                    .as("type of %s", name)
                    .isEqualTo(told.get("type").textValue());
            softly.assertThat(slot.frozen())
                    .as("%s is frozen", name)
                    .isEqualTo(told.get("frozen").booleanValue());
            ClassNames names = heap.reader.classNames();
            softly.assertThat(names.of(names.realClass(slot.klass())))
                    .as("class of %s", name)
                    .isEqualTo(Optional.ofNullable(told.get("class").textValue()));
            ivars();
            RubyType type = heap.reader.at(value).type();
            switch (type) {
                case STRING -> string(heap.reader.at(value, heap.string));
                case SYMBOL -> symbol();
                case ARRAY -> array(heap.reader.at(value, heap.array));
                case HASH -> hash(heap.reader.at(value, heap.hash));
                case STRUCT -> struct(heap.reader.at(value, new RStruct(heap.reader)));
                case BIGNUM ->
                    is(
                            "number",
                            heap.reader
                                    .at(value, new RBignum(heap.reader))
                                    .text()
                                    .orElseThrow(),
                            text("number"));
                case FLOAT ->
                    is(
                            "bits",
                            bits(heap.reader.at(value, new RFloat(heap.reader)).value()),
                            text("bits"));
                case RATIONAL -> rational(heap.reader.at(value, new RRational(heap.reader)));
                case COMPLEX -> complex(heap.reader.at(value, new RComplex(heap.reader)));
                case REGEXP -> regexp(heap.reader.at(value, new RRegexp(heap.reader)));
                case MATCH -> match(heap.reader.at(value, new RMatch(heap.reader)));
                case CLASS, MODULE -> module(heap.reader.at(value, new RClass(heap.reader)));
                case OBJECT, DATA -> {
                    if (told.has("message")) {
                        message();
                    }
                }
                default -> softly.fail("%s is a %s", name, type);
            }
        }

        private void is(String what, Object actual, Object expected) {
            softly.assertThat(actual).as("%s of %s", what, name).isEqualTo(expected);
        }

        private String encoding(RValue object) {
            return heap.reader
                    .encodings()
                    .name(heap.reader.encodings().indexOf(object))
                    .orElse(null);
        }

        private String text(String key) {
            return told.get(key).isNull() ? null : told.get(key).textValue();
        }

        private void immediate() {
            if (told.has("bits")) {
                softly.assertThat(SpecialConstants.isFlonum(value))
                        .as("%s is a flonum", name)
                        .isTrue();
                is("bits", bits(SpecialConstants.flonum(value)), text("bits"));
            } else if (told.has("number")) {
                is("number", Long.toString(value >> 1), text("number"));
            } else if (told.has("bytes")) {
                symbol();
            } else {
                is("inspect", inspect(value), unhex(text("inspect")));
            }
        }

        private static String bits(double number) {
            return "%016x".formatted(Double.doubleToRawLongBits(number));
        }

        /** What is no reference, as Ruby's inspect writes it. */
        private String inspect(long immediate) {
            if (!SpecialConstants.isStaticSymbol(immediate)) {
                return Inspection.immediate(heap.reader, immediate);
            }
            return ":"
                    + new String(heap.reader.symbols().bytesOfSymbol(immediate).orElseThrow(), StandardCharsets.UTF_8)
                            .replaceFirst("^(.*[ \"].*)$", "\"$1\"");
        }

        private void reference(String what, long actual, JsonNode expected) {
            if (expected.get("address").isNull()) {
                is(what, inspect(actual), unhex(expected.get("inspect").textValue()));
            } else {
                is(what, "0x%x".formatted(actual), expected.get("address").textValue());
            }
        }

        private void ivars() {
            List<String> actual = new ArrayList<>();
            List<String> expected = new ArrayList<>();
            IvarCursor ivar = new IvarCursor(heap.reader).over(value);
            JsonNode pairs = told.get("ivars");
            while (ivar.next()) {
                String at = new String(ivar.name().orElseThrow(), StandardCharsets.UTF_8);
                if (at.startsWith("@") && !at.startsWith("@@")) {
                    if (actual.size() < pairs.size()) {
                        reference(
                                at,
                                ivar.ivar().value(),
                                pairs.get(actual.size()).get(1));
                    }
                    actual.add(at);
                }
            }
            pairs.forEach(pair -> expected.add(unhex(pair.get(0).textValue())));
            is("instance variables", actual, expected);
        }

        private void string(RString string) {
            int encoding = heap.reader.encodings().indexOf(string);
            byte[] bytes = heap.reader.at(value, heap.string).content(1 << 20);
            is("bytes", HEX.formatHex(bytes), text("bytes"));
            is("encoding", heap.reader.encodings().name(encoding).orElse(null), text("encoding"));
            boolean valid = told.get("valid").booleanValue();
            is(
                    "validity",
                    heap.strings.validity(heap.reader.at(value, heap.string)),
                    valid ? StringDecoder.Validity.VALID : StringDecoder.Validity.BROKEN);
            StringDecoder.Validity decoded = heap.strings.validity(bytes, encoding);
            if (decoded != StringDecoder.Validity.UNKNOWN) {
                is("decoded validity", decoded, valid ? StringDecoder.Validity.VALID : StringDecoder.Validity.BROKEN);
            }
        }

        void inUtf8(String expected) {
            String actual = heap.strings
                    .text(heap.reader.at(value, heap.string), 1 << 20)
                    .orElse(null);
            if (actual != null) {
                // Ruby composes what is decomposed in the Macintosh's UTF-8.
                boolean decomposed =
                        text("encoding").equals("UTF8-MAC") || text("encoding").equals("UTF-8-MAC");
                is("text", decomposed ? Normalizer.normalize(actual, Normalizer.Form.NFC) : actual, expected);
            } else {
                int encoding = heap.reader.encodings().indexOf(heap.reader.at(value, heap.string));
                boolean decodable = heap.reader.encodings().charset(encoding).isPresent();
                // Ruby takes invalid UTF-8 for UTF-8.
                softly.assertThat(decodable
                                && expected != null
                                && told.get("valid").booleanValue())
                        .as("%s has a text", name)
                        .isFalse();
            }
        }

        private void symbol() {
            is("bytes", HEX.formatHex(heap.reader.symbols().bytesOfSymbol(value).orElseThrow()), text("bytes"));
            RString string = heap.reader.at(heap.reader.symbols().stringOfSymbol(value), heap.string);
            is("encoding", encoding(string), text("encoding"));
        }

        private void array(RArray array) {
            JsonNode elements = told.get("elements");
            is("length", array.length(), (long) elements.size());
            for (int i = 0; i < Math.min(array.length(), elements.size()); i++) {
                reference("element " + i, array.element(i), elements.get(i));
            }
        }

        private void hash(RHash hash) {
            boolean proc = hash.defaultIsProc();
            long otherwise = hash.defaultValue();
            is("by identity", hash.comparesByIdentity(), told.get("by_identity").booleanValue());
            reference(proc ? "default proc" : "default", otherwise, told.get(proc ? "default_proc" : "default"));
            JsonNode pairs = told.get("pairs");
            HashCursor entry = new HashCursor(heap.reader).over(heap.reader.at(value, heap.hash));
            int count = 0;
            while (entry.next()) {
                if (count < pairs.size()) {
                    HashCursor.Pair pair = entry.pair();
                    assertThat(entry).hasToString("0x%x => 0x%x".formatted(pair.key(), pair.value()));
                    reference("key " + count, pair.key(), pairs.get(count).get(0));
                    reference("value " + count, pair.value(), pairs.get(count).get(1));
                }
                count++;
            }
            is("size", count, pairs.size());
        }

        private void struct(RStruct struct) {
            if (told.has("begin")) {
                is("length", struct.length(), 3L);
                is("ancestor", heap.reader.classNames().descends(struct.klass(), "Range"), true);
                reference("begin", struct.member(0), told.get("begin"));
                reference("end", struct.member(1), told.get("end"));
                is(
                        "exclusion",
                        inspect(struct.member(2)),
                        told.get("excludes_end").asText());
                return;
            }
            JsonNode members = told.get("members");
            is("length", struct.length(), (long) members.size());
            is("count", heap.reader.structMembers().count(struct.klass()), members.size());
            for (int i = 0; i < members.size(); i++) {
                is(
                        "member " + i,
                        new String(
                                heap.reader
                                        .structMembers()
                                        .name(struct.klass(), i)
                                        .orElseThrow(),
                                StandardCharsets.UTF_8),
                        unhex(members.get(i).get(0).textValue()));
                reference("member " + i, struct.member(i), members.get(i).get(1));
            }
        }

        private String integer(long integer) {
            return SpecialConstants.isFixnum(integer)
                    ? Long.toString(integer >> 1)
                    : heap.reader.at(integer, new RBignum(heap.reader)).text().orElseThrow();
        }

        private void rational(RRational rational) {
            is("denominator", integer(rational.denominator()), text("denominator"));
            is("numerator", integer(heap.reader.at(value, rational).numerator()), text("numerator"));
        }

        private void complex(RComplex complex) {
            reference("real part", complex.real(), told.get("real"));
            reference("imaginary part", complex.imaginary(), told.get("imaginary"));
        }

        private void regexp(RRegexp regexp) {
            is("options", regexp.options(), told.get("options").intValue());
            is("encoding", encoding(regexp), text("encoding"));
            byte[] source = heap.reader.at(regexp.source(), heap.string).content(1 << 20);
            is("source", HEX.formatHex(source), text("source"));
        }

        private void match(RMatch match) {
            reference("string", match.string(), told.get("string"));
            reference("regexp", match.regexp(), told.get("regexp"));
            List<String> groups = new ArrayList<>();
            for (int i = 0; i < match.groups(); i++) {
                groups.add(match.begin(i) < 0 ? "none" : match.begin(i) + "+" + (match.end(i) - match.begin(i)));
            }
            List<String> expected = new ArrayList<>();
            told.get("groups")
                    .forEach(group -> expected.add(group.isNull() ? "none" : group.get(0) + "+" + group.get(1)));
            is("groups", groups, expected);
        }

        private void module(RClass module) {
            is("singleton", module.singleton(), told.get("singleton").booleanValue());
            is(
                    "name",
                    heap.reader.classNames().of(value).orElse(null),
                    told.get("name").isNull() ? null : unhex(text("name")));
        }

        private void message() {
            TreeSet<String> messages = new TreeSet<>();
            IvarCursor ivar = new IvarCursor(heap.reader).over(value);
            while (ivar.next()) {
                if (new String(ivar.name().orElseThrow(), StandardCharsets.UTF_8).equals("mesg")) {
                    messages.add(HEX.formatHex(
                            heap.reader.at(ivar.value(), heap.string).content(1000)));
                }
            }
            softly.assertThat(messages).as("message of %s", name).containsExactly(text("message"));
        }
    }
}
