// SPDX-License-Identifier: Apache-2.0
/**
 * Where glibc's malloc has its fields, for each range of versions. For this module alone.
 */
package dev.heapwalk.malloc.layout;
