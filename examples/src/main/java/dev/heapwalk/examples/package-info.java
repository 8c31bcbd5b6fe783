// SPDX-License-Identifier: Apache-2.0
/**
 * Profilers that watch a live process from outside, which <a href="../docs/profilers.md">docs/profilers.md</a>
 * explains, and views of a program's own structures, which <a href="../docs/views.md">docs/views.md</a> explains.
 */
package dev.heapwalk.examples;
