// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.usage.Category;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Numbers the categories that occur, from 0. */
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
                known = list.size();
                numbers.put(category, known);
                list.add(category);
            }
            last = category;
            lastNumber = known;
        }
        return lastNumber;
    }

    Category get(int number) {
        return list.get(number);
    }

    int size() {
        return list.size();
    }
}
