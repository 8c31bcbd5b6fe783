// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.demo;

import java.io.IOException;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;

/**
 * The program that {@code heapwalk COMMAND demo} starts and reads. It allocates through the C library's {@code malloc},
 * says so, and ends when its standard input does, so also when whoever started it was killed.
 */
public final class DemoProgram {
    static final String READY = "READY";
    static final String PATTERN = "750 blocks of 5,000 bytes (250 more were freed), 500 C strings, "
            + "300 blocks of 700 bytes from a second thread, one of 1 MiB, and the heap of a small JVM";

    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle MALLOC = LINKER.downcallHandle(
            LINKER.defaultLookup().findOrThrow("malloc"),
            FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
    private static final MethodHandle FREE = LINKER.downcallHandle(
            LINKER.defaultLookup().findOrThrow("free"), FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));

    private DemoProgram() {}

    /**
     * Allocates, says so and waits.
     *
     * @param args none
     * @throws IOException if standard input can't be read
     * @throws InterruptedException never, since nobody interrupts it
     */
    public static void main(String[] args) throws IOException, InterruptedException {
        MemorySegment[] blocks = new MemorySegment[1_000];
        for (int i = 0; i < blocks.length; i++) {
            blocks[i] = malloc(5_000);
        }
        for (int i = 0; i < blocks.length; i += 4) {
            free(blocks[i]);
        }
        for (int i = 0; i < 500; i++) {
            byte[] text = ("This is the C string number " + i + " of the demo.").getBytes(StandardCharsets.US_ASCII);
            MemorySegment string = malloc(text.length + 1L);
            MemorySegment.copy(text, 0, string, ValueLayout.JAVA_BYTE, 0, text.length);
            string.set(ValueLayout.JAVA_BYTE, text.length, (byte) 0);
        }
        malloc(1 << 20);
        Object allocated = new Object();
        Thread second = Thread.ofPlatform().daemon().name("demo-second").unstarted(() -> {
            for (int i = 0; i < 300; i++) {
                malloc(700);
            }
            synchronized (allocated) {
                allocated.notifyAll();
            }
            // It stays, so that its arena and its cache have an owner.
            while (true) {
                try {
                    Thread.sleep(Long.MAX_VALUE);
                } catch (InterruptedException e) {
                    // Nobody does.
                }
            }
        });
        synchronized (allocated) {
            second.start();
            allocated.wait();
        }
        System.out.println(READY + " " + ProcessHandle.current().pid());
        System.out.flush();
        while (System.in.read() >= 0) {
            // Until the end.
        }
        // Also if a thread should hang.
        Runtime.getRuntime().halt(0);
    }

    private static MemorySegment malloc(long bytes) {
        try {
            MemorySegment block = (MemorySegment) MALLOC.invokeExact(bytes);
            return block.reinterpret(bytes);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void free(MemorySegment block) {
        try {
            FREE.invokeExact(block);
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
