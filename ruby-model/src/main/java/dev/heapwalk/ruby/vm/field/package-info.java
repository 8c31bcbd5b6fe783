// SPDX-License-Identifier: Apache-2.0
/**
 * The fields of objects that the interpreter keeps for itself, by their names in C. For this module alone.
 */
package dev.heapwalk.ruby.vm.field;
