// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.history;

/**
 * A state that is kept: what is known of it without a look at its blocks.
 *
 * @param name what it was labelled
 * @param millis when, since 1970
 * @param target of what
 * @param count how many used blocks there were
 * @param bytes how many bytes they had together
 * @param position where it stands in the file
 * @param length how many bytes it takes there
 */
public record State(String name, long millis, String target, long count, long bytes, long position, long length) {}
