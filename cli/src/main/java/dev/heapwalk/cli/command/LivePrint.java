// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import java.util.function.Consumer;

/**
 * Prints a listing in a thread of its own while the listing is made: who reads the first rows need not wait for the
 * last one, and the target need not wait for who reads.
 */
final class LivePrint {
    private final Listing listing;
    private final Thread thread;
    private volatile RuntimeException failure;

    /**
     * Begins to print.
     *
     * @param listing has no row yet
     * @param print prints it to the end
     */
    LivePrint(Listing listing, Consumer<Listing> print) {
        this.listing = listing;
        thread = Thread.ofPlatform().daemon().name("heapwalk-printing").unstarted(() -> run(print));
        listing.printedBy(this);
        thread.start();
    }

    private void run(Consumer<Listing> print) {
        try {
            print.accept(listing);
        } catch (RuntimeException e) {
            failure = e;
        } catch (Error e) {
            failure = new IllegalStateException(e);
        }
    }

    /** Whether printing has failed, so that nobody wants more rows. */
    boolean abandoned() {
        return failure != null;
    }

    /** Waits until all is printed, and throws what went wrong with that. There are no more rows. */
    void finish() {
        settle();
        if (failure != null) {
            throw failure;
        }
    }

    /** Waits until all is printed, or can't be. There are no more rows. */
    void settle() {
        listing.end();
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
