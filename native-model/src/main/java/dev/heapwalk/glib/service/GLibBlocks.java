// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.glib.service;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.natives.block.BlockSearch;
import java.util.Optional;

/**
 * Knows the blocks of programs on GLib: instances of types by name, what describes types, lists, hash tables, texts that
 * grow, the pixels of pictures.
 */
public final class GLibBlocks implements CategorizerProvider {
    private static final String LIBRARY = "libglib-2.0.so";
    private static final String OBJECTS = "libgobject-2.0.so";

    /** For the service loader. */
    public GLibBlocks() {}

    @Override
    public Categorizer categorizer(Heaps heaps) {
        Target target = heaps.target();
        Optional<ElfModule> glib = BlockSearch.library(target, LIBRARY, "g_quark_to_string");
        if (glib.isEmpty()) {
            return Categorizer.NONE;
        }
        Optional<ElfModule> objects = BlockSearch.library(target, OBJECTS, "g_type_create_instance");
        return new BlockSearch("structures of GLib", heaps, (_, uses, reader, progress) -> {
            Slices slices = new Slices(uses, reader);
            slices.find(target, glib.get());
            GTypes types = GTypes.of(objects, glib.get(), reader);
            Instances instances = new Instances(types, uses, reader);
            slices.give(instances::mostly);
            instances.find(slices, progress);
            new Containers(target.memory().mappings(), uses, reader).find(slices, progress);
        });
    }
}
