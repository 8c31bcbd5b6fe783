// SPDX-License-Identifier: Apache-2.0
/**
 * What symbols, classes, encodings and members are called, and the texts of strings.
 */
package dev.heapwalk.ruby.name;
