// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.heap.BlockLookup;
import dev.heapwalk.heap.BlockView;
import dev.heapwalk.heap.Heap;
import dev.heapwalk.heap.Heaps;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.UnmappedAddressException;
import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.PythonRuntime;
import dev.heapwalk.python.gc.ObjectFinder;
import dev.heapwalk.python.object.PyBytes;
import dev.heapwalk.python.object.PyUnicode;
import dev.heapwalk.python.usage.PythonHeap;
import dev.heapwalk.ruby.object.RString;
import dev.heapwalk.ruby.usage.RubyHeap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;

/** Where a block has text or bytes that a program has put into it, and what one more of it costs. For one thread. */
final class BlockText implements AutoCloseable {
    private static final long BUDGET = 1 << 20;
    private static final String RUBY_STRING = "T_STRING";
    private static final String PYTHON_STRING = "builtins.str";
    private static final String PYTHON_BYTES = "builtins.bytes";

    /** As those who know them call them: a command names no such library. */
    private static final Set<Category> C_STRINGS = Set.of(
            new Category(new Domain("C"), "string data", ""), new Category(new Domain("C++"), "std::string", "buffer"));

    private final Reader memory;
    private final List<BlockLookup> allocators;
    private final Optional<OfRuby> ruby;
    private final Optional<OfPython> python;

    private long address;
    private long length;
    private long cost;
    private int form;

    private record OfRuby(dev.heapwalk.ruby.ObjectReader reader, RString string) {}

    private record OfPython(ObjectReader reader, ObjectFinder finder, PyUnicode text, PyBytes bytes) {
        static OfPython of(PythonRuntime runtime) {
            ObjectReader reader = runtime.reader();
            return new OfPython(reader, new ObjectFinder(runtime, reader), new PyUnicode(reader), new PyBytes(reader));
        }
    }

    BlockText(Heaps heaps) {
        memory = heaps.target().memory().reader(BUDGET);
        allocators = heaps.allocators().list().stream().map(Heap::lookup).toList();
        ruby = heaps.find(RubyHeap.class).map(heap -> {
            dev.heapwalk.ruby.ObjectReader reader = heap.vm().reader();
            return new OfRuby(reader, new RString(reader));
        });
        python = heaps.find(PythonHeap.class).map(heap -> OfPython.of(heap.runtime()));
    }

    /** Looks at a block in use. Returns whether it has text. */
    boolean find(BlockView block, Category use) {
        address = block.address();
        cost = block.size();
        form = 0;
        try {
            if (use.domain().equals(RubyHeap.DOMAIN)) {
                return use.detail().equals(RUBY_STRING) && ruby.isPresent() && ofRuby(ruby.get());
            }
            if (use.domain().equals(PythonHeap.DOMAIN)) {
                return python.isPresent() && ofPython(python.get(), use.kind());
            }
            if (isC(use)) {
                length = untilZero(block.usableSize());
                return length > 0;
            }
        } catch (UnmappedAddressException e) {
            // Damaged, or the process runs on.
        }
        return false;
    }

    /** Whether a block has text that a zero byte ends. */
    static boolean isC(Category use) {
        return C_STRINGS.contains(use);
    }

    private boolean ofRuby(OfRuby ruby) {
        RString string = ruby.string;
        if (!ruby.reader.find(address, string) || string.shared()) {
            // Those that share their bytes have no copy of them.
            return false;
        }
        address = string.bytes();
        length = string.length();
        form = string.encodingIndex();
        if (string.ownsBuffer()) {
            cost += sizeOf(address);
        } else if (!string.embedded()) {
            return false;
        }
        return length > 0;
    }

    private long sizeOf(long buffer) {
        for (BlockLookup allocator : allocators) {
            if (allocator.find(buffer)) {
                return allocator.size();
            }
        }
        return 0;
    }

    private boolean ofPython(OfPython python, String kind) {
        if (!kind.equals(PYTHON_STRING) && !kind.equals(PYTHON_BYTES)) {
            return false;
        }
        OptionalLong object = python.finder.objectIn(address);
        if (object.isEmpty()) {
            return false;
        }
        if (kind.equals(PYTHON_BYTES) && python.reader.find(object.getAsLong(), python.bytes)) {
            address = python.bytes.data();
            length = python.bytes.size();
        } else if (kind.equals(PYTHON_STRING)
                && python.reader.find(object.getAsLong(), python.text)
                && python.text.compact()) {
            address = python.text.data();
            form = python.text.kind();
            length = python.text.length() * form;
        } else {
            return false;
        }
        return length > 0;
    }

    private long untilZero(long most) {
        long at = 0;
        while (at < most && memory.readByte(address + at, (byte) 0) != 0) {
            at++;
        }
        return at < most ? at : 0;
    }

    /** Target address of the text that was found. */
    long address() {
        return address;
    }

    /** How long it is, in bytes. */
    long length() {
        return length;
    }

    /** What one more of it takes of the heaps, in bytes. */
    long cost() {
        return cost;
    }

    /** How it is encoded: equal bytes in another encoding are other text. */
    int form() {
        return form;
    }

    @Override
    public void close() {
        allocators.forEach(BlockLookup::close);
        ruby.ifPresent(each -> each.reader.memory().close());
        python.ifPresent(each -> each.reader.close());
        memory.close();
    }
}
