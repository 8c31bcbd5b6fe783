// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

import dev.heapwalk.heap.Damage;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.python.layout.GcLayout;
import dev.heapwalk.python.layout.InterpreterLayout;
import dev.heapwalk.python.layout.ObjectLayout;
import dev.heapwalk.python.layout.PythonLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Which list of the garbage collector each object is in. The lists of all interpreters are followed once, and for each
 * 16 bytes of a page with an object in them, four bits are kept: a thirty-second of the memory that objects take.
 */
final class GcLists {
    private static final int PAGE_SHIFT = 12;
    private static final int GRANULE_SHIFT = 4;
    private static final int BITS = 4;
    private static final int PER_WORD = Long.SIZE / BITS;
    private static final int WORDS = (1 << PAGE_SHIFT - GRANULE_SHIFT) / PER_WORD;
    private static final int PERMANENT = GcLayout.COUNT + 1;
    /** No more neighbours are looked at: a list that was harmed may lead in circles. */
    private static final int MOST_NEIGHBOURS = 1 << 26;

    /** The code of an object that says it is in a list, and is in none of those that are known. */
    static final int ELSEWHERE = 0;
    /** The code of an object that is in no list. */
    static final int UNTRACKED = PERMANENT + 1;
    /** The code of an object without a head of the collector. */
    static final int NOT_COLLECTED = UNTRACKED + 1;
    /** The code of an object that is tracked where there are no lists. */
    private static final int TRACKED = NOT_COLLECTED + 1;

    private static final GcState[] STATES = {
        GcState.ELSEWHERE,
        GcState.GENERATION_0,
        GcState.GENERATION_1,
        GcState.GENERATION_2,
        GcState.PERMANENT,
        GcState.UNTRACKED,
        GcState.NOT_COLLECTED,
        GcState.TRACKED
    };

    private final Target target;
    private final Reader memory;
    private final PythonLayout layout;
    private final GcLayout fields;
    private final TypeTable types;
    private final int head;
    private final List<Damage> damages = new ArrayList<>();
    /** How far the lists are from where the layout has them. */
    private int moved;

    private int stride;
    /** Whether types are known by what leads to them, as not all of them were looked for. */
    private boolean alone;

    private final LongTable pages = new LongTable();
    private int pageCount;
    private long[] words = new long[WORDS << 8];
    private long lastPage = -1;
    private int lastIndex = -1;

    GcLists(Target target, Reader memory, PythonLayout layout, TypeTable types) {
        this.target = target;
        this.memory = memory;
        this.layout = layout;
        this.fields = layout.gc();
        this.types = types;
        this.head = layout.object().gcHead();
    }

    void read(List<PythonInterpreter> interpreters, List<Range> variables) {
        if (fields.generations() < 0) {
            followAll(amongVariables(variables));
            return;
        }
        for (PythonInterpreter interpreter : interpreters) {
            followAll(in(interpreter));
        }
    }

    private long in(PythonInterpreter interpreter) {
        long place = interpreter.address() + fields.generations();
        // A thread may have been stopped while it changed one of them.
        for (int inFlux = 0; inFlux <= 1; inFlux++) {
            if (isGenerations(place + moved, inFlux)) {
                return place + moved;
            }
            for (int distance = 0; distance <= InterpreterLayout.FARTHEST; distance += GcLayout.ALIGNMENT) {
                for (int some : new int[] {-distance, distance}) {
                    if (isGenerations(place + some, inFlux)) {
                        moved = some;
                        return place + some;
                    }
                }
            }
        }
        damages.add(new Damage(
                interpreter.address(),
                -1,
                "the lists of the garbage collector of the interpreter at 0x%x were not found"
                        .formatted(interpreter.address())));
        return 0;
    }

    private long amongVariables(List<Range> variables) {
        for (int inFlux = 0; inFlux <= 1; inFlux++) {
            VariableScan scan = new VariableScan(target.memory(), variables);
            while (scan.next()) {
                long address = scan.address() - GcLayout.NEXT;
                if ((scan.word() & GcLayout.FLAGS) == 0
                        && target.memory().mappings().writable(scan.word(), Long.BYTES)
                        && isGenerations(address, inFlux)) {
                    return address;
                }
            }
        }
        damages.add(new Damage(Damage.NOWHERE, -1, "the lists of the garbage collector were not found"));
        return 0;
    }

    private boolean isGenerations(long address, int inFlux) {
        for (int some : fields.strides()) {
            stride = some;
            if (isThreeLists(address, inFlux)) {
                return true;
            }
        }
        return false;
    }

    /** Whether the heads of three lists lie at an address, one of which has an object in it. */
    private boolean isThreeLists(long address, int mostInFlux) {
        boolean object = false;
        int inFlux = 0;
        for (int i = 0; i < GcLayout.COUNT; i++) {
            long list = address + (long) i * stride;
            if (!isList(list) && (++inFlux > mostInFlux || !mayBeIn(list, next(list)) || !mayBeIn(list, prev(list)))) {
                return false;
            }
            long first = next(list);
            if (first != list) {
                if (!isObject(first)) {
                    return false;
                }
                object = true;
            }
        }
        return object;
    }

    private boolean mayBeIn(long list, long node) {
        return node == list || isObject(node);
    }

    private boolean isList(long list) {
        long first = next(list);
        long last = prev(list);
        return first != 0 && last != 0 && prev(first) == list && next(last) == list;
    }

    private boolean isObject(long node) {
        long type = memory.readLong(node + head + ObjectLayout.TYPE, 0);
        if (alone) {
            types.take(type);
        }
        return types.number(type) >= 0;
    }

    private long next(long node) {
        return memory.readLong(node + GcLayout.NEXT, 0) & ~GcLayout.FLAGS;
    }

    private long prev(long node) {
        return memory.readLong(node + GcLayout.PREV, 0) & ~GcLayout.FLAGS;
    }

    private void followAll(long generations) {
        if (generations == 0) {
            return;
        }
        for (int i = 0; i < GcLayout.COUNT; i++) {
            follow(generations + (long) i * stride, i + 1);
        }
        long list = permanent(generations);
        if (list != 0) {
            follow(list, PERMANENT);
        }
    }

    /** The head of the list of frozen objects, 0 if there is none. */
    private long permanent(long generations) {
        if (fields.permanent() < 0) {
            return 0;
        }
        // A word lies before it in some versions, and that is aligned even where heads are not.
        long list = generations + fields.permanent();
        if (!isList(list)) {
            list = list + Long.BYTES - 1 & -Long.BYTES;
        }
        return isList(list) ? list : 0;
    }

    private void follow(long list, int state) {
        long last = prev(list);
        if (last == list && next(list) != list && isBeingAdded(next(list), list)) {
            mark(next(list) + head, state);
            return;
        }
        for (long node = next(list); node != list; node = next(node)) {
            if (node == 0 || memory.find(node, head + ObjectLayout.BYTES) < 0 || !mark(node + head, state)) {
                damages.add(new Damage(
                        node,
                        -1,
                        "the list of the garbage collector at 0x%x leads astray at 0x%x".formatted(list, node)));
                return;
            }
            if (node == last && isBeingAdded(next(node), list)) {
                mark(next(node) + head, state);
                return;
            }
        }
    }

    /** Whether a thread was stopped while it put an object behind the last one: the list does not know it yet. */
    private boolean isBeingAdded(long node, long list) {
        return node != list && isObject(node) && (next(node) == list || prev(next(node)) != node);
    }

    /** Notes the state of an object; false if it is in a list already. */
    private boolean mark(long object, int state) {
        int page = page(object >>> PAGE_SHIFT);
        if (page < 0) {
            page = addPage(object >>> PAGE_SHIFT);
        }
        int granule = granule(object);
        int word = page * WORDS + granule / PER_WORD;
        int shift = granule % PER_WORD * BITS;
        if ((words[word] >>> shift & (1 << BITS) - 1) != 0) {
            return false;
        }
        words[word] |= (long) state << shift;
        return true;
    }

    private static int granule(long object) {
        return (int) (object & (1 << PAGE_SHIFT) - 1) >>> GRANULE_SHIFT;
    }

    private int page(long number) {
        if (number != lastPage) {
            lastIndex = (int) pages.get(number, -1);
            lastPage = number;
        }
        return lastIndex;
    }

    private int addPage(long number) {
        if ((pageCount + 1) * WORDS > words.length) {
            words = Arrays.copyOf(words, 2 * words.length);
        }
        pages.put(number, pageCount);
        lastPage = number;
        lastIndex = pageCount;
        return pageCount++;
    }

    /**
     * Whether an object that says it is tracked is in a list, and which. Nothing is known of one that is in none.
     *
     * @return a code: a cursor keeps that for each object, since a reference costs more to store
     */
    int of(long object) {
        int page = page(object >>> PAGE_SHIFT);
        if (page < 0) {
            return ELSEWHERE;
        }
        int granule = granule(object);
        return (int) (words[page * WORDS + granule / PER_WORD] >>> granule % PER_WORD * BITS) & (1 << BITS) - 1;
    }

    /** The code of what the bits of an object tell in a build without the lock, those of {@link ObjectLayout#LOCAL}. */
    static int ofBits(long word) {
        if ((word & ObjectLayout.TRACKED) == 0) {
            return UNTRACKED;
        }
        return (word & ObjectLayout.FROZEN) != 0
                ? PERMANENT
                : (word & ObjectLayout.UNREACHABLE) != 0 ? ELSEWHERE : TRACKED;
    }

    /** What a code says. */
    static GcState state(int code) {
        return STATES[code];
    }

    /** Whether the neighbours of an object in its list, whichever that is, have it as their neighbour. */
    boolean linked(long object) {
        long node = object - head;
        long behind = next(node);
        long before = prev(node);
        // Nothing is at 0, and to ask the kernel for that takes its time.
        return behind != 0 && before != 0 && prev(behind) == node && next(before) == node;
    }

    /**
     * Which list an object is in that says it is tracked, without the lists being read: by its neighbours, in both
     * directions at once, until one is the head of a list.
     *
     * @return a code
     */
    int listOf(long object, List<PythonInterpreter> interpreters, List<Range> variables) {
        alone = true;
        LongTable heads = new LongTable();
        if (fields.generations() < 0) {
            heads(amongVariables(variables), heads);
        } else {
            for (PythonInterpreter interpreter : interpreters) {
                heads(in(interpreter), heads);
            }
        }
        long start = object - head;
        long behind = start;
        long before = start;
        for (int i = 0; i < MOST_NEIGHBOURS; i++) {
            behind = behind == 0 ? 0 : next(behind);
            before = before == 0 ? 0 : prev(before);
            long found = heads.get(behind, heads.get(before, 0));
            if (found != 0) {
                return (int) found;
            }
            if (behind == start || behind == 0 && before == 0) {
                break;
            }
        }
        return ELSEWHERE;
    }

    private void heads(long generations, LongTable heads) {
        if (generations != 0) {
            for (int i = 0; i < GcLayout.COUNT; i++) {
                heads.put(generations + (long) i * stride, i + 1);
            }
            long list = permanent(generations);
            if (list != 0) {
                heads.put(list, PERMANENT);
            }
        }
    }

    List<Damage> damages() {
        return damages;
    }
}
