// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.openssl.service;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.elf.ElfModule;

/** What lies in libssl, or in the program that has it in it. */
final class SslLibrary {
    private final ElfModule module;
    private final Reader reader;
    private final long start;
    private final long end;

    SslLibrary(ElfModule module, Reader reader) {
        this.module = module;
        this.reader = reader;
        this.start = module.mappings().stream().mapToLong(Mapping::start).min().orElse(0);
        this.end = module.mappings().stream().mapToLong(Mapping::end).max().orElse(0);
    }

    /** Whether an address lies in the library; a look at the mappings only where it is near. */
    boolean contains(long address) {
        return address >= start && address < end && module.contains(address);
    }

    private boolean isCode(long address) {
        return contains(address)
                && module.mappings().stream().anyMatch(one -> one.contains(address) && one.executable());
    }

    /** Whether so many functions of the library stand at an address of it. */
    boolean hasFunctions(long address, int count) {
        if (!contains(address) || (address & Long.BYTES - 1) != 0) {
            return false;
        }
        for (int i = 0; i < count; i++) {
            if (!isCode(reader.readLong(address + (long) i * Long.BYTES, 0))) {
                return false;
            }
        }
        return true;
    }
}
