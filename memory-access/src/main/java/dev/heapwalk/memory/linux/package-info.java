// SPDX-License-Identifier: Apache-2.0
/**
 * The Linux side: the C library as an interface, the tracer thread, {@code /proc}.
 */
package dev.heapwalk.memory.linux;
