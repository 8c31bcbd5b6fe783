// SPDX-License-Identifier: Apache-2.0
/**
 * The one writer of JSON, and of text from a target: made harmless, told from bytes, cut or redacted. For Heapwalk's
 * own modules alone.
 */
package dev.heapwalk.text;
