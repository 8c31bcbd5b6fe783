// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.examples;

import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.UsageCursor;
import dev.heapwalk.heap.usage.UsageTotals;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.elf.ElfSymbol;
import dev.heapwalk.memory.struct.StructView;
import java.util.Objects;
import java.util.OptionalLong;

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

    /** What is done with each order. */
    interface Visitor {
        /** The order is good until something is read with the reader. */
        void visit(Order order, Reader reader);
    }

    private final long[] orders = new long[3];
    private final long[] cents = new long[3];
    private int dearest;
    private long dearestAt;
    private String customer = "";

    private OrderBook() {}

    public static void main(String[] arguments) {
        OrderBook book = new OrderBook();
        try (Target target = Target.attach(Long.parseLong(arguments[0]));
                UsageCursor usage = UsageCursor.over(Heaps.of(target))) {
            walk(target, book::add);
            for (int state = 0; state < book.orders.length; state++) {
                System.out.printf("state %d: %d orders, %d cents%n", state, book.orders[state], book.cents[state]);
            }
            System.out.printf("dearest: %d cents, %s%n", book.dearest, book.customer);
            UsageTotals uses = UsageTotals.of(usage);
            System.out.printf("blocks: %d orders, %d names%n",
                    uses.total(OrderBlocks.ORDER).count(), uses.total(OrderBlocks.CUSTOMER).count());
            System.out.println("the dearest: " + describe(usage.heaps(), book.dearestAt));
            System.out.println("the first shelf: " + describe(usage.heaps(), variable(target, "shelves").orElseThrow()));
        }
    }

    /** What lies at an address: a block of a heap, or a variable or function of a module. */
    private static String describe(Heaps heaps, long address) {
        return heaps.blockAt(address)
                .map(block -> "a block of " + block.usableSize() + " bytes")
                .or(() -> heaps.target().moduleAt(address)
                        .flatMap(module -> module.symbolAt(address))
                        .map(ElfSymbol::name))
                .orElse("unknown");
    }

    private void add(Order order, Reader reader) {
        int state = Objects.checkIndex(order.state(), orders.length);
        orders[state]++;
        cents[state] += order.cents();
        if (order.cents() > dearest) {
            dearest = order.cents();
            dearestAt = order.address();
            // The last look at the order: the reader moves on.
            customer = reader.readCString(order.customer(), 64);
        }
    }

    /** Comes to all orders of a program; to none if it is another program. */
    static void walk(Target target, Visitor visitor) {
        OptionalLong shelves = variable(target, "shelves");
        OptionalLong shelfCount = variable(target, "shelf_count");
        if (shelves.isEmpty() || shelfCount.isEmpty()) {
            return;
        }
        Shelf shelf = new Shelf();
        Order order = new Order();
        try (Window window = target.memory().window();
                Reader reader = target.memory().reader(1 << 20)) {
            int count = reader.readInt(shelfCount.getAsLong());
            reader.requireMapped(shelves.getAsLong(), count, (int) Shelf.SIZE);
            for (int i = 0; i < count; i++) {
                window.at(shelves.getAsLong() + i * Shelf.SIZE, Shelf.SIZE, shelf);
                // A chain that is damaged may go round in a circle: the shelf says how long it is.
                long left = shelf.count();
                for (long at = shelf.first(); at != 0 && left > 0; left--) {
                    reader.at(at, Order.SIZE, order);
                    at = order.next();
                    visitor.visit(order, reader);
                }
            }
        }
    }

    /** Where a variable of the program or of one of its libraries lies. */
    private static OptionalLong variable(Target target, String name) {
        return target.modules().stream()
                .flatMapToLong(module -> module.symbol(name).stream())
                .findFirst();
    }
}
