// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

/**
 * What a Proc or Binding is made of. C name {@code struct rb_block}.
 *
 * @param kind what it is
 * @param self its {@code self}; 0 for a Symbol or a Proc
 * @param ep its environment pointer, see {@link Environments}; 0 for a Symbol or a Proc
 * @param code target address of its iseq or ifunc, or the {@code VALUE} of the Symbol or Proc
 */
public record Block(Kind kind, long self, long ep, long code) {
    /** What a block is. C name {@code enum rb_block_type}, in its order. */
    public enum Kind {
        /** In Ruby. */
        ISEQ,
        /** A function in C. */
        IFUNC,
        /** A Symbol: {@code &:name}. */
        SYMBOL,
        /** Another Proc. */
        PROC
    }
}
