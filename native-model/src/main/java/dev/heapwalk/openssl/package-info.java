// SPDX-License-Identifier: Apache-2.0
/**
 * What OpenSSL's libssl keeps in an allocator's blocks.
 */
package dev.heapwalk.openssl;
