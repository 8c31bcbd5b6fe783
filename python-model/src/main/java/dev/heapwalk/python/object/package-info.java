// SPDX-License-Identifier: Apache-2.0
/**
 * Views of CPython's objects, a class for each structure, and what is made of several of them: the names of types.
 */
package dev.heapwalk.python.object;
