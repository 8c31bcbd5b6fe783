// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.graph.EdgeCursor;
import dev.heapwalk.graph.HeapGraph;
import dev.heapwalk.graph.Paths;
import dev.heapwalk.heap.EdgeKind;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.dump.Disclosure;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;
import dev.heapwalk.heap.usage.UsageLookup;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.gc.ObjectFinder;
import dev.heapwalk.python.object.ShortRepr;
import dev.heapwalk.python.usage.PythonHeap;
import dev.heapwalk.ruby.usage.RubyHeap;
import dev.heapwalk.ruby.vm.Interpreter;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Tells in a few words what the nodes of a graph are: objects as their language shows them, other blocks by their use. */
final class GraphNodes implements AutoCloseable {
    private static final int MOST_BYTES = 16;
    /** So many names of one reference are told, and so many holders of a node. */
    private static final int MOST_NAMES = 3;

    private static final int MOST_HOLDERS = 2;

    /** How a dictionary of a module's variables begins: by its name, which each module has first. */
    private static final Pattern MODULE_DICT = Pattern.compile("\\{'__name__': '([^']*)', '__doc__': ");

    private final Target target;
    private final HeapGraph graph;
    private final Disclosure told;
    private final UsageLookup uses;
    private final Optional<ValueText> rubyValues;
    private final Optional<PythonValues> pythonValues;
    /** Made when it is first asked for. */
    private Paths paths;

    /** What shows the objects of Python. */
    private record PythonValues(ObjectReader reader, ObjectFinder finder, ShortRepr values) {
        static PythonValues of(PythonRuntime runtime, Disclosure told) {
            ObjectReader reader = runtime.reader();
            return new PythonValues(reader, new ObjectFinder(runtime, reader), new ShortRepr(reader, told));
        }

        /** An object, by the block that it lies in. */
        Optional<String> of(long block) {
            OptionalLong object = finder.objectIn(block);
            return object.isEmpty() ? Optional.empty() : Optional.of(values.of(object.getAsLong()));
        }
    }

    GraphNodes(Heaps heaps, HeapGraph graph, Disclosure told) {
        this.target = heaps.target();
        this.graph = graph;
        this.told = told;
        this.uses = UsageLookup.over(heaps);
        this.rubyValues = heaps.find(RubyHeap.class)
                .map(ruby -> new ValueText(new Interpreter(ruby.vm().reader()), told));
        this.pythonValues = heaps.find(PythonHeap.class).map(python -> PythonValues.of(python.runtime(), told));
    }

    HeapGraph graph() {
        return graph;
    }

    /**
     * The block that an address lies in.
     *
     * @param command refuses an address that lies in none
     */
    int at(long address, AnyCommand command) {
        int node = graph.blocks().at(address);
        if (node < 0) {
            throw command.wrong("no chunk or object in use is at 0x%x".formatted(address));
        }
        return node;
    }

    /** What a block is used for. */
    Category use(int node) {
        try {
            return uses.find(graph.blocks().address(node)) ? uses.category() : Category.NONE;
        } catch (UnmappedAddressException e) {
            return Category.NONE;
        }
    }

    /** What a node is. */
    String text(int node) {
        if (node == graph.root()) {
            return "all roots";
        }
        if (!graph.isBlock(node)) {
            return graph.group(node).label();
        }
        long address = graph.blocks().address(node);
        Category use = use(node);
        try {
            Optional<String> object = graph.blocks().heap(node) instanceof RubyHeap
                    ? rubyValues.map(values -> values.of(address))
                    : isPythonObject(use) ? pythonValues.flatMap(values -> values.of(address)) : Optional.empty();
            if (object.isPresent()) {
                return plain(object.get(), use, address);
            }
        } catch (UnmappedAddressException e) {
            return "0x%x (can't be read)".formatted(address);
        }
        String what = use == Category.NONE || use.domain().equals(Domain.UNCATEGORIZED)
                ? "block of %,d bytes".formatted(graph.blocks().usable(node))
                : (use.kind() + " " + use.detail()).strip();
        return "%s at 0x%x".formatted(what, address);
    }

    /** What its language has no short words for is told by its use. */
    private static String plain(String text, Category use, long address) {
        if (text.startsWith("#<T_") && use.domain().equals(RubyHeap.DOMAIN)) {
            return "#<%s 0x%x>".formatted(use.kind(), address);
        }
        Matcher module = MODULE_DICT.matcher(text);
        return module.lookingAt() ? "__dict__ of module " + module.group(1) : text;
    }

    /** Objects are used as their types say, by a name with a module, but for dictionaries of attributes. */
    private static boolean isPythonObject(Category use) {
        return use.domain().equals(PythonHeap.DOMAIN)
                && (use.kind().indexOf('.') > 0 && use.kind().indexOf(' ') < 0
                        || use.kind().equals("instance __dict__"));
    }

    /** The first bytes of a block, as characters; none if no data is to be shown. */
    String begin(int node) {
        if (told.redacts()) {
            return "";
        }
        int length = (int) Math.min(graph.blocks().usable(node), MOST_BYTES);
        return HexLine.charactersAt(target.memory(), graph.blocks().address(node), length);
    }

    /** The names by which one node refers to another, or where in a block the pointer lies. */
    String name(int from, int to) {
        List<String> names = graph.names(from, to);
        int more = names.size() - MOST_NAMES;
        return String.join(", ", more > 0 ? names.subList(0, MOST_NAMES) : names)
                + (more > 0 ? " and %,d more".formatted(more) : "");
    }

    /**
     * Who keeps a node alive, the nearest to the roots first.
     *
     * @return for example {@code ::CARTS of Shop and 2 more}; empty if nobody does
     */
    String heldBy(int node) {
        List<Integer> holders = holders(node);
        String text = holders.stream()
                .limit(MOST_HOLDERS)
                .map(holder -> {
                    String name = name(holder, node);
                    return name.isEmpty()
                            ? text(holder)
                            : name + (graph.isBlock(holder) ? " of " : " in ") + text(holder);
                })
                .collect(Collectors.joining(", "));
        int more = holders.size() - MOST_HOLDERS;
        return more > 0 ? "%s and %,d more".formatted(text, more) : text;
    }

    /** Whether a node is roots that are only taken for such by what words look like. */
    boolean isGuess(int node) {
        return node != graph.root()
                && !graph.isBlock(node)
                && !graph.group(node).category().exact();
    }

    /** The nodes that keep a node alive, the nearest to the roots first. */
    private List<Integer> holders(int node) {
        if (paths == null) {
            paths = graph.paths();
        }
        Set<Integer> found = new LinkedHashSet<>();
        EdgeCursor edges = graph.referrers().of(node);
        while (edges.next()) {
            if (edges.kind() != EdgeKind.WEAK && paths.distance(edges.node()) >= 0) {
                found.add(edges.node());
            }
        }
        return found.stream()
                .sorted(Comparator.<Integer>comparingInt(paths::distance).thenComparing(this::isGuess))
                .toList();
    }

    @Override
    public void close() {
        uses.close();
        pythonValues.ifPresent(values -> values.reader.close());
    }
}
