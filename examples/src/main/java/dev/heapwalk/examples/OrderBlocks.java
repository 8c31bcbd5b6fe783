// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.examples;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Categorizer;
import dev.heapwalk.heap.usage.CategorizerProvider;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;
import dev.heapwalk.heap.usage.KnownBlocks;
import java.util.HashMap;
import java.util.Map;

/** Names the blocks of the program that {@link OrderBook} reads: in a walk over uses, and in the command's tables. */
public final class OrderBlocks implements CategorizerProvider {
    private static final Domain SHOP = new Domain("shop");
    static final Category ORDER = new Category(SHOP, "order", "struct order");
    static final Category CUSTOMER = new Category(SHOP, "order", "name of the customer");

    /** For the service loader. */
    public OrderBlocks() {}

    @Override
    public Categorizer categorizer(Heaps heaps) {
        Map<Long, Category> known = new HashMap<>();
        OrderBook.walk(heaps.target(), (order, reader) -> {
            known.put(order.address(), ORDER);
            known.put(order.customer(), CUSTOMER);
        });
        // It knows nothing of other programs.
        return KnownBlocks.of(known);
    }
}
