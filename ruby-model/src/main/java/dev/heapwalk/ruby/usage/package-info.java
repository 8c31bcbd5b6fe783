// SPDX-License-Identifier: Apache-2.0
/**
 * CRuby's heap as a part of malloc's: its slots, and the chunks that they own.
 */
package dev.heapwalk.ruby.usage;
