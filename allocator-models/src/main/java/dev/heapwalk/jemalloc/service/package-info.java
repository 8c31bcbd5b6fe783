// SPDX-License-Identifier: Apache-2.0
/**
 * What the service loader finds of jemalloc's heap.
 */
package dev.heapwalk.jemalloc.service;
