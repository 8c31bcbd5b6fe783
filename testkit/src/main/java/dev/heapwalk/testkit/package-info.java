// SPDX-License-Identifier: Apache-2.0
/**
 * Real processes to test against: programs that say themselves what they allocated, in several Debian releases.
 */
package dev.heapwalk.testkit;
