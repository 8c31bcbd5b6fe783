// SPDX-License-Identifier: Apache-2.0
/**
 * One class a command, and what commands share: how a target is opened and closed, and the rows of an answer.
 */
package dev.heapwalk.cli.command;
