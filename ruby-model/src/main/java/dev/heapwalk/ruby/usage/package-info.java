// SPDX-License-Identifier: Apache-2.0
/**
 * CRuby's heap as a heap like others: its slots as blocks, and the blocks of other heaps that they own.
 */
package dev.heapwalk.ruby.usage;
