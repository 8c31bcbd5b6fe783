// SPDX-License-Identifier: Apache-2.0
/**
 * A Python heap as lines of JSON.
 */
package dev.heapwalk.python.dump;
