// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.util.List;

/**
 * A command line that is run on a harmed input.
 *
 * @param arguments its words
 * @param typed what stands on standard input
 */
record FuzzCommand(List<String> arguments, String typed) {}
