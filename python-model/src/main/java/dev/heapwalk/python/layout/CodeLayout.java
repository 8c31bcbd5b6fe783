// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * C name {@code PyCodeObject}.
 *
 * @param bytes how much of it is read, in bytes
 * @param consts {@code co_consts}
 * @param names {@code co_names}
 * @param filename {@code co_filename}
 * @param name {@code co_name}
 * @param qualname {@code co_qualname}, or -1
 * @param firstLine {@code co_firstlineno}, 32 bits
 */
public record CodeLayout(int bytes, int consts, int names, int filename, int name, int qualname, int firstLine) {

    static CodeLayout of(int version) {
        return switch (version) {
            case 207 -> new CodeLayout(128, 40, 48, 80, 88, -1, 96);
            case 306, 307 -> new CodeLayout(144, 48, 56, 96, 104, -1, 36);
            case 308, 309, 310 -> new CodeLayout(176, 56, 64, 104, 112, -1, 40);
            case 311 -> new CodeLayout(192, 24, 32, 112, 120, 128, 72);
            default -> new CodeLayout(200, 24, 32, 112, 120, 128, 68);
        };
    }
}
