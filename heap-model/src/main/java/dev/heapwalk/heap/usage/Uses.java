// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.usage;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.memory.Window;
import java.util.ArrayList;
import java.util.List;

/** Asks the categorizers, which it has made when it is first asked itself. */
final class Uses {
    private static final Categorizer[] UNPREPARED = {};

    private final List<CategorizerProvider> providers;
    private final Window window;
    private final SizeCategories bySize = new SizeCategories();
    private Heaps heaps;
    private Categorizer[] categorizers = UNPREPARED;
    /** Of each categorizer the class of who made it. */
    private final List<String> makers = new ArrayList<>();

    Uses(Heaps heaps, List<? extends CategorizerProvider> providers, Window window) {
        this.heaps = heaps;
        this.providers = List.copyOf(providers);
        this.window = window;
    }

    Heaps heaps() {
        return heaps;
    }

    /** Has everything looked at anew. */
    void restart(Heaps now) {
        heaps = now;
        categorizers = UNPREPARED;
        window.forget();
    }

    void close() {
        window.close();
    }

    /** The use of a used block. */
    Category of(BlockView block) {
        if (block instanceof Categorized own) {
            Category category = own.category();
            if (category != Category.NONE) {
                return category;
            }
        }
        return ask(block);
    }

    /** The use of a used block that does not tell it itself. */
    Category ask(BlockView block) {
        Categorizer[] asked = prepared();
        int i = 0;
        try {
            for (; i < asked.length; i++) {
                Category category = asked[i].categorize(block, window);
                if (category != Category.NONE) {
                    return category;
                }
            }
        } catch (RuntimeException e) {
            throw failure(i, block, e);
        }
        return bySize.of(block.size());
    }

    /** Shows the categorizers a used block of a runtime. */
    void note(BlockView block) {
        Categorizer[] shown = prepared();
        int i = 0;
        try {
            for (; i < shown.length; i++) {
                shown[i].note(block);
            }
        } catch (RuntimeException e) {
            throw failure(i, block, e);
        }
    }

    private Categorizer[] prepared() {
        if (categorizers == UNPREPARED) {
            List<Categorizer> made = new ArrayList<>();
            makers.clear();
            for (CategorizerProvider provider : providers) {
                Categorizer one = prepare(provider);
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

    private Categorizer prepare(CategorizerProvider provider) {
        try {
            return provider.categorizer(heaps);
        } catch (RuntimeException e) {
            if (isOfTarget(e)) {
                throw e;
            }
            throw new CategorizerException(
                    "%s made no categorizer for %s: %s"
                            .formatted(
                                    provider.getClass().getName(),
                                    heaps.target().description(),
                                    e),
                    e);
        }
    }

    private RuntimeException failure(int failed, BlockView block, RuntimeException cause) {
        return isOfTarget(cause)
                ? cause
                : new CategorizerException(
                        "the categorizer of %s failed on the block of %d bytes at 0x%x: %s"
                                .formatted(makers.get(failed), block.size(), block.address(), cause),
                        cause);
    }

    /**
     * Whether a failure is about the whole target: it ended, or it may not be read any more. A bad pointer is the
     * categorizer's own.
     */
    private static boolean isOfTarget(RuntimeException failure) {
        return failure instanceof TargetException && !(failure instanceof UnmappedAddressException);
    }
}
