// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.raw;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.IntConsumer;

/** Some threads that do the same work, the caller's among them. */
public final class Crew {
    private Crew() {}

    /**
     * Has each thread work, and waits until all have done so. An interrupt does not end that, and is passed on.
     *
     * @param name what the threads are for, for their names
     * @param size how many there are, the caller's included
     * @param work what each does; is given its number, 0 of the caller's thread
     * @throws RuntimeException what the work of one has thrown, and so with an {@link Error}
     */
    public static void work(String name, int size, IntConsumer work) {
        AtomicReference<Throwable> failure = new AtomicReference<>();
        List<Thread> others = new ArrayList<>();
        for (int i = 1; i < size; i++) {
            int number = i;
            others.add(Thread.ofPlatform()
                    .daemon()
                    .name("heapwalk " + name + " " + number)
                    .start(() -> one(number, work, failure)));
        }
        one(0, work, failure);
        boolean interrupted = false;
        for (Thread other : others) {
            while (other.isAlive()) {
                try {
                    other.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        switch (failure.get()) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(failure.get());
        }
    }

    private static void one(int number, IntConsumer work, AtomicReference<Throwable> failure) {
        try {
            work.accept(number);
        } catch (Throwable e) {
            failure.compareAndSet(null, e);
        }
    }
}
