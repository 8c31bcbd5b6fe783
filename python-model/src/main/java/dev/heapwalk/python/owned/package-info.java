// SPDX-License-Identifier: Apache-2.0
/**
 * What Python's objects own besides their own blocks.
 */
package dev.heapwalk.python.owned;
