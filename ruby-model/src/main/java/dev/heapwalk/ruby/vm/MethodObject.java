// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.vm;

import java.util.Optional;

/**
 * A Method or UnboundMethod. C name {@code struct METHOD}.
 *
 * @param address target address of the Method
 * @param receiver the object that it is bound to; {@code Qundef} for an UnboundMethod
 * @param klass the class that it was asked of
 * @param owner the class or module that has it
 * @param method the method; empty if it can't be made out
 */
public record MethodObject(long address, long receiver, long klass, long owner, Optional<MethodEntry> method) {}
