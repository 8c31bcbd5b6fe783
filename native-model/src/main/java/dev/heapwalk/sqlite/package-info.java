// SPDX-License-Identifier: Apache-2.0
/**
 * What SQLite keeps in an allocator's blocks.
 */
package dev.heapwalk.sqlite;
