// SPDX-License-Identifier: Apache-2.0
/**
 * Memory of a target that is at hand in this process: mapped from files, or copied.
 */
package dev.heapwalk.memory.held;
