// SPDX-License-Identifier: Apache-2.0
/**
 * Harmed inputs for a reader of cores: cores of real processes, kept, and what changes them and the files beside them,
 * by a number.
 */
package dev.heapwalk.testkit.fuzz;
