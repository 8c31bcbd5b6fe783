// SPDX-License-Identifier: Apache-2.0
/**
 * What the service loader finds of mimalloc's heap.
 */
package dev.heapwalk.mimalloc.service;
