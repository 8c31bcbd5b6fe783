// SPDX-License-Identifier: Apache-2.0
/**
 * The heapwalk command: its entry, and what is loaded before a command runs. The commands themselves are in
 * {@code command}.
 */
package dev.heapwalk.cli;
