// SPDX-License-Identifier: Apache-2.0
/**
 * Reads names as the C++ ABI of Itanium mangles them.
 */
package dev.heapwalk.cpp.name;
