// SPDX-License-Identifier: Apache-2.0
/**
 * What C++ programs and their standard libraries keep in blocks of malloc.
 */
package dev.heapwalk.cpp;
