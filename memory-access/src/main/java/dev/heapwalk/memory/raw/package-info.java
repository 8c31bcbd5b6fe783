// SPDX-License-Identifier: Apache-2.0
/**
 * Reads without checks, for the innermost loops of Heapwalk's own cursors, and the right to them; no part of the public
 * API.
 */
package dev.heapwalk.memory.raw;
