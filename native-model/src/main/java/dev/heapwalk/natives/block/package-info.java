// SPDX-License-Identifier: Apache-2.0
/**
 * What all that know the blocks of native libraries have in common: a search over the blocks in use, and what it found.
 */
package dev.heapwalk.natives.block;
