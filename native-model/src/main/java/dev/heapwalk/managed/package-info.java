// SPDX-License-Identifier: Apache-2.0
/**
 * Memory of runtimes whose objects no heap tells: which mappings they have, and for what.
 */
package dev.heapwalk.managed;
