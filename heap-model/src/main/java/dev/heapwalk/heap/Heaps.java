// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap;

import dev.heapwalk.heap.internal.Providers;
import dev.heapwalk.memory.Rest;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.UnsupportedTargetException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * All heaps of a target. A heap is located when it is first asked for, and only then: who asks for {@link
 * #allocators()} alone has no runtime looked for. Any thread may use it; cursors and look-ups belong to one thread
 * each.
 */
public final class Heaps {
    private final Target target;
    /** Allocators first. */
    private final List<Place> places;

    /** The heaps of one kind, which are located when they are asked for. */
    private static final class Place {
        private final Target target;
        private final HeapProvider provider;
        private boolean tried;
        private List<Heap> heaps = List.of();
        private UnsupportedTargetException refusal;
        /** Empty before it was asked for. */
        private Optional<Rest> rest = Optional.empty();

        Place(Target target, HeapProvider provider) {
            this.target = target;
            this.provider = provider;
        }

        /** The heaps, none if there are none of the kind. */
        synchronized List<Heap> heaps() {
            if (!tried) {
                if (provider.isLikely(target)) {
                    try {
                        heaps = provider.locateAll(target);
                    } catch (UnsupportedTargetException e) {
                        refusal = e;
                    }
                }
                tried = true;
            }
            return heaps;
        }

        /** Why there is no heap although there might have been one. */
        synchronized Optional<UnsupportedTargetException> refusal() {
            return Optional.ofNullable(refusal);
        }

        synchronized Rest rest() {
            if (rest.isEmpty()) {
                rest = Optional.of(provider.isLikely(target) ? provider.rest(target) : Rest.ALWAYS);
            }
            return rest.get();
        }

        synchronized Place refresh() {
            Place now = new Place(target, provider);
            now.rest = rest;
            if (!heaps.isEmpty()) {
                now.heaps = provider.refreshAll(heaps);
                now.tried = true;
            } else if (provider.layer() == HeapLayer.ALLOCATOR) {
                // A process keeps the allocator that it began with; a runtime may be loaded later.
                now.refusal = refusal;
                now.tried = tried;
            }
            return now;
        }
    }

    private Heaps(Target target, List<Place> places) {
        this.target = target;
        this.places = places;
    }

    /**
     * The heaps of a target, as far as the {@link #providers()} know such heaps.
     *
     * @param target an open target; it must stay open while the heaps are used
     * @return the heaps, none of which is located yet
     */
    public static Heaps of(Target target) {
        return of(target, providers());
    }

    /**
     * The heaps of a target, as far as some providers know such heaps.
     *
     * @param target an open target; it must stay open while the heaps are used
     * @param providers what finds them
     * @return the heaps, none of which is located yet
     */
    public static Heaps of(Target target, List<? extends HeapProvider> providers) {
        List<Place> places = new ArrayList<>();
        for (HeapLayer layer : HeapLayer.values()) {
            providers.stream()
                    .filter(provider -> provider.layer() == layer)
                    .forEach(provider -> places.add(new Place(target, provider)));
        }
        return new Heaps(target, List.copyOf(places));
    }

    /**
     * Heaps that were located already.
     *
     * @param first a heap
     * @param more others of the same target
     * @return these heaps alone
     */
    public static Heaps of(Heap first, Heap... more) {
        return of(
                first.target(),
                Stream.concat(Stream.of(first), Stream.of(more))
                        .map(Located::new)
                        .toList());
    }

    /** What finds a heap that was located already. */
    private record Located(Heap heap) implements HeapProvider {
        @Override
        public Class<? extends Heap> type() {
            return heap.getClass();
        }

        @Override
        public HeapLayer layer() {
            return heap.layer();
        }

        @Override
        public boolean isLikely(Target target) {
            return true;
        }

        @Override
        public Heap locate(Target target) {
            return heap;
        }
    }

    /**
     * The providers that there are: those that the {@link ServiceLoader} finds by the class loader of this class, and
     * those that it finds by the context class loader of this thread, none of them twice.
     *
     * @return a new list
     */
    public static List<HeapProvider> providers() {
        ClassLoader own = HeapProvider.class.getClassLoader();
        return Providers.merge(
                ServiceLoader.load(HeapProvider.class, own),
                ServiceLoader.load(HeapProvider.class, Thread.currentThread().getContextClassLoader()));
    }

    /**
     * The target.
     *
     * @return the target that was given to {@link #of(Target)}
     */
    public Target target() {
        return target;
    }

    /**
     * Tells which threads are in the middle of a change to one of the heaps, so that they can be read when none is:
     * right after a stop, {@code target.settle(heaps.rest())}, before anything is located or refreshed. Locates no
     * heap.
     *
     * @return what is asked after a stop; made when it is first asked for, which is best done before the stop
     */
    public Rest rest() {
        return places.stream().map(Place::rest).reduce(Rest.ALWAYS, Rest::and);
    }

    /**
     * All heaps, allocators first. Locates them if that was not done yet.
     *
     * @return an unmodifiable list of at least one heap
     * @throws UnsupportedTargetException if there is none; the message is that of the allocator that was looked for
     *     first, and says what was found instead
     */
    public List<Heap> list() {
        List<Heap> heaps =
                places.stream().flatMap(place -> place.heaps().stream()).toList();
        if (heaps.isEmpty()) {
            throw refusals().stream()
                    .findFirst()
                    .orElseGet(() -> new UnsupportedTargetException("no heap of a known kind in %s; looked for by %s"
                            .formatted(
                                    target.description(),
                                    places.stream()
                                            .map(place ->
                                                    place.provider.getClass().getName())
                                            .collect(Collectors.joining(", ", "[", "]")))));
        }
        return heaps;
    }

    /**
     * Whether there is no heap of a known kind. Locates them if that was not done yet.
     *
     * @return whether {@link #list()} would throw
     */
    public boolean isEmpty() {
        return places.stream().allMatch(place -> place.heaps().isEmpty());
    }

    /** All heaps, runtimes first. */
    List<Heap> insideOut() {
        return list().stream()
                .sorted(Comparator.comparing(Heap::layer).reversed())
                .toList();
    }

    private List<UnsupportedTargetException> refusals() {
        return places.stream().flatMap(place -> place.refusal().stream()).toList();
    }

    /**
     * The heaps that serve the program's {@code malloc}, without those that runtimes keep inside of them or beside
     * them.
     *
     * @return these heaps alone; what is located by either is located for both
     */
    public Heaps allocators() {
        return new Heaps(
                target,
                places.stream()
                        .filter(place -> place.provider.layer() == HeapLayer.ALLOCATOR)
                        .toList());
    }

    /**
     * The heap of one kind. Locates no heap of another kind.
     *
     * @param type its class
     * @param <H> its class
     * @return the heap, of several the program's own; empty if the target has none
     */
    public <H extends Heap> Optional<H> find(Class<H> type) {
        return findAll(type).stream().findFirst();
    }

    /**
     * All heaps of one kind. Locates no heap of another kind.
     *
     * @param type their class
     * @param <H> their class
     * @return an unmodifiable list, the program's own heap first; empty if the target has none
     */
    public <H extends Heap> List<H> findAll(Class<H> type) {
        return places.stream()
                .filter(place -> type.isAssignableFrom(place.provider.type()))
                .flatMap(place -> place.heaps().stream())
                .map(type::cast)
                .toList();
    }

    /**
     * Walks all blocks of all heaps, so that no byte is counted twice.
     *
     * @return a new cursor, for one thread
     * @throws UnsupportedTargetException if there is no heap
     */
    public LayerCursor blocks() {
        return new LayerCursor(insideOut());
    }

    /**
     * Finds blocks by addresses in them. Of a block that a runtime manages inside of one of an allocator, the inner one
     * is found.
     *
     * @return a new look-up, for one thread
     * @throws UnsupportedTargetException if there is no heap
     */
    public LayerLookup lookup() {
        return new LayerLookup(insideOut());
    }

    /**
     * The block that an address lies in, the innermost one. Who asks often is faster with a {@link #lookup()}.
     *
     * @param address any target address
     * @return the block, empty if the address lies in none
     * @throws UnsupportedTargetException if there is no heap
     */
    public Optional<Block> blockAt(long address) {
        for (Heap heap : insideOut()) {
            Optional<Block> block = heap.blockAt(address);
            if (block.isPresent()) {
                return block;
            }
        }
        return Optional.empty();
    }

    /**
     * What is worth knowing: what each heap has to say, and what is not listed since its allocator is not known.
     * Locates all heaps.
     *
     * @return a line each, for a person
     * @throws UnsupportedTargetException if there is no heap
     */
    public List<String> notices() {
        List<Heap> heaps = list();
        List<String> notices = new ArrayList<>();
        if (heaps.stream().noneMatch(heap -> heap.layer() == HeapLayer.ALLOCATOR)) {
            String names = heaps.stream().map(Heap::name).collect(Collectors.joining(" and "));
            refusals().stream()
                    .findFirst()
                    .ifPresent(refusal ->
                            notices.add("only what %s manages is listed: %s".formatted(names, refusal.getMessage())));
        }
        notices.addAll(unlisted(heaps));
        heaps.forEach(heap -> notices.addAll(heap.notices()));
        return List.copyOf(notices);
    }

    /** Says which allocators there are besides those whose heaps are listed. */
    private List<String> unlisted(List<Heap> heaps) {
        Set<String> listed =
                heaps.stream().flatMap(heap -> heap.knownAs().stream()).collect(Collectors.toSet());
        String names = heaps.stream()
                .filter(heap -> heap.layer() == HeapLayer.ALLOCATOR)
                .map(Heap::name)
                .collect(Collectors.joining(" and "));
        return heaps.stream()
                .flatMap(heap -> heap.otherAllocators().stream())
                .distinct()
                .filter(other -> !listed.contains(other))
                .map(other ->
                        "%s also has %s; only what %s holds is listed".formatted(target.description(), other, names))
                .toList();
    }

    /**
     * The heaps of a process that runs on as they are now. A runtime that was not there is looked for again.
     *
     * @return the heaps as they are now; these stay what they were
     * @throws dev.heapwalk.memory.NoSuchProcessException if the process ended
     */
    public Heaps refresh() {
        return new Heaps(target, places.stream().map(Place::refresh).toList());
    }

    @Override
    public String toString() {
        return "heaps of " + target.description();
    }
}
