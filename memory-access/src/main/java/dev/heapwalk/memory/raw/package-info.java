// SPDX-License-Identifier: Apache-2.0
/** Reads without checks, for the innermost loops of Heapwalk's own cursors; no part of the public API. */
package dev.heapwalk.memory.raw;
