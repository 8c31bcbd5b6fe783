// SPDX-License-Identifier: Apache-2.0
/**
 * Profilers that watch a live process from outside; <a href="../docs/profilers.md">docs/profilers.md</a> walks through
 * them.
 */
package dev.heapwalk.examples;
