// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

/**
 * The name of a type.
 *
 * @param module what its {@code __module__} says; empty if it is not known
 * @param qualname what its {@code __qualname__} says, its name in 2.7
 */
public record TypeName(String module, String qualname) {

    /**
     * The whole name.
     *
     * @return module and name with a point between them, or the name alone where no module is known
     */
    @Override
    public String toString() {
        return module.isEmpty() ? qualname : module + "." + qualname;
    }
}
