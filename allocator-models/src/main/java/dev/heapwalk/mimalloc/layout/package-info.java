// SPDX-License-Identifier: Apache-2.0
/**
 * What differs between mimalloc's versions and builds.
 */
package dev.heapwalk.mimalloc.layout;
