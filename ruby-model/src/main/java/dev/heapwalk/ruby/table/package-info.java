// SPDX-License-Identifier: Apache-2.0
/**
 * Walks over the tables of the interpreter, and a table of our own. For this module alone.
 */
package dev.heapwalk.ruby.table;
