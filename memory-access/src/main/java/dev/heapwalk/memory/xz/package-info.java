// SPDX-License-Identifier: Apache-2.0
/**
 * Decompresses files in the .xz format, as far as they hold LZMA2: so programs of Fedora carry their symbols.
 */
package dev.heapwalk.memory.xz;
