// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

/**
 * A level of scope that outlived its frame. C name {@code rb_env_t}.
 *
 * @param address target address of the imemo
 * @param iseq target address of its code
 * @param ep its environment pointer, see {@link Environments}
 * @param values target address of the first local variable
 * @param size how many words it has: local variables, method or class reference, block or outer level, flags, itself
 * @param outer target address of the imemo env around it; 0 for the outermost level of a method
 */
public record Env(long address, long iseq, long ep, long values, long size, long outer) {}
