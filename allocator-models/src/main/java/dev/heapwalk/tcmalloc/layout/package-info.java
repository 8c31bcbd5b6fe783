// SPDX-License-Identifier: Apache-2.0
/**
 * What differs between tcmalloc's versions and builds.
 */
package dev.heapwalk.tcmalloc.layout;
