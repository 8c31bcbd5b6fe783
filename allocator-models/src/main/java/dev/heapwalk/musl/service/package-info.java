// SPDX-License-Identifier: Apache-2.0
/**
 * What the service loader finds of musl's heap.
 */
package dev.heapwalk.musl.service;
