// SPDX-License-Identifier: Apache-2.0
/**
 * What the file of the interpreter tells: its version and its static variables. For this module alone.
 */
package dev.heapwalk.ruby.library;
