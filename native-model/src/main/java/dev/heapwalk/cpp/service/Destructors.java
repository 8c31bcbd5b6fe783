// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.service;

import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import dev.heapwalk.memory.elf.ElfSymbol;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The class of a virtual table by one of its functions, where symbols of functions are all that there is: each class
 * that can be deleted by a pointer to a base has a destructor of its own for that, whose symbol names the class.
 */
final class Destructors {
    private static final String NESTED = "_ZN";
    /** The destructor that frees the object behind itself, which takes no arguments. */
    private static final String DELETING = "D0Ev";

    private static final int MOST_FUNCTIONS = 1 << 10;
    /** Where the linker has made one function of several classes' own. */
    private static final String SEVERAL = "";

    private final Target target;
    private final Reader reader;
    /** Of each module the mangled class by the address of its destructor. */
    private final Map<ElfModule, Map<Long, String>> classes = new HashMap<>();

    Destructors(Target target, Reader reader) {
        this.target = target;
        this.reader = reader;
    }

    /** The mangled name of the class, by the first function of its virtual table and those behind it. */
    Optional<String> classOf(long table) {
        for (int i = 0; i < MOST_FUNCTIONS; i++) {
            long function = reader.readLong(table + (long) i * Long.BYTES, 0);
            if (!isCode(function)) {
                return Optional.empty();
            }
            Optional<String> named = target.moduleAt(function)
                    .map(module ->
                            classes.computeIfAbsent(module, Destructors::in).get(function));
            if (named.isPresent()) {
                return named.filter(name -> !name.equals(SEVERAL));
            }
        }
        return Optional.empty();
    }

    /** Whether a word is the address of something that can be run. */
    boolean isCode(long address) {
        return address > 0
                && target.memory()
                        .mappings()
                        .at(address)
                        .map(Mapping::executable)
                        .orElse(false);
    }

    private static Map<Long, String> in(ElfModule module) {
        Map<Long, String> found = new HashMap<>();
        module.symbols()
                .filter(symbol -> symbol.kind() == ElfSymbol.Kind.FUNCTION)
                .filter(symbol ->
                        symbol.name().startsWith(NESTED) && symbol.name().endsWith(DELETING))
                .forEach(symbol -> found.merge(
                        symbol.address(), className(symbol.name()), (one, other) -> one.equals(other) ? one : SEVERAL));
        return found;
    }

    private static String className(String destructor) {
        return destructor.substring(NESTED.length() - 1, destructor.length() - DELETING.length()) + 'E';
    }
}
