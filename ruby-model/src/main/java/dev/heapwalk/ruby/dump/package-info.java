// SPDX-License-Identifier: Apache-2.0
/**
 * A Ruby heap as lines of JSON.
 */
package dev.heapwalk.ruby.dump;
