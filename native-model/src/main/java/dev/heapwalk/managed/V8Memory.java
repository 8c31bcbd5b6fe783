// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.managed;

import dev.heapwalk.heap.residency.Claim;
import dev.heapwalk.heap.residency.ClaimProvider;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Range;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import java.util.ArrayList;
import java.util.List;

/**
 * The heap of V8, as in Node.js 16 to 20: pieces that begin at multiples of 256 KiB, each with a header that tells its
 * size, the heap that it belongs to and the part of it that objects lie in.
 */
public final class V8Memory implements ClaimProvider {
    private static final long UNIT = 256 << 10;
    private static final int HEAP = 2 * Long.BYTES;
    private static final int AREA_START = 3 * Long.BYTES;
    private static final int AREA_END = 4 * Long.BYTES;
    /** The header and the marks of a piece are no larger. */
    private static final long MOST_BEFORE = 64 << 10;

    /** Makes one for the service loader. */
    public V8Memory() {}

    @Override
    public List<Claim> claims(Target target) {
        if (Runtimes.module(target, "node|nodejs|electron|lib(node|v8).*\\.so.*")
                .isEmpty()) {
            return List.of();
        }
        List<Range> pieces = new ArrayList<>();
        try (Reader reader = target.memory().reader(1 << 17, target.memory().pageSize())) {
            long[] end = new long[1];
            Runtimes.anonymous(target).filter(Mapping::readable).forEach(mapping -> {
                long at = Math.max(end[0], up(mapping.start()));
                while (at < mapping.end()) {
                    long size = size(reader, at);
                    if (size > 0) {
                        pieces.add(new Range(at, at + size));
                        end[0] = at + size;
                    }
                    at = up(at + Math.max(1, size));
                }
            });
        }
        return Runtimes.merged(pieces, "V8 heap");
    }

    private static long up(long address) {
        return (address + UNIT - 1) & -UNIT;
    }

    /** The size of the piece that begins there, 0 if none does. */
    private static long size(Reader reader, long at) {
        long size = reader.readLong(at, 0);
        long start = reader.readLong(at + AREA_START, 0);
        long end = reader.readLong(at + AREA_END, 0);
        boolean piece = size > 0
                && size < 1L << 40
                && start > at
                && start <= at + MOST_BEFORE
                && end > start
                && end <= at + size
                && reader.readLong(reader.readLong(at + HEAP, 0), 0) != 0;
        return piece ? size : 0;
    }
}
