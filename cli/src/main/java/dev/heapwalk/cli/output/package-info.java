// SPDX-License-Identifier: Apache-2.0
/**
 * How an answer leaves the command: rows as a table, JSON lines or CSV, dumps in files, problems and exit statuses.
 */
package dev.heapwalk.cli.output;
