// SPDX-License-Identifier: Apache-2.0
/**
 * What keeps objects alive: what each refers to, and what is referred to by the interpreter itself.
 */
package dev.heapwalk.python.gc;
