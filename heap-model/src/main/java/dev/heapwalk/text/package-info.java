// SPDX-License-Identifier: Apache-2.0
/**
 * The one writer of JSON, and text from a target made harmless. For Heapwalk's own modules alone.
 */
package dev.heapwalk.text;
