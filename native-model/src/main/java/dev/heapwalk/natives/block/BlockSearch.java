// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.natives.block;

import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.UsedBlocks;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.List;
import java.util.Optional;

/** A categorizer that looks for the blocks of a library before it is first asked. */
public final class BlockSearch implements Categorizer {
    /** What lies in the blocks behind so many is not looked for. */
    private static final int MOST = 1 << 24;
    /** What is known of a block takes so much of this JVM's memory at most, while room for it grows, in bytes. */
    private static final int TAKES = 64;

    private static final long BUDGET = 32L << 20;
    /** After so many blocks it is told that the search goes on. */
    private static final int TELL_EACH = 1 << 13;

    private final Heaps heaps;
    private final Finder finder;
    private final String what;
    private Categorizer found = NONE;
    private List<String> notices = List.of();
    private boolean searched;

    /** What knows the blocks of a library. */
    @FunctionalInterface
    public interface Finder {
        /**
         * Gives blocks their uses.
         *
         * @param target the target
         * @param uses the blocks in use, none of which has a use yet
         * @param reader a reader to follow pointers with
         * @param progress to be run from time to time
         */
        void find(Target target, BlockUses uses, Reader reader, Runnable progress);
    }

    /**
     * Makes one that has not searched yet.
     *
     * @param what what it looks for, as in "structures of GLib"
     * @param heaps the heaps whose blocks are gone through
     * @param finder what looks at them
     */
    public BlockSearch(String what, Heaps heaps, Finder finder) {
        this.what = what;
        this.heaps = heaps;
        this.finder = finder;
    }

    /**
     * Finds a library among the modules of a target.
     *
     * @param target the target
     * @param name how the library's name begins, such as {@code libssl.so}
     * @param function a function that it exports, by which a program is known that has the library in it
     * @return the module, if there is one
     */
    public static Optional<ElfModule> library(Target target, String name, String function) {
        return target.modules().stream()
                .filter(module -> module.soname().orElse("").startsWith(name)
                        || module.path()
                                .substring(module.path().lastIndexOf('/') + 1)
                                .startsWith(name)
                        || module.exported(function).isPresent())
                .findFirst();
    }

    @Override
    public void prepare(Runnable progress) {
        searched = true;
        int[] walked = {0};
        UsedBlocks blocks = UsedBlocks.of(
                heaps,
                _ -> {
                    if ((++walked[0] & TELL_EACH - 1) == 0) {
                        progress.run();
                    }
                    return true;
                },
                (int) Math.min(MOST, Runtime.getRuntime().maxMemory() / TAKES));
        if (blocks.cut()) {
            notices = List.of(
                    "%s were looked for in the first %,d used blocks only; in up to %,d if the JVM has a larger heap (-Xmx)"
                            .formatted(what, blocks.count(), MOST));
        }
        BlockUses uses = new BlockUses(blocks);
        try (Reader reader = heaps.target().memory().reader(BUDGET)) {
            finder.find(heaps.target(), uses, reader, progress);
        }
        found = uses.isEmpty() ? NONE : uses;
    }

    @Override
    public List<String> notices() {
        return notices;
    }

    @Override
    public Category categorize(BlockView block, Window window) {
        if (!searched) {
            prepare(() -> {});
        }
        return found.categorize(block, window);
    }
}
