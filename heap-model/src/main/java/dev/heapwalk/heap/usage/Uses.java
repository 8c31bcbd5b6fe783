// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** Asks the categorizers, which it has made when it is first asked itself. */
final class Uses {
    private static final Categorizer[] UNPREPARED = {};

    private final List<CategorizerProvider> providers;
    private final Window window;
    private final SizeCategories bySize = new SizeCategories();
    private Heaps heaps;
    private Categorizer[] categorizers = UNPREPARED;
    /** What each provider made last, null if it was not asked yet. */
    private final Categorizer[] lastMade;
    /** Of each categorizer the class of who made it. */
    private final List<String> makers = new ArrayList<>();
    /** What is told that a preparation goes on. */
    private Runnable progress = () -> {};

    /** What that has thrown, which is no failure of a categorizer. */
    private RuntimeException ended;

    Uses(Heaps heaps, List<? extends CategorizerProvider> providers, Window window) {
        this.heaps = heaps;
        this.providers = List.copyOf(providers);
        this.lastMade = new Categorizer[this.providers.size()];
        this.window = window;
    }

    Heaps heaps() {
        return heaps;
    }

    /** Has somebody told that a preparation goes on. */
    void watch(Runnable now) {
        progress = now;
    }

    /** Has everything looked at again. */
    void restart(Heaps now) {
        heaps = now;
        categorizers = UNPREPARED;
        window.forget();
    }

    /** Has the content of blocks read again. */
    void forget() {
        window.forget();
    }

    void close() {
        window.close();
    }

    /** The use of a used block. */
    Category of(BlockView block) {
        if (block instanceof Categorized own) {
            Category category = own.category();
            if (category == null) {
                throw new CategorizerException(
                        "%s has null, not Category.NONE, for the block of %d bytes at 0x%x"
                                .formatted(block.getClass().getName(), block.size(), block.address()),
                        null);
            }
            if (category != Category.NONE) {
                return category;
            }
        }
        return ask(block);
    }

    /** The use of a used block that does not tell it itself. */
    Category ask(BlockView block) {
        Categorizer[] asked = prepared();
        Category category = Category.NONE;
        int i = -1;
        try {
            while (category == Category.NONE && ++i < asked.length) {
                category = asked[i].categorize(block, window);
            }
        } catch (RuntimeException | LinkageError e) {
            throw failure(i, block, e);
        }
        if (category == null) {
            throw new CategorizerException(
                    "the categorizer of %s returned null, not Category.NONE, for the block of %d bytes at 0x%x"
                            .formatted(makers.get(i), block.size(), block.address()),
                    null);
        }
        return category == Category.NONE ? bySize.of(block.size()) : category;
    }

    /** What categorizers have left out. */
    List<String> notices() {
        return Stream.of(categorizers)
                .flatMap(each -> each.notices().stream())
                .distinct()
                .toList();
    }

    /** Shows the categorizers a used block of a runtime. */
    void note(BlockView block) {
        Categorizer[] shown = prepared();
        int i = 0;
        try {
            for (; i < shown.length; i++) {
                shown[i].note(block);
            }
        } catch (RuntimeException | LinkageError e) {
            throw failure(i, block, e);
        }
    }

    private Categorizer[] prepared() {
        if (categorizers == UNPREPARED) {
            List<Categorizer> made = new ArrayList<>();
            makers.clear();
            for (int i = 0; i < lastMade.length; i++) {
                CategorizerProvider provider = providers.get(i);
                Categorizer before = lastMade[i];
                lastMade[i] = null;
                Categorizer one = prepare(provider, before);
                lastMade[i] = one;
                if (one instanceof KnownBlocks more && !made.isEmpty() && made.getLast() instanceof KnownBlocks known) {
                    made.set(made.size() - 1, known.and(more));
                } else if (one != Categorizer.NONE) {
                    made.add(one);
                    makers.add(provider.getClass().getName());
                }
            }
            categorizers = made.toArray(Categorizer[]::new);
        }
        return categorizers;
    }

    private Categorizer prepare(CategorizerProvider provider, Categorizer before) {
        Categorizer made;
        try {
            made = before != null && before.again(heaps) ? before : provider.categorizer(heaps);
        } catch (RuntimeException | LinkageError e) {
            throw isOfTarget(e) ? (TargetException) e : notMade(provider, e, e);
        }
        if (made == null) {
            throw notMade(provider, "it returned null, not Categorizer.NONE", null);
        }
        try {
            made.prepare(this::goesOn);
        } catch (RuntimeException | LinkageError e) {
            if (e == ended) {
                throw ended;
            }
            throw isOfTarget(e) ? (TargetException) e : notMade(provider, e, e);
        }
        return made;
    }

    private void goesOn() {
        try {
            progress.run();
        } catch (RuntimeException e) {
            ended = e;
            throw e;
        }
    }

    private CategorizerException notMade(CategorizerProvider provider, Object why, Throwable cause) {
        return new CategorizerException(
                "%s made no categorizer for %s: %s"
                        .formatted(provider.getClass().getName(), heaps.target().description(), why),
                cause);
    }

    /** What is to be thrown: a plug-in that was built for another version ends in a {@link LinkageError}. */
    private RuntimeException failure(int failed, BlockView block, Throwable cause) {
        return isOfTarget(cause)
                ? (TargetException) cause
                : new CategorizerException(
                        "the categorizer of %s failed on the block of %d bytes at 0x%x: %s"
                                .formatted(makers.get(failed), block.size(), block.address(), cause),
                        cause);
    }

    /**
     * Whether a failure is about the whole target: it ended, or it may not be read any more. A bad pointer is the
     * categorizer's own.
     */
    private static boolean isOfTarget(Throwable failure) {
        return failure instanceof TargetException && !(failure instanceof UnmappedAddressException);
    }
}
