// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.name;

import java.util.Optional;

/** Reads mangled names. */
public final class Names {
    private Names() {}

    /**
     * The name of a type as C++ has it.
     *
     * @param mangled what {@code type_info::name()} has, or what follows {@code _ZTV}, {@code _ZTI} or {@code _ZTS}
     * @return the name in the style of {@code c++filt}, with {@code >>} in place of {@code > >}; empty if it is not
     *     mangled so, or has something that is not known
     */
    public static Optional<String> type(String mangled) {
        return read(mangled, false);
    }

    /**
     * The name of a type without what most types of the standard library have in common: allocators, comparisons and
     * hashes that are theirs by default, and namespaces for versions of the library.
     *
     * @param mangled as {@link #type} takes it
     * @return the name, such as {@code std::vector<std::string>}; empty as {@link #type} says
     */
    public static Optional<String> brief(String mangled) {
        return read(mangled, true);
    }

    private static Optional<String> read(String mangled, boolean brief) {
        // GCC marks names that are compared by their address.
        String bare = mangled.startsWith("*") ? mangled.substring(1) : mangled;
        try {
            return Optional.of(Printer.print(Parser.type(bare), brief));
        } catch (MalformedNameException e) {
            return Optional.empty();
        }
    }
}
