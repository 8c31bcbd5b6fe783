// SPDX-License-Identifier: Apache-2.0
/**
 * What the C library keeps in blocks of malloc, and text as C has it.
 */
package dev.heapwalk.libc;
