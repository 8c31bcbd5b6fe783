// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

/**
 * A Proc. C name {@code rb_proc_t}.
 *
 * @param address target address of the Proc
 * @param block what it runs
 * @param lambda whether it is a lambda
 * @param fromMethod whether {@code Method#to_proc} made it
 * @param isolated whether it knows nothing of the variables around it, as a Ractor wants it
 */
public record Proc(long address, Block block, boolean lambda, boolean fromMethod, boolean isolated) {}
