// SPDX-License-Identifier: Apache-2.0
/**
 * What objects of the core library hold: exceptions, times, sets, coverage, and where objects were made. For this
 * module alone.
 */
package dev.heapwalk.ruby.content;
