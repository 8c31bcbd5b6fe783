// SPDX-License-Identifier: Apache-2.0
/**
 * What functions of the target would return or do, worked out from their machine code: how the size and mark functions
 * of C extensions are asked without running anything of the target. For x86-64 only.
 */
package dev.heapwalk.ruby.code;
