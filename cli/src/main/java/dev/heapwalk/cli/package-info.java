// SPDX-License-Identifier: Apache-2.0
/**
 * The heapwalk command: one class a command.
 */
package dev.heapwalk.cli;
