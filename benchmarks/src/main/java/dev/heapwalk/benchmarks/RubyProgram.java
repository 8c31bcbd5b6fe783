// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.testkit.Ruby;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;

/** A Ruby program, by what its heap is like. */
enum RubyProgram {
    /** Strings, and arrays of two elements. */
    FRESH("fresh", "$kept = Array.new(COUNT) { |i| MIXED }"),
    /** The same, of twice as many, of which half were freed again at random. */
    FRAGMENTED("fragmented", "r = Random.new(1); $kept = Array.new(2 * COUNT) { |i| MIXED }.select { r.rand(2) == 0 }"),
    /** Objects of two classes in turn, so that each has neighbours of the other one. */
    ALTERNATING(
            "alternating",
            "class Even; end; class Odd; end; $kept = Array.new(COUNT) { |i| i.even? ? Even.new : Odd.new }");

    private static final String MIXED = "i % 3 == 0 ? [i, i] : \"object number #{i}\"";

    private final String label;
    private final String ruby;

    RubyProgram(String label, String ruby) {
        this.label = label;
        this.ruby = ruby;
    }

    /** As it stands in names. */
    String label() {
        return label;
    }

    /** Starts it, and has it keep so many objects. */
    RubyProcess start(int objects) throws IOException {
        return start(ruby.replace("COUNT", Integer.toString(objects)).replace("MIXED", MIXED));
    }

    /** Starts one that keeps what it is told to make. */
    static RubyProcess start(String code) throws IOException {
        RubyProcess process = RubyProcess.of(Ruby.TRIXIE, "every_type").start();
        try {
            process.ask("eval " + code + "; GC.start; 1");
            return process;
        } catch (IOException | RuntimeException e) {
            process.close();
            throw e;
        }
    }
}
