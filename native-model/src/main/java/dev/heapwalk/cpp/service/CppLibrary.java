// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.service;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.Window;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.raw.Words;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Tells whether a target has a C++ library, so that a look for its containers is worth the time. */
final class CppLibrary {
    /** What throws and catches needs it, in all libraries. */
    private static final String SIGN = "_ZTVN10__cxxabiv117__class_type_infoE";
    /** What the name of that class begins with, in a program that has the library in itself: {@code N10__cxx}. */
    private static final long NAME = 0x7878635f5f30314eL;

    private CppLibrary() {}

    static boolean isIn(Target target, List<ElfModule> modules) {
        return modules.stream().anyMatch(module -> module.exported(SIGN).isPresent())
                || modules.stream().filter(ElfModule::program).anyMatch(program -> hasName(program, target));
    }

    private static boolean hasName(ElfModule program, Target target) {
        try (Window window = target.memory().residentWindow()) {
            return program.mappings().stream()
                    .filter(mapping -> mapping.readable() && !mapping.writable())
                    .anyMatch(mapping -> hasName(mapping, window));
        }
    }

    private static boolean hasName(Mapping mapping, Window window) {
        long at = mapping.start();
        while (mapping.end() - at >= Long.BYTES) {
            long shown = Math.min(Window.MAX_LENGTH, mapping.end() - at);
            long offset = window.find(at, shown);
            if (offset >= 0) {
                MemorySegment segment = window.segment();
                for (long end = offset + shown - Long.BYTES; offset <= end; offset++) {
                    if (segment.get(Words.LONG, offset) == NAME) {
                        return true;
                    }
                }
            }
            at += shown == mapping.end() - at ? shown : shown - Long.BYTES + 1;
        }
        return false;
    }
}
