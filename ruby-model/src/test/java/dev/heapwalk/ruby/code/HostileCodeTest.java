// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Machine;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever stands there in place of code: the answer comes soon, and is unknown or a size. */
class HostileCodeTest {
    private static final long START = 0x5555_0000_0000L;
    private static final int PAGE = 4096;
    /** An instruction takes two reads at most to fetch, and two to be followed. */
    private static final int MOST_READS = 4 * SizeFunction.MOST_STEPS;

    /** One page of memory, which counts how often it is read. */
    private static final class Page implements CodeMemory {
        private final byte[] bytes = new byte[PAGE];
        private final SizeFunction function = new SizeFunction(Machine.X86_64, this);
        private int reads;

        @Override
        public boolean read(long address, byte[] into, int length) {
            reads++;
            if (length < 1 || length > Instruction.LONGEST || length > into.length) {
                throw new AssertionError("a read of " + length + " bytes");
            }
            long at = address - START;
            if (at < 0 || at > PAGE - length) {
                return false;
            }
            System.arraycopy(bytes, (int) at, into, 0, length);
            return true;
        }

        /** Puts code so that it ends where the page does. Returns its address. */
        long atTheEnd(byte[] code) {
            System.arraycopy(code, 0, bytes, PAGE - code.length, code.length);
            return START + PAGE - code.length;
        }

        long call(long address, long argument) {
            reads = 0;
            long size = function.call(address, argument);
            if (size < SizeFunction.UNKNOWN || reads > MOST_READS) {
                throw new AssertionError("%d after %d reads".formatted(size, reads));
            }
            return size;
        }
    }

    private static byte[] code(String hex) {
        return HexFormat.of().parseHex(hex.replace(" ", ""));
    }

    private static long call(String hex, long argument) {
        Page page = new Page();
        byte[] code = code(hex);
        System.arraycopy(code, 0, page.bytes, 0, code.length);
        return page.call(START, argument);
    }

    @Test
    void randomBytes() {
        Random random = new Random(1);
        Page page = new Page();
        int known = 0;
        for (int round = 0; round < 1000; round++) {
            random.nextBytes(page.bytes);
            for (int call = 0; call < 60; call++) {
                known += page.call(START + random.nextInt(PAGE), START + random.nextInt(PAGE)) >= 0 ? 1 : 0;
            }
        }
        assertThat(known).as("what happened to be a function").isPositive();
    }

    /** Bytes that mean something, so that more than the first instruction is understood. */
    @Test
    void randomInstructions() {
        byte[] likely = code("00010203 04052829 2b313339 3b3d0f0f 0f48494c 4d415051 5355585d 63668369 6b707475"
                + "7d808183 8384858b 8b89898d 9098a8a9 b0b8b9c0 c1c3c6c7 c9d1d3e8 e9ebf6f7 feff1f40 44afb6b7"
                + "bebfa3ba 9495841e f3f2fa3e c0c1c2c7 c8d0f0f8 ff074047 8705ec24 0008183f 01020408 7ffc8010");
        Random random = new Random(2);
        Page page = new Page();
        int known = 0;
        for (int round = 0; round < 1000; round++) {
            for (int at = 0; at < PAGE; at++) {
                page.bytes[at] = likely[random.nextInt(likely.length)];
            }
            for (int call = 0; call < 60; call++) {
                known += page.call(START + random.nextInt(PAGE), START + random.nextInt(PAGE)) >= 0 ? 1 : 0;
            }
        }
        assertThat(known).as("what happened to be a function").isPositive();
    }

    /** Code that was good until some of its bits were changed. */
    @Test
    void changedFunctions() {
        Random random = new Random(5);
        RandomCode good = new RandomCode(5);
        Page page = new Page();
        int known = 0;
        for (int round = 0; round < 3000; round++) {
            byte[] function = good.function(1 + round % 12);
            for (int change = 0; change < 10; change++) {
                byte[] changed = function.clone();
                for (int bits = random.nextInt(4); bits >= 0; bits--) {
                    changed[random.nextInt(changed.length)] ^= (byte) (1 << random.nextInt(8));
                }
                known += page.call(page.atTheEnd(changed), START + random.nextInt(PAGE)) >= 0 ? 1 : 0;
            }
        }
        assertThat(known).as("what is still a function").isPositive();
    }

    /** Each opcode, with each of both maps, prefix and byte behind it. */
    @ParameterizedTest
    @ValueSource(strings = {"", "66", "f3", "f2", "48", "41", "4d", "6648", "3e", "64", "67", "f0", "c5", "62"})
    void everyOpcode(String prefix) {
        Page page = new Page();
        Random random = new Random(3);
        byte[] before = code(prefix);
        System.arraycopy(before, 0, page.bytes, 0, before.length);
        for (String map : new String[] {"", "0f", "0f38", "0f3a"}) {
            byte[] escape = code(map);
            System.arraycopy(escape, 0, page.bytes, before.length, escape.length);
            int at = before.length + escape.length;
            for (int opcode = 0; opcode < 256 * 256; opcode++) {
                page.bytes[at] = (byte) (opcode >>> 8);
                page.bytes[at + 1] = (byte) opcode;
                for (int behind = 2; behind < 10; behind++) {
                    page.bytes[at + behind] = (byte) random.nextInt();
                }
                page.call(START, START);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "a jump to itself, ebfe",
        "a long jump to itself, e9fbffffff",
        "two jumps, eb00ebfc",
        "a jump that always is taken, 31c074fc",
        "a function that calls itself, e8fbffffff",
        "a call of what the argument points to, ff17",
        "a jump to the argument, ffe7",
        "a jump beyond everything, e9ffffff7f",
        "a loop that counts down from the argument, 48ffcf75fbb808000000c3",
        "pushes without end, 57ebfd",
        "pops without end, 58ebfd",
        "a return to the argument, 57c3",
        "a frame that grows, 4881ec00100000ebf7",
    })
    void goesOnForever(String what, String hex) {
        assertThat(call(hex, START)).as(what).isEqualTo(SizeFunction.UNKNOWN);
    }

    @ParameterizedTest
    @CsvSource({
        "two undefined bytes, 0f0b",
        "int3, cc",
        "a system call, 0f05",
        "what another register holds, 4889f0c3",
        "only the lowest byte is set, b005c3",
        "where the stack is, 4889e0c3",
        "a part of where the stack is, 89e0c3",
        "how the stack is aligned, 4889e083e00fc3",
        "a comparison of the stack, 4839fc0f94c00fb6c0c3",
        "the return address, 488b0424c3",
        "the frame before it is written to, 488b4424f8c3",
        "what lies above the frame, 488b442408c3",
        "a write above the frame, 48c74424080000000031c0c3",
        "a write of the return address, 48c704240000000031c0c3",
        "a write far below, 48c78424000000800000000031c0c3",
        "a write through the argument, 48c7070000000031c0c3",
        "an increment through the argument, ff0731c0c3",
        "an atomic increment, f0ff0731c0c3",
        "thread-local storage, 64488b042528000000c3",
        "a flag that nothing has set, 0f92c00fb6c0c3",
        "a flag that a shift leaves undefined, b802000000c1e0020f90c00fb6c0c3",
        "an unbalanced stack, 57b808000000c3",
        "a stack that is elsewhere, 4889fcb808000000c3",
        "a negative size, 48c7c0ffffffffc3",
        "xbegin, c7f80000000031c0c3",
        "bytes exchanged with another register, 4190b808000000c3",
        "popcnt, f30fb8c7c3",
        "tzcnt, f30fbcc7c3",
        "parity, 31c07a0131c0c3",
        "a far return, cb",
        "addresses of 32 bits, 678b07c3",
        "a call that is cut to 16 bits, 66e80000",
        "a vector, 660fefc0660f7ec0c3",
    })
    void isNotUnderstood(String what, String hex) {
        assertThat(call(hex, START + 64)).as(what).isEqualTo(SizeFunction.UNKNOWN);
    }

    /** Where the processor would raise an exception, or leaves flags undefined. */
    @ParameterizedTest
    @CsvSource({
        "a division by 0, 31c031d231c9f7f1c3",
        "a signed division by 0, 31c09931c9f7f9c3",
        "a quotient that is too large, 31c0ba02000000b901000000f7f1c3",
        "the lowest number by -1, b80000008099b9fffffffff7f9c3",
        "the lowest long by -1, 48b800000000000000804899 48c7c1ffffffff48f7f9c3",
        "a dividend of 128 bits, 31c0ba01000000b90200000048f7f1c3",
        "flags after a division, 31c031d2b901000000f7f1 0f94c0c3",
    })
    void divides(String what, String hex) {
        assertThat(call(hex, 0)).as(what).isEqualTo(SizeFunction.UNKNOWN);
    }

    /** Parts of registers that hold something unknown. */
    @ParameterizedTest
    @CsvSource({
        "a byte in a register that was cleared, 31c0b005c3, 5",
        "a byte that a mask leaves, b07f83e00fc3, 15",
        "an unknown register that is cleared, 31f689f0c3, 0",
        "an unknown register by itself, 29f689f0c3, 0",
        "a borrow without its register, 31c039f8 19c04898f7d8c3, 1",
        "all bits of an unknown register, 83ce ff 89f0 c1e81cc3, 15",
        "a saved register, 5389fb89d85bc3, 7",
        "a saved place in the frame, 554889e55448 8b0c24 4839c9 b803000000 59 5dc3, -1",
        "a place in the frame that is pushed and popped, 554889e5 55 5d b804000000 c9 c3, 4",
        "a place in the frame that is partly overwritten, 554889e5 55 c6042400 5d b804000000 c9 c3, -1",
        "a call and a return, e806000000 83c002c3 9090 8d4701c3, 10",
        "a second byte, b4050fb6c4c3, 5",
        "the byte before one that is set, b4050fb6c0c3, -1",
        "a byte in the frame, c64424f8050fb64424f8c3, 5",
        "a word in the frame of which one byte is set, c64424f8058b4424f8c3, -1",
        "another register in the frame, 48897424f8488b4424f8c3, -1",
        "a carry that an increment leaves, 83ffff ffc7 0f92c00fb6c0c3, 1",
        "an unknown carry that an increment leaves, 31c031d2b901000000f7f1ffc00f92c00fb6c0c3, -1",
        "a carry of a shift by more than there is, b80100000066c1e0180f92c00fb6c0c3, -1",
    })
    void knowsParts(String what, String hex, long size) {
        assertThat(call(hex, 7)).as(what).isEqualTo(size);
    }

    @ParameterizedTest
    @ValueSource(
            longs = {
                0,
                1,
                -1,
                -8,
                Long.MIN_VALUE,
                Long.MAX_VALUE,
                1L << 47,
                1L << 56,
                START - 1,
                START - 8,
                START + PAGE - 7,
                START + PAGE
            })
    void readsWhatIsNotThere(long argument) {
        assertThat(call("488b07c3", argument)).isEqualTo(SizeFunction.UNKNOWN);
        assertThat(call("4c8b4f7048c7c001000000c3", argument - 0x70)).isEqualTo(SizeFunction.UNKNOWN);
        assertThat(new Page().call(argument - 1, START)).isEqualTo(SizeFunction.UNKNOWN);
    }

    @ParameterizedTest
    @CsvSource({
        "b828000000c3, 40",
        "f30f1efab828000000c3, 40",
        "48b82800000000000000c3, 40",
        "b801000000eb000f1f4400000f1f840000000000c3, 1",
        "66662e0f1f840000000000b802000000f3c3, 2",
    })
    void endsWhereMemoryEnds(String hex, long size) {
        Page page = new Page();
        byte[] code = code(hex);
        assertThat(page.call(page.atTheEnd(code), 0)).isEqualTo(size);
        for (int length = 1; length < code.length; length++) {
            byte[] part = Arrays.copyOf(code, length);
            assertThat(page.call(page.atTheEnd(part), 0)).isEqualTo(SizeFunction.UNKNOWN);
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "48b8efcdab8967452301",
                "4881bc24000000ff00000000",
                "66c784240000000000 00",
                "480fafbc8f00010000",
                "4869bc8f0001000000010000",
                "488b0500000000",
                "0f8400000000",
                "e800000000",
                "f30f1efa",
                "48f7840700000000ff000000",
                "c74424f801000000"
            })
    void isCutShort(String hex) {
        byte[] code = code(hex);
        for (int length = 1; length < code.length; length++) {
            Page page = new Page();
            assertThat(page.call(page.atTheEnd(Arrays.copyOf(code, length)), START))
                    .isEqualTo(SizeFunction.UNKNOWN);
        }
    }

    /** The processor refuses what is longer than 15 bytes, though each byte of it is right. */
    @Test
    void isTooLong() {
        String ret = "b808000000" + "3e".repeat(14) + "c3";
        assertThat(call(ret, 0)).isEqualTo(8);
        assertThat(call("b808000000" + "3e".repeat(15) + "c3", 0)).isEqualTo(SizeFunction.UNKNOWN);
        assertThat(call("b808000000" + "3e".repeat(1000) + "c3", 0)).isEqualTo(SizeFunction.UNKNOWN);
    }

    @ParameterizedTest
    @EnumSource(mode = EnumSource.Mode.EXCLUDE, names = "X86_64")
    void isAnotherMachines(Machine machine) {
        Page page = new Page();
        System.arraycopy(code("b828000000c3"), 0, page.bytes, 0, 6);
        assertThat(new SizeFunction(machine, page).call(START, 0)).isEqualTo(SizeFunction.UNKNOWN);
        assertThat(page.reads).isZero();
        assertThat(new SizeFunction(Machine.X86_64, page).call(START, 0)).isEqualTo(40);
    }
}
