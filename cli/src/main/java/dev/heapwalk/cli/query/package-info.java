// SPDX-License-Identifier: Apache-2.0
/** The language in which blocks are asked for by what is known of them; its grammar is {@code Query.g4}. */
package dev.heapwalk.cli.query;
