// SPDX-License-Identifier: Apache-2.0
/**
 * The frames of native threads, found by the rules that compilers leave for exceptions ({@code .eh_frame}).
 */
package dev.heapwalk.memory.unwind;
