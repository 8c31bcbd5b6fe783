// SPDX-License-Identifier: Apache-2.0
/**
 * Reads CRuby's objects from outside. Not built yet.
 */
package dev.heapwalk.ruby;
