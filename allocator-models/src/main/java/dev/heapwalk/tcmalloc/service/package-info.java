// SPDX-License-Identifier: Apache-2.0
/**
 * What the service loader finds of tcmalloc's heap.
 */
package dev.heapwalk.tcmalloc.service;
