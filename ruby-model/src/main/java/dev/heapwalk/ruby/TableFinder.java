// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby;

import dev.heapwalk.heap.Evidence;
import dev.heapwalk.heap.Source;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.ruby.layout.Flags;
import dev.heapwalk.ruby.layout.RubyLayout;
import dev.heapwalk.ruby.layout.ShapeLayout;
import dev.heapwalk.ruby.layout.TableLayout;
import dev.heapwalk.ruby.layout.VmLayout;
import dev.heapwalk.ruby.library.RubyModule;
import dev.heapwalk.ruby.library.StaticVariables;
import dev.heapwalk.ruby.object.RArray;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.object.Shapes;
import dev.heapwalk.ruby.table.IdEntries;
import dev.heapwalk.ruby.table.StEntries;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

/**
 * Finds the tables that the interpreter keeps in static variables: by their symbols, else by going through all its
 * static variables and looking at what they hold.
 */
final class TableFinder {
    /**
     * Where symbols are.
     *
     * @param set target address of the variable that holds the object that finds them by their names, since 4.0; else 0
     * @param ids target address of the Array of names, 0 if it was not found
     */
    record Symbols(long set, long ids) {
        static final Symbols NONE = new Symbols(0, 0);
    }

    /**
     * Where the shapes are.
     *
     * @param list target address of the first one, or 0
     * @param count how many there are
     * @param at what a static variable was found at that tells it, or 0
     */
    record Shapes(long list, long count, long at) {
        static final Shapes NONE = new Shapes(0, 0, 0);
    }

    private static final byte[] NO_NAME = {};
    private static final int MOST_SHAPES = 1 << 19;

    private final RubyVm vm;
    private final ObjectReader reader;
    private final Reader memory;
    private final RubyLayout layout;
    private final RubyModule module;
    private final boolean symbols;
    private final StaticVariables variables;
    private final List<Evidence> evidence = new ArrayList<>();

    /** Prepares to look with a reader of what is known of the virtual machine so far. */
    TableFinder(ObjectReader reader, RubyModule module, boolean symbols) {
        this.vm = reader.vm();
        this.reader = reader;
        this.memory = reader.memory();
        this.layout = vm.layout();
        this.module = module;
        this.symbols = symbols;
        this.variables = new StaticVariables(vm.target().memory(), module);
    }

    List<Evidence> evidence() {
        return evidence;
    }

    /** Searches, but tries first what a symbol names, and then where it was before, which may be 0. */
    private long find(String symbol, int offset, String subject, long before, StaticVariables.Test test) {
        OptionalLong named = symbols ? module.symbol(symbol) : OptionalLong.empty();
        if (named.isPresent() && holds(named.getAsLong() + offset, test)) {
            long at = named.getAsLong() + offset;
            evidence.add(Evidence.of(
                    subject, "0x%x".formatted(at), "the symbol " + symbol, Source.SYMBOL, Source.STRUCTURE));
            return at;
        }
        if (before != 0 && holds(before, test)) {
            evidence.add(Evidence.of(
                    subject, "0x%x".formatted(before), "still where it was", Source.EARLIER, Source.STRUCTURE));
            return before;
        }
        long at = variables.find(test);
        if (at != 0) {
            evidence.add(Evidence.of(
                    subject,
                    "0x%x".formatted(at),
                    "found among the static variables by what it holds",
                    Source.STRUCTURE));
        } else {
            evidence.add(Evidence.of(subject, "not found", "no static variable holds one"));
        }
        return at;
    }

    private boolean holds(long at, StaticVariables.Test test) {
        try {
            return test.holds(at, memory.readLong(at));
        } catch (UnmappedAddressException e) {
            return false;
        }
    }

    /** The array of names: hidden arrays of pairs in a hidden array. */
    Symbols symbols() {
        long at = find("ruby_global_symbols", 16, "symbols", 0, (address, value) -> isIds(value));
        return at == 0 ? Symbols.NONE : new Symbols(layout.vm().symbolSet() ? at - Long.BYTES : 0, memory.readLong(at));
    }

    private boolean isIds(long value) {
        RArray array = new RArray(reader);
        if (!hiddenArray(value, array)) {
            return false;
        }
        long units = array.length();
        long elements = array.elements();
        if (units < 2 || units > 1 << 20 || !memory.mapped(elements, 8 * units)) {
            return false;
        }
        RString string = new RString(reader);
        for (int unit = 0; unit < 2; unit++) {
            long held = memory.readLong(elements + 8L * unit);
            if (!hiddenArray(held, array) || array.length() < 16 || array.length() > 1024) {
                return false;
            }
            // A name is a String; some serial numbers have none.
            long pairs = array.elements();
            long count = Math.min(array.length() / 2, 512);
            int names = 0;
            for (int pair = 0; pair < count; pair++) {
                long name = memory.readLong(pairs + 16L * pair);
                if (reader.constants().isReference(name)) {
                    if (!reader.find(name, string) || string.type() != RubyType.STRING) {
                        return false;
                    }
                    names++;
                }
            }
            if (names < 4) {
                return false;
            }
        }
        return true;
    }

    private boolean hiddenArray(long value, RArray view) {
        return reader.isSlot(value) && reader.find(value, view) && view.type() == RubyType.ARRAY && view.klass() == 0;
    }

    /** The table of global variables: all its names begin with a dollar sign. */
    long globals() {
        if (vm.symbolIds() == 0) {
            return 0;
        }
        IdEntries entries = new IdEntries(reader);
        long at = find("rb_global_tbl", 0, "global variables", 0, (address, value) -> {
            if (!memory.mapped(value, TableLayout.ID_SIZE)) {
                return false;
            }
            entries.over(value);
            if (entries.size() < 8 || entries.size() > entries.capacity() || entries.capacity() > 1 << 20) {
                return false;
            }
            int seen = 0;
            while (entries.next()) {
                byte[] name = reader.symbols().bytesOfSerial(entries.serial()).orElse(NO_NAME);
                if (name.length == 0 || name[0] != '$') {
                    return false;
                }
                seen++;
            }
            return seen == entries.size();
        });
        return at == 0 ? 0 : memory.readLong(at);
    }

    /** The table of instance variables of what is no object: its keys are slots that say that they have some. */
    long genericIvars() {
        StEntries entries = new StEntries(reader);
        RValue view = new RValue(reader);
        boolean byFlag = layout.object().genericIvarsByFlag();
        String symbol = layout.object().genericIvarsSymbol();
        OptionalLong named = symbols ? module.symbol(symbol) : OptionalLong.empty();
        if (named.isPresent()) {
            evidence.add(Evidence.of(
                    "generic instance variables",
                    "0x%x".formatted(named.getAsLong()),
                    "the symbol " + symbol,
                    Source.SYMBOL));
            return memory.readLong(named.getAsLong());
        }
        long at = variables.find((address, value) -> {
            if (!memory.mapped(value, TableLayout.ST_SIZE)) {
                return false;
            }
            entries.over(value);
            int seen = 0;
            while (entries.next()) {
                // Without the flag, the object that holds them tells the one that they are of where others have their
                // class.
                long holder = byFlag ? entries.key() : entries.record();
                if (!reader.isSlot(entries.key())
                        || !reader.isSlot(holder)
                        || !reader.find(holder, view)
                        || (byFlag
                                ? !view.has(Flags.EXIVAR)
                                : view.type() != RubyType.IMEMO || view.klass() != entries.key())) {
                    return false;
                }
                seen++;
            }
            return seen > 0 && seen == entries.size();
        });
        evidence.add(
                at == 0
                        ? Evidence.of(
                                "generic instance variables", "not found", "no static variable holds a table of them")
                        : Evidence.of(
                                "generic instance variables",
                                "0x%x".formatted(at),
                                "found among the static variables by what it holds",
                                Source.STRUCTURE));
        return at == 0 ? 0 : memory.readLong(at);
    }

    /**
     * The list of shapes: the first one is the root, and the tree points to it twice.
     *
     * @param before where a variable was found that tells it, or 0
     */
    Shapes shapes(long before) {
        ShapeLayout shape = layout.shape();
        if (shape.size() == 0) {
            return Shapes.NONE;
        }
        if (layout.vm().shapeList() >= 0) {
            // vm->shape_list, root_shape and next_shape_id.
            long list = memory.readLong(vm.address() + layout.vm().shapeList());
            return checked(list, vm.address() + layout.vm().shapeList());
        }
        boolean direct = shape.treeInPlace();
        String symbol = direct ? "rb_shape_tree" : "rb_shape_tree_ptr";
        long at = find(symbol, 0, "shapes", before, (address, value) -> {
            long tree = direct ? address : value;
            return (direct || memory.mapped(tree, ShapeLayout.TREE_SIZE))
                    && (memory.readLong(tree) & 0xfff) == 0
                    && memory.readLong(tree) != 0
                    && memory.readLong(tree) == memory.readLong(tree + ShapeLayout.TREE_ROOT)
                    && count(tree) > 1
                    && memory.mapped(
                            memory.readLong(tree),
                            (long) count(tree) * layout.shape().size())
                    && isRoot(memory.readLong(tree));
        });
        if (at == 0) {
            return Shapes.NONE;
        }
        long tree = direct ? at : memory.readLong(at);
        return new Shapes(memory.readLong(tree), count(tree), at);
    }

    private int count(long tree) {
        int count = memory.readInt(tree + layout.shape().treeCount());
        return count > 0 && count <= MOST_SHAPES ? count : 0;
    }

    private boolean isRoot(long shape) {
        // The root has no name and no parent.
        return memory.readLong(shape + layout.shape().edgeName()) == 0;
    }

    private Shapes checked(long list, long field) {
        int count = memory.readInt(field + VmLayout.SHAPE_COUNT);
        if (count <= 0
                || count > MOST_SHAPES
                || !memory.mapped(list, (long) count * layout.shape().size())) {
            evidence.add(Evidence.of("shapes", "not found", "rb_vm_t holds no list of them where it is known to be"));
            return Shapes.NONE;
        }
        evidence.add(Evidence.of("shapes", "0x%x".formatted(list), "rb_vm_t.shape_list", Source.STRUCTURE));
        return new Shapes(list, count, 0);
    }
}
