// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.heap.usage.Category;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Numbers the categories that occur, from 0. One thread numbers them; another may look them up. */
public final class Categories {
    private final List<Category> list = new ArrayList<>();
    private final Map<Category, Integer> numbers = new HashMap<>();
    private Category last;
    private int lastNumber;

    /** The number of a category. */
    public int number(Category category) {
        // Neighbours are often alike, and the same object then.
        if (category != last) {
            Integer known = numbers.get(category);
            if (known == null) {
                known = add(category);
                numbers.put(category, known);
            }
            last = category;
            lastNumber = known;
        }
        return lastNumber;
    }

    private synchronized int add(Category category) {
        list.add(category);
        return list.size() - 1;
    }

    /** The category of a number. */
    public synchronized Category get(int number) {
        return list.get(number);
    }

    /** All that have a number, in their order. */
    public synchronized List<Category> list() {
        return List.copyOf(list);
    }
}
