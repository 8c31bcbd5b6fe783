// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.examples;

import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.struct.StructView;
import java.util.Objects;

/** Tells what a C program keeps in an array of structures, each of which begins a chain of others. */
final class OrderBook {
    /** {@code struct shelf { struct order *first; long count; }} */
    static final class Shelf extends StructView {
        static final long SIZE = 16;

        long first() {
            return longAt(0);
        }

        long count() {
            return longAt(8);
        }
    }

    /** {@code struct order { long id; struct order *next; const char *customer; int cents; short state; }} */
    static final class Order extends StructView {
        static final long SIZE = 32;

        long next() {
            return longAt(8);
        }

        long customer() {
            return longAt(16);
        }

        int cents() {
            return intAt(24);
        }

        short state() {
            return shortAt(28);
        }
    }

    private OrderBook() {}

    public static void main(String[] arguments) {
        long pid = Long.parseLong(arguments[0]);
        long[] orders = new long[3];
        long[] cents = new long[3];
        long dearest = 0;
        String customer = "";
        try (Target target = Target.attach(pid);
                Window window = target.memory().window();
                Reader reader = target.memory().reader(1 << 20)) {
            long shelves = variable(target, "shelves");
            int count = reader.readInt(variable(target, "shelf_count"));
            reader.requireMapped(shelves, count, (int) Shelf.SIZE);
            Shelf shelf = new Shelf();
            Order order = new Order();
            for (int i = 0; i < count; i++) {
                window.at(shelves + i * Shelf.SIZE, Shelf.SIZE, shelf);
                // A chain that is damaged may go round in a circle: the shelf says how long it is.
                long left = shelf.count();
                for (long at = shelf.first(); at != 0 && left > 0; left--) {
                    reader.at(at, Order.SIZE, order);
                    int state = Objects.checkIndex(order.state(), orders.length);
                    orders[state]++;
                    cents[state] += order.cents();
                    at = order.next();
                    if (order.cents() > dearest) {
                        dearest = order.cents();
                        // The last use of the view: the reader moves on.
                        customer = reader.readCString(order.customer(), 64);
                    }
                }
            }
        }
        for (int state = 0; state < orders.length; state++) {
            System.out.printf("state %d: %d orders, %d cents%n", state, orders[state], cents[state]);
        }
        System.out.printf("dearest: %d cents, %s%n", dearest, customer);
    }

    /** Where a variable of the program or of one of its libraries lies. */
    private static long variable(Target target, String name) {
        return target.modules().stream()
                .flatMapToLong(module -> module.symbol(name).stream())
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "no module of " + target.description() + " has a symbol " + name + ": was it stripped?"));
    }
}
