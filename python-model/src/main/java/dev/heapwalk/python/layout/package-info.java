// SPDX-License-Identifier: Apache-2.0
/**
 * Offsets, and every other fact that differs between versions of CPython: a record for each family of structures.
 */
package dev.heapwalk.python.layout;
