// SPDX-License-Identifier: Apache-2.0
/**
 * Where musl has the fields of its structures.
 */
package dev.heapwalk.musl.layout;
