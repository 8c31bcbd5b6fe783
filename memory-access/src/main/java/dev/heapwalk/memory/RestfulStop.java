// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Stops a process at a moment at which it is at rest: what {@link Target#stop(Rest, Duration)} does. */
final class RestfulStop {
    /** How long the process runs between one look at it and the next, in nanoseconds: a rest may be short. */
    private static final long LOOK_NANOS = 20_000;
    /** How long it runs at least after a stop that was in vain, in nanoseconds; and for as long as that took. */
    private static final long RUN_NANOS = 20_000_000;

    private RestfulStop() {}

    static Target.Stop of(Target target, Rest rest, Duration patience) {
        if (!target.runsOn() || !rest.tells()) {
            return target.stop();
        }
        long until = until(patience);
        while (true) {
            await(rest, until);
            long begun = System.nanoTime();
            Target.Stop stop = target.stop();
            try {
                if (target.settle(rest) || System.nanoTime() - until >= 0) {
                    return stop;
                }
            } catch (Throwable e) {
                stop.close();
                throw e;
            }
            stop.close();
            pause(Math.max(RUN_NANOS, System.nanoTime() - begun));
        }
    }

    /** The moment of {@link System#nanoTime()} at which patience ends, which may be the longest that there is. */
    static long until(Duration patience) {
        return System.nanoTime() + Math.max(0, TimeUnit.NANOSECONDS.convert(patience));
    }

    /** Waits as long as it is not worth while to stop the process, up to a moment of {@link System#nanoTime()}. */
    static void await(Rest rest, long until) {
        while (!rest.likely() && System.nanoTime() - until < 0) {
            pause(LOOK_NANOS);
        }
    }

    /** Waits that long also where this thread is interrupted, which is passed on then. */
    private static void pause(long nanos) {
        boolean interrupted = false;
        long end = System.nanoTime() + nanos;
        for (long left = nanos; left > 0; left = end - System.nanoTime()) {
            LockSupport.parkNanos(left);
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
