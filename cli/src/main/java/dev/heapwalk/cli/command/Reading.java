// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.memory.TargetException;
import dev.heapwalk.memory.TargetOptions;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;

/**
 * Reads a process in a thread of its own: where a read hangs in the kernel, nothing but the end of this JVM ends it,
 * and the command has to go on and say so.
 */
final class Reading {
    /** As large as that of the first thread. */
    private static final long STACK = 8L << 20;
    /** How long the reading may take to notice that the process was let go, in milliseconds. */
    private static final long GRACE = 1_000;

    private Reading() {}

    /**
     * Reads.
     *
     * @param options what the process is opened with
     * @param read opens it with the options that it is given, reads and closes it
     * @return what that returned
     * @throws TargetException if the process had to be let go early
     */
    static <T> T of(TargetOptions options, Function<TargetOptions, T> read) {
        CompletableFuture<T> answer = new CompletableFuture<>();
        CompletableFuture<TargetException> lost = new CompletableFuture<>();
        CountDownLatch either = new CountDownLatch(1);
        TargetOptions listening = options.withWhenLost(why -> {
            lost.complete(why);
            either.countDown();
        });
        Thread thread = new Thread(null, () -> run(answer, either, read, listening), "heapwalk-reading", STACK);
        thread.setDaemon(true);
        thread.start();
        boolean interrupted = false;
        while (true) {
            try {
                either.await();
                if (lost.isDone()) {
                    settle(answer);
                    throw lost.join();
                }
                return answer.join();
            } catch (InterruptedException e) {
                interrupted = true;
            } catch (CompletionException e) {
                switch (e.getCause()) {
                    case RuntimeException failure -> throw failure;
                    case Error failure -> throw failure;
                    default -> throw e;
                }
            } finally {
                if (interrupted && either.getCount() == 0) {
                    Thread.currentThread().interrupt();
                }
            }
        }
    }

    private static <T> void run(
            CompletableFuture<T> answer,
            CountDownLatch either,
            Function<TargetOptions, T> read,
            TargetOptions options) {
        try {
            answer.complete(read.apply(options));
        } catch (Throwable e) {
            answer.completeExceptionally(e);
        } finally {
            either.countDown();
        }
    }

    /** Waits a little until nobody reads any more. */
    private static void settle(CompletableFuture<?> answer) throws InterruptedException {
        try {
            answer.handle((_, _) -> true).get(GRACE, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            // The read hangs, and ends with this JVM or with the process.
        } catch (java.util.concurrent.ExecutionException e) {
            throw new AssertionError("it was handled", e);
        }
    }
}
