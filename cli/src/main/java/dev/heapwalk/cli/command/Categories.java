// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.usage.Category;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Numbers the categories that occur, from 0. One thread numbers them; another may look them up. */
final class Categories {
    private final List<Category> list = new ArrayList<>();
    private final Map<Category, Integer> numbers = new HashMap<>();
    private Category last;
    private int lastNumber;

    int number(Category category) {
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

    synchronized Category get(int number) {
        return list.get(number);
    }
}
