// SPDX-License-Identifier: Apache-2.0
/**
 * What a small function of the target's would return, worked out from its machine code: how the size functions of C
 * extensions are asked without running anything of the target. For x86-64 only.
 */
package dev.heapwalk.ruby.size.code;
