// SPDX-License-Identifier: Apache-2.0
/**
 * What the service loader finds of this model: the heap, and the blocks of other heaps that Ruby's objects own.
 */
package dev.heapwalk.ruby.service;
