// SPDX-License-Identifier: Apache-2.0
/**
 * Views of Ruby objects and cursors over what they hold.
 */
package dev.heapwalk.ruby.object;
