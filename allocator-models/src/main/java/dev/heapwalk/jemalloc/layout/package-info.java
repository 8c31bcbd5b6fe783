// SPDX-License-Identifier: Apache-2.0
/**
 * What differs between jemalloc's versions and builds.
 */
package dev.heapwalk.jemalloc.layout;
