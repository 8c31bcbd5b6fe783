// SPDX-License-Identifier: Apache-2.0
/**
 * The processes that the word {@code demo} stands for.
 */
package dev.heapwalk.cli.demo;
