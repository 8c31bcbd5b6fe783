// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.dump;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.heap.dump.DumpOutput;
import dev.heapwalk.heap.dump.DumpSummary;
import dev.heapwalk.memory.Target;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.RubyThreads;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What is cut is what {@code String#byteslice} and {@code scrub} leave, with the digest that Ruby's own library makes;
 * what is redacted is nowhere, but names are.
 */
class DisclosureTest {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final long[] LIMITS = {0, 1, 2, 3, 5, 30, 100, 4096, 4097, 65_536, 1L << 40};

    private static final String TEXTS = "eval require 'digest'; base = \"Gr\\u00fc\\u00dfe \\u65e5\\u672c\\u8a9e, "
            + "\\u3053\\u3093 \"; smile = \"\\u{1f600}x\";"
            + " $texts = [base, base * 500, smile * 4000, 'plain ' * 20_000, 'x' * 65_536, 'x' * 65_537, '',"
            + " base * 500 + \"\\xff\", \"\\xff\" + base * 500, base + \"\\xe6\\x97\", \"\\x97\\xe6\" * 3000];"
            + " %w[UTF-16LE UTF-16BE UTF-32LE UTF-32BE GB18030].each { |e| $texts << (smile * 3000).encode(e)"
            + " << (base * 9).encode(e) };"
            + " %w[EUC-JP Windows-31J Shift_JIS].each { |e| $texts << (\"\\u65e5\\u672c\\u8a9e \\u3053\" * 3000).encode(e)"
            + " << (\"\\u65e5a\" * 5).encode(e) << (\"\\u65e5\" * 9).encode(e) + \"\\xff\\xff\".b.force_encoding(e) };"
            + " $texts << (\"gr\\u00fc\\u00df\" * 5000).encode('ISO-8859-1') << (\"\\u65e5\" * 99).encode('ISO-2022-JP')"
            + " << 'dummy'.dup.force_encoding('UTF-16') << ('seven' * 20_000).dup.force_encoding('UTF-7');"
            + " $texts << (\"\\xff\\x01\".b * 50_000) << ('bytes ' * 20_000).b << ('bytes ' * 800).b + \"\\x80\".b"
            + " << ('ascii ' * 800).force_encoding('US-ASCII') << \"ascii\\xe9\".dup.force_encoding('US-ASCII'); 0";

    /** Of each text: its address, length and digest, and for each limit what is to be told of it. */
    private static final String TRUTH = "eval told = lambda { |s, n| p = s.byteslice(0, n);"
            + " bytes = [Encoding::BINARY, Encoding::US_ASCII].include?(s.encoding);"
            + " text = p.empty? || if bytes || s.encoding.dummy?"
            + " then p.b.ascii_only? && s.encoding.ascii_compatible?"
            + " else (n < s.bytesize ? 0..4 : 0..0).any? { |k| s.byteslice(0, n + k).valid_encoding? } end;"
            + " what = !text || bytes || s.encoding.dummy? ? p.b : p.scrub(''.dup.force_encoding(p.encoding)).encode('UTF-8').b;"
            + " (text ? 't' : 'b') + Digest::SHA256.hexdigest(what) };"
            // What was sliced shares its bytes from then on, but a copy that was appended to does not.
            + " $kept = []; $texts.map { |s| $kept << (String.new(capacity: [s.bytesize, 700].max + 1) << s.b)"
            + " .force_encoding(s.encoding); ([Target.address($kept.last), s.bytesize, Digest::SHA256.hexdigest(s)]"
            + " + [%s].map { |n| told.(s, n) }).join(' ') }";

    private static final String SECRETS = "eval require 'tempfile'; require 'digest'; w = 'gehe' + 'im'; $w = w;"
            + " class ToldClass; def initialize(v); @told_variable = v; end; def told_method; end; end;"
            + " $told = ToldClass.new(w + ' ivar'); $sym = (w + ' symbol').to_sym; $list = [w + ' a', w + ' b', $sym];"
            + " $hash = { $sym => 1, w + ' key' => $sym, (w + ' long key') * 9 => w };"
            + " $rx = Regexp.new(w + '.*'); $match = $rx.match(w + ' matched'); $ex = RuntimeError.new(w + ' message');"
            + " $big = (w * 5).unpack1('H*').to_i(16); $st = Struct.new(:told_member).new(w + ' member');"
            + " $wide = (w + ' wide').encode('UTF-16LE'); $bin = (w + \"\\xff\\xfe\").b;"
            + " $long = (w + ' long ') * 10_000; $root = $long.dup; $part = $long[50..-1]; $short = $long[100, 300];"
            + " $copy = String.new(capacity: 999) << $short; $equal = Array.new(3) { w + ' equal' };"
            + " $name = ('told_' + 'symbol').to_sym; ToldClass.send(:define_method, $name) { };"
            + " $made = Tempfile.new('told_file'); $file = File.open($made.path); $stop = Queue.new; $ready = Queue.new;"
            + " $thread = Thread.new { Thread.current.name = w + ' thread'; Thread.current[:told_local] = w + ' fl';"
            + " told_local_variable = w + ' local'; $ready << 1; $stop.pop; told_local_variable }; $ready.pop; sleep 0.1; $big.to_s";

    @TempDir
    private Path folder;

    private static List<JsonNode> lines(ByteArrayOutputStream out) throws IOException {
        List<JsonNode> lines = new ArrayList<>();
        for (String line : out.toString(StandardCharsets.UTF_8).split("\n")) {
            lines.add(JSON.readTree(line));
        }
        return lines;
    }

    private static List<JsonNode> dump(RubyVm vm, Disclosure told) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        DumpSummary written = HeapDump.of(vm, HeapDump.Id.PLAIN).telling(told).write(DumpOutput.to(out), slots -> {});
        assertThat(written.damaged()).isZero();
        return lines(out);
    }

    private static Map<String, JsonNode> byId(List<JsonNode> lines, String key) {
        Map<String, JsonNode> byId = new HashMap<>();
        lines.forEach(line -> byId.put(line.path(key).asText(), line));
        return byId;
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void whatIsTooLongIsCutAtCharacters(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "little").start()) {
            process.ask(TEXTS);
            StringBuilder limits = new StringBuilder();
            for (long limit : LIMITS) {
                limits.append(limits.isEmpty() ? "" : ",").append(limit);
            }
            List<String[]> truth = process.ask(TRUTH.formatted(limits)).stream()
                    .map(line -> line.split(" "))
                    .toList();
            assertThat(truth).hasSizeGreaterThan(35);
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.core(core, ruby.root())) {
                RubyVm vm = RubyVm.locate(target);
                for (int i = 0; i < LIMITS.length; i++) {
                    List<JsonNode> lines = dump(vm, Disclosure.WHOLE.atMost(LIMITS[i]));
                    JsonNode roots = lines.getFirst();
                    assertThat(roots.get("format").intValue()).isEqualTo(HeapDump.FORMAT);
                    assertThat(roots.get("max_string").longValue()).isEqualTo(LIMITS[i]);
                    assertThat(roots.has("redacted")).isFalse();
                    Map<String, JsonNode> byId = byId(lines, "id");
                    for (String[] text : truth) {
                        check(byId.get(text[0]), text, text[3 + i], LIMITS[i]);
                    }
                    long most = LIMITS[i];
                    assertThat(lines)
                            .allSatisfy(line -> assertThat(
                                            line.path("bt").asText().equals("T_STRING")
                                                    ? line.path("val").asText().length()
                                                    : 0)
                                    .isLessThanOrEqualTo((int) Math.min(most, Integer.MAX_VALUE)));
                }
                objectSpace(vm, truth);
            }
        }
    }

    private static void check(JsonNode line, String[] text, String told, long limit) throws Exception {
        String what = line.toString().substring(0, Math.min(300, line.toString().length()));
        boolean cut = Long.parseLong(text[1]) > limit;
        assertThat(line.path("bytesize").asText(cut ? "none" : text[1]))
                .as(what)
                .isEqualTo(text[1]);
        assertThat(line.has("bytesize")).as(what).isEqualTo(cut);
        assertThat(line.path("sha256").asText("none")).as(what).isEqualTo(cut ? text[2] : "none");
        boolean isText = told.startsWith("t");
        assertThat(line.path("binary").asBoolean()).as(what).isEqualTo(!isText);
        assertThat(line.has("val")).as(what).isEqualTo(isText || !cut);
        byte[] bytes = isText
                ? line.get("val").textValue().getBytes(StandardCharsets.UTF_8)
                : Base64.getDecoder().decode(line.get("base64").textValue());
        assertThat(sha256(bytes)).as(limit + ": " + what).isEqualTo(told.substring(1));
    }

    private static String sha256(byte[] bytes) throws NoSuchAlgorithmException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    }

    /** The lines of Ruby's own dump are the same but for what was cut. */
    private static void objectSpace(RubyVm vm, List<String[]> truth) throws Exception {
        int at = 6;
        long limit = LIMITS[at];
        ByteArrayOutputStream whole = new ByteArrayOutputStream();
        ByteArrayOutputStream cut = new ByteArrayOutputStream();
        ObjectSpaceDump dump = ObjectSpaceDump.of(vm);
        dump.write(DumpOutput.to(whole), slots -> {});
        dump.telling(Disclosure.WHOLE.atMost(limit)).write(DumpOutput.to(cut), slots -> {});
        Map<String, JsonNode> before = byId(lines(whole), "address");
        Map<String, JsonNode> after = byId(lines(cut), "address");
        assertThat(after).hasSameSizeAs(before);
        int shortened = 0;
        for (String[] text : truth) {
            JsonNode line = after.get(text[0]);
            if (line.has("value")) {
                assertThat(sha256(line.get("value").textValue().getBytes(StandardCharsets.UTF_8)))
                        .isEqualTo(text[3 + at].substring(1));
                assertThat(line.path("sha256").asText("none"))
                        .isEqualTo(Long.parseLong(text[1]) > limit ? text[2] : "none");
                shortened += line.has("sha256") ? 1 : 0;
            }
        }
        assertThat(shortened).isGreaterThan(3);
        before.forEach((address, line) -> {
            if (line.path("value").asText().length() <= limit) {
                assertThat(after.get(address)).isEqualTo(line);
            }
        });
    }

    @ParameterizedTest
    @MethodSource("dev.heapwalk.testkit.Ruby#all")
    void namesAreToldAndDataIsNot(Ruby ruby) throws Exception {
        try (RubyProcess process = RubyProcess.of(ruby, "little").start()) {
            String digits = process.ask(SECRETS).getFirst();
            Map<String, String> addresses = new HashMap<>();
            process.ask("eval %w[w told sym list hash rx match ex big st wide bin long root part short copy name file"
                            + " thread].map { |v| v + ' ' + Target.address(eval('$' + v)) }"
                            + " + $equal.each_with_index.map { |s, i| \"equal#{i} #{Target.address(s)}\" }")
                    .forEach(line -> addresses.put(line.split(" ")[0], line.split(" ")[1]));
            Path core = Cores.gcore(process, folder);
            try (Target target = Target.core(core, ruby.root())) {
                RubyVm vm = RubyVm.locate(target);
                ByteArrayOutputStream whole = new ByteArrayOutputStream();
                HeapDump.of(vm, HeapDump.Id.PLAIN).write(DumpOutput.to(whole), slots -> {});
                assertThat(found(whole, "geheim", digits)).containsExactly("geheim", digits);
                Disclosure told = Disclosure.WHOLE.redacting();
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                HeapDump.of(vm, HeapDump.Id.PLAIN).telling(told).write(DumpOutput.to(out), slots -> {});
                assertThat(found(out, "geheim", digits)).isEmpty();
                String[] names = {
                    "ToldClass", "told_method", "@told_variable", "told_member", "told_local", "told_local_variable"
                };
                assertThat(found(out, names)).containsExactly(names);
                redacted(lines(out), addresses);
                ByteArrayOutputStream again = new ByteArrayOutputStream();
                HeapDump.of(vm, HeapDump.Id.PLAIN).telling(told).write(DumpOutput.to(again), slots -> {});
                assertThat(again.toByteArray()).isEqualTo(out.toByteArray());
                ByteArrayOutputStream other = new ByteArrayOutputStream();
                HeapDump.of(vm, HeapDump.Id.PLAIN)
                        .telling(Disclosure.WHOLE.atMost(0).redacting())
                        .write(DumpOutput.to(other), slots -> {});
                assertThat(byId(lines(other), "id").get(addresses.get("copy")).get("hmac_sha256"))
                        .isNotNull()
                        .isNotEqualTo(byId(lines(out), "id")
                                .get(addresses.get("copy"))
                                .get("hmac_sha256"));

                ByteArrayOutputStream own = new ByteArrayOutputStream();
                ObjectSpaceDump.of(vm).telling(told).write(DumpOutput.to(own), slots -> {});
                assertThat(found(own, "geheim")).isEmpty();
                JsonNode text = byId(lines(out), "id").get(addresses.get("copy"));
                assertThat(byId(lines(own), "address")
                                .get(addresses.get("copy"))
                                .get("value")
                                .textValue())
                        .isEqualTo("hmac_sha256:" + text.get("hmac_sha256").textValue());

                ByteArrayOutputStream shown = new ByteArrayOutputStream();
                ObjectLines lines =
                        new ObjectLines(new RubyThreads(new Interpreter(vm.reader())), shown, HeapDump.Id.PLAIN, told);
                for (String address : addresses.values()) {
                    assertThat(lines.object(Long.decode(address))).isTrue();
                }
                lines.flush();
                assertThat(found(shown, "geheim", digits)).isEmpty();
                Map<String, JsonNode> dumped = byId(lines(out), "id");
                byId(lines(shown), "id")
                        .forEach((address, line) -> assertThat(line.path("hmac_sha256"))
                                .isEqualTo(
                                        dumped.get(address).path("hmac_sha256").isMissingNode()
                                                ? line.path("hmac_sha256")
                                                : dumped.get(address).path("hmac_sha256")));
            }
        }
    }

    /** Which words are in a dump, which is too long to be shown by a check that fails. */
    private static List<String> found(ByteArrayOutputStream out, String... words) {
        String text = out.toString(StandardCharsets.UTF_8);
        return Stream.of(words).filter(text::contains).toList();
    }

    private static void redacted(List<JsonNode> lines, Map<String, String> addresses) {
        assertThat(lines.getFirst().get("redacted").booleanValue()).isTrue();
        Set<String> texts = Set.of("T_STRING", "T_REGEXP", "T_BIGNUM");
        for (JsonNode line : lines) {
            if (texts.contains(line.path("bt").asText())) {
                assertThat(line.has("val") || line.has("base64"))
                        .as(line.toString())
                        .isFalse();
                assertThat(line.has("hmac_sha256") || line.has("shared") || line.has("damage"))
                        .as(line.toString())
                        .isTrue();
            }
        }
        Map<String, JsonNode> byId = byId(lines, "id");
        Map<String, JsonNode> named = new HashMap<>();
        addresses.forEach((name, address) -> named.put(name, byId.get(address)));
        assertThat(named.get("w").get("bytesize").intValue()).isEqualTo(6);
        assertThat(named.get("sym").get("bytesize").intValue()).isEqualTo(13);
        assertThat(named.get("sym").has("val")).isFalse();
        assertThat(named.get("name").path("val").asText()).isEqualTo("told_symbol");
        assertThat(named.get("wide").get("bytesize").intValue()).isEqualTo(22);
        assertThat(named.get("file").get("path").textValue()).contains("told_file");
        assertThat(named.get("thread").get("name").get("bytesize").intValue()).isEqualTo(13);
        assertThat(named.get("short").get("hmac_sha256"))
                .isEqualTo(named.get("copy").get("hmac_sha256"));
        assertThat(named.get("part").get("offset").intValue()).isEqualTo(50);
        assertThat(named.get("part").has("hmac_sha256")).isFalse();
        Set<JsonNode> equal = new HashSet<>();
        for (int i = 0; i < 3; i++) {
            equal.add(named.get("equal" + i).get("hmac_sha256"));
        }
        assertThat(equal).hasSize(1).doesNotContain(named.get("w").get("hmac_sha256"));
    }

    @Test
    void aLimitIsNotBelowZero() {
        assertThatThrownBy(() -> Disclosure.WHOLE.atMost(-1)).isInstanceOf(IllegalArgumentException.class);
    }
}
