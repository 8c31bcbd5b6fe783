// SPDX-License-Identifier: Apache-2.0
/**
 * Where the fields of CRuby's structures lie, by version. Offsets are in bytes, for 64-bit little-endian targets, and
 * -1 where a version has no such field. Taken from the headers and sources of CRuby and checked against the debug
 * information of builds of them.
 */
package dev.heapwalk.ruby.layout;
