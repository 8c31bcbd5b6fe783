// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * Where an instance has its attributes if not in slots: in a dictionary that {@code tp_dictoffset} leads to, or, since
 * 3.11, behind a word before the object. Values without a dictionary are in the order of the type's {@code
 * ht_cached_keys}.
 *
 * @param managedDict the flag of types whose instances have that word, {@code Py_TPFLAGS_MANAGED_DICT}; 0 where there
 *     are none
 * @param dict where the word with the dictionary lies, from the object
 * @param values where the word with the values lies, from the object; 0 where there is no such word
 * @param tagged whether the word with the dictionary has the values in its place, one byte lower, so that it is odd
 * @param inline whether instances of types with {@link TypeLayout#inlineValues()} have the values behind {@code
 *     tp_basicsize} bytes of theirs
 */
public record InstanceLayout(long managedDict, int dict, int values, boolean tagged, boolean inline) {

    private static final long MANAGED_DICT = 1L << 4;

    static InstanceLayout of(int version) {
        if (version < 311) {
            return new InstanceLayout(0, 0, 0, false, false);
        }
        return version == 311
                ? new InstanceLayout(MANAGED_DICT, -24, -32, false, false)
                : new InstanceLayout(MANAGED_DICT, -24, 0, version == 312, version >= 313);
    }
}
