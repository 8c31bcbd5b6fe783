// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

/**
 * What one conclusion of the discovery rests on.
 *
 * @param subject what was looked for, such as {@code main_arena} or {@code layout}
 * @param conclusion what was found, such as an address or a range of versions
 * @param basis how it was found and what confirms it
 */
public record Evidence(String subject, String conclusion, String basis) {}
