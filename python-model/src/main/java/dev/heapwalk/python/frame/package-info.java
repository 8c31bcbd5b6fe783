// SPDX-License-Identifier: Apache-2.0
/**
 * What Python's threads, generators and tasks do: their frames with lines and variables, and who waits for whom.
 */
package dev.heapwalk.python.frame;
