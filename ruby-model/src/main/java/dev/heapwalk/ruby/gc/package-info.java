// SPDX-License-Identifier: Apache-2.0
/**
 * What objects refer to and what keeps them alive, as the garbage collector sees it.
 */
package dev.heapwalk.ruby.gc;
