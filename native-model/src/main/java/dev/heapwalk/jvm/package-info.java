// SPDX-License-Identifier: Apache-2.0
/**
 * What a Java virtual machine keeps in an allocator's blocks.
 */
package dev.heapwalk.jvm;
