// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import dev.heapwalk.ruby.RValue;
import dev.heapwalk.ruby.RubyType;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RBignum;
import dev.heapwalk.ruby.object.RClass;
import dev.heapwalk.ruby.object.RComplex;
import dev.heapwalk.ruby.object.RData;
import dev.heapwalk.ruby.object.RFile;
import dev.heapwalk.ruby.object.RFloat;
import dev.heapwalk.ruby.object.RHash;
import dev.heapwalk.ruby.object.RMatch;
import dev.heapwalk.ruby.object.RObject;
import dev.heapwalk.ruby.object.RRational;
import dev.heapwalk.ruby.object.RRegexp;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.RStruct;
import dev.heapwalk.ruby.object.RSymbol;
import dev.heapwalk.testkit.RubyProcess;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * Each view of a Ruby object: a walk over a core that reads all fields of all objects of one type. It is held against
 * the bare walk in C, which reads nothing but flags.
 */
final class ObjectView implements Subject.Ready {
    private static final int OBJECTS = 20_000;

    private static final List<String> OFTEN_SEEN = List.of("RString", "RArray", "RHash", "RObject");

    private final BenchmarkTarget opened;
    private final SlotWalkFloor floor;
    private final SlotCursor slots;
    private final Kind kind;

    /** Each view. */
    static List<Subject<?>> subjects() {
        List<Subject<?>> all = new ArrayList<>();
        for (String view : List.of(
                "RString",
                "RArray",
                "RHash",
                "RObject",
                "RStruct",
                "RData",
                "RFloat",
                "RClass",
                "RBignum",
                "RRational",
                "RComplex",
                "RSymbol",
                "RRegexp",
                "RMatch",
                "RFile")) {
            all.add(Subject.of(
                            "ObjectView/" + view,
                            OFTEN_SEEN.contains(view) ? Suite.Set.QUICK : Suite.Set.FULL,
                            () -> new ObjectView(Kind.of(view)))
                    .way(Way.JAVA, ObjectView::java)
                    .way(Way.WALK, ObjectView::c));
        }
        return all;
    }

    /**
     * What belongs to a view.
     *
     * @param type of the objects that it is for
     * @param ruby what makes the object of number i
     * @param fields reads all fields of the object at the cursor
     */
    private record Kind(RubyType type, String ruby, ToLongFunction<SlotCursor> fields) {
        private static Kind of(String view) {
            return switch (view) {
                case "RString" -> new Kind(RubyType.STRING, "\"object number #{i}\"", Kind::string);
                case "RArray" -> new Kind(RubyType.ARRAY, "[i] * (i % 6)", Kind::array);
                case "RHash" -> new Kind(RubyType.HASH, "(0..i % 12).to_h { |k| [k, i] }", Kind::hash);
                case "RObject" ->
                    new Kind(
                            RubyType.OBJECT,
                            "Object.new.tap { |o| (i % 9).times { |k| o.instance_variable_set(\"@v#{k}\", k) } }",
                            Kind::object);
                case "RStruct" ->
                    new Kind(RubyType.STRUCT, "($s ||= Struct.new(:a, :b, :c, :d)).new(i, 1, 2, 3)", Kind::struct);
                case "RData" -> new Kind(RubyType.DATA, "Thread::Mutex.new", Kind::data);
                case "RFloat" -> new Kind(RubyType.FLOAT, "1e300 + i * 1e290", Kind::floating);
                case "RClass" -> new Kind(RubyType.CLASS, "Class.new", Kind::klass);
                case "RBignum" -> new Kind(RubyType.BIGNUM, "(1 << 80 * (1 + i % 4)) + i", Kind::bignum);
                case "RRational" -> new Kind(RubyType.RATIONAL, "Rational(i, 7919)", Kind::rational);
                case "RComplex" -> new Kind(RubyType.COMPLEX, "Complex(i, 1)", Kind::complex);
                case "RSymbol" -> new Kind(RubyType.SYMBOL, "\"symbol #{i}\".to_sym", Kind::symbol);
                case "RRegexp" -> new Kind(RubyType.REGEXP, "Regexp.new(\"a#{i}\")", Kind::regexp);
                case "RMatch" -> new Kind(RubyType.MATCH, "\"abc#{i}\".match(/(b)(c)/)", Kind::match);
                // All of one descriptor, since a process has some thousand at most.
                case "RFile" ->
                    new Kind(
                            RubyType.FILE,
                            "IO.for_fd(($f ||= File.open(File::NULL)).fileno, autoclose: false)",
                            Kind::file);
                default -> throw new IllegalArgumentException("there is no view " + view);
            };
        }

        private static long bit(boolean set) {
            return set ? 1 : 0;
        }

        private static long basic(RValue at) {
            return at.flags() + at.klass() + bit(at.frozen()) + at.slotSize();
        }

        private static long string(SlotCursor slot) {
            RString at = slot.asString();
            return basic(at)
                    + bit(at.embedded())
                    + at.length()
                    + at.bytes()
                    + bit(at.shared())
                    + at.auxiliary()
                    + bit(at.interned())
                    + at.encodingIndex()
                    + at.codeRange();
        }

        private static long array(SlotCursor slot) {
            RArray at = slot.asArray();
            return basic(at)
                    + bit(at.embedded())
                    + at.length()
                    + at.elements()
                    + bit(at.shared())
                    + at.auxiliary()
                    + (at.length() > 0 ? at.element(at.length() - 1) : 0);
        }

        private static long hash(SlotCursor slot) {
            RHash at = slot.asHash();
            return basic(at)
                    + bit(at.hasTable())
                    + at.table()
                    + at.pairs()
                    + at.pairsBound()
                    + at.pairsSize()
                    + at.defaultValue()
                    + bit(at.defaultIsProc())
                    + at.tableType()
                    + bit(at.comparesByIdentity());
        }

        private static long object(SlotCursor slot) {
            RObject at = slot.asObject();
            return basic(at) + bit(at.embedded()) + bit(at.tooComplex()) + at.shape() + at.numiv() + at.ivptr();
        }

        private static long struct(SlotCursor slot) {
            RStruct at = slot.asStruct();
            return basic(at) + bit(at.embedded()) + at.length() + at.members() + at.member(0);
        }

        private static long data(SlotCursor slot) {
            RData at = slot.asData();
            return basic(at) + bit(at.typed()) + bit(at.embedded()) + at.dataType() + at.data() + at.markFunction();
        }

        private static long floating(SlotCursor slot) {
            RFloat at = slot.asFloat();
            return basic(at) + (long) at.value();
        }

        /**
         * Before 3.3 some of these look for a hidden instance variable, whose name they make; this is 3.3, and no
         * module.
         */
        private static long klass(SlotCursor slot) {
            RClass at = slot.asClass();
            return basic(at)
                    + at.extension()
                    + at.rawSuperclass()
                    + bit(at.singleton())
                    + at.methodTable()
                    + at.constantTable()
                    + at.ivars()
                    + at.classVariableTable()
                    + at.origin()
                    + at.superclass()
                    + at.attachedObject()
                    + at.ivIndexTable()
                    + at.callableTable()
                    + at.callCacheTable()
                    + at.refinedClass()
                    + bit(at.ownsMethods())
                    + at.includer()
                    + bit(at.permanentName());
        }

        private static long bignum(SlotCursor slot) {
            RBignum at = slot.asBignum();
            return basic(at) + bit(at.negative()) + bit(at.embedded()) + at.length() + at.digits();
        }

        private static long rational(SlotCursor slot) {
            RRational at = slot.asRational();
            return basic(at) + at.numerator() + at.denominator();
        }

        private static long complex(SlotCursor slot) {
            RComplex at = slot.asComplex();
            return basic(at) + at.real() + at.imaginary();
        }

        private static long symbol(SlotCursor slot) {
            RSymbol at = slot.asSymbol();
            return basic(at) + at.hash() + at.name() + at.id();
        }

        private static long regexp(SlotCursor slot) {
            RRegexp at = slot.asRegexp();
            return basic(at) + at.source() + at.pattern() + at.options() + at.encodingIndex();
        }

        private static long match(SlotCursor slot) {
            RMatch at = slot.asMatch();
            return basic(at) + at.string() + at.regexp() + at.rmatch() + at.groups() + at.begin(0) + at.end(0);
        }

        private static long file(SlotCursor slot) {
            RFile at = slot.asFile();
            return basic(at) + at.state() + at.descriptor() + bit(at.closed()) + at.mode() + at.path();
        }
    }

    /** Starts a program, takes its core, and sees to it that there is something to read. */
    private ObjectView(Kind kind) throws IOException {
        this.kind = kind;
        RubyProcess process = RubyProgram.start("$kept = Array.new(%d) { |i| %s }".formatted(OBJECTS, kind.ruby()));
        opened = BenchmarkTarget.of(Source.CORE, process);
        RubyVm vm = RubyVm.locate(opened.target());
        slots = vm.slots();
        floor = new SlotWalkFloor(vm);
        floor.walk();
        java();
        if (floor.slots(kind.type().tag()) < OBJECTS) {
            throw new IllegalStateException("%s holds %,d objects of that type"
                    .formatted(process, floor.slots(kind.type().tag())));
        }
    }

    /** Ends the program. */
    @Override
    public void close() {
        floor.close();
        opened.close();
    }

    /** Reads by the view; returns the sum of all fields. */
    private long java() {
        SlotCursor slot = slots;
        RubyType type = kind.type();
        ToLongFunction<SlotCursor> fields = kind.fields();
        long sum = 0;
        slot.rewind();
        while (slot.next()) {
            if (slot.type() == type) {
                sum += fields.applyAsLong(slot);
            }
        }
        return sum;
    }

    /** Walks in C, and reads no fields; returns the bytes in live slots. */
    private long c() {
        return floor.walk();
    }
}
