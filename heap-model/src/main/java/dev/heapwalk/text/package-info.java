// SPDX-License-Identifier: Apache-2.0
/**
 * Rows with named columns, the one writer of JSON, and text from a target made harmless.
 */
package dev.heapwalk.text;
