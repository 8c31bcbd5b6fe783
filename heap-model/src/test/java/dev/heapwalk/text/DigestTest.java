// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.text;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Random;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

/** The JDK and RFC 4231 say what the digests are. */
class DigestTest {
    @Test
    void digestsAreThoseOfTheJdk() throws Exception {
        Random random = new Random(1);
        Digest plain = Digest.plain();
        for (int i = 0; i < 500; i++) {
            byte[] key = new byte[1 + random.nextInt(64)];
            byte[] text = new byte[random.nextInt(random.nextInt(10) == 0 ? 100_000 : 200)];
            random.nextBytes(key);
            random.nextBytes(text);
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            Digest keyed = Digest.keyed(key);
            assertThat(keyed.of(text)).isEqualTo(mac.doFinal(text));
            assertThat(keyed.of(new byte[0])).isEqualTo(mac.doFinal());
            assertThat(plain.of(text))
                    .isEqualTo(MessageDigest.getInstance("SHA-256").digest(text));
        }
    }

    @Test
    void keyedDigestIsThatOfTheStandard() {
        assertThat(HexFormat.of()
                        .formatHex(Digest.keyed("Jefe".getBytes(US_ASCII))
                                .of("what do ya want for nothing?".getBytes(US_ASCII))))
                .isEqualTo("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    @Test
    void nobodyElseHasTheKey() {
        byte[] text = "the same".getBytes(US_ASCII);
        TextRules rules = TextRules.WHOLE.redacting();
        byte[] digest = rules.digest().of(text).clone();
        assertThat(rules.atMost(3).digesting(100).digest().of(text)).isEqualTo(digest);
        assertThat(TextRules.WHOLE.redacting().digest().of(text)).isNotEqualTo(digest);
    }

    @Test
    void noMoreIsDigestedThanTheRulesAllow() {
        TextRules rules = TextRules.WHOLE.atMost(0).digesting(100);
        assertThat(rules.take(101)).isFalse();
        assertThat(rules.take(60)).isTrue();
        assertThat(rules.take(41)).isFalse();
        assertThat(rules.take(40)).isTrue();
        assertThat(rules.take(1)).isFalse();
        assertThat(TextRules.WHOLE.take(Long.MAX_VALUE)).isTrue();
    }

    /** Each thread of a dump makes rules for names of those of the dump. */
    @Test
    void rulesThatAreMadeOfOthersDigestNoMoreThanThoseInAll() {
        TextRules rules = TextRules.WHOLE.redacting().digesting(100);
        assertThat(rules.naming().take(60)).isTrue();
        assertThat(rules.naming().take(41)).isFalse();
        assertThat(rules.take(41)).isFalse();
        assertThat(rules.atMost(3).take(30)).isTrue();
        assertThat(rules.take(10)).isTrue();
        assertThat(rules.naming().take(1)).isFalse();
        // Another dump has a limit of its own.
        assertThat(rules.digesting(100).take(100)).isTrue();
    }
}
