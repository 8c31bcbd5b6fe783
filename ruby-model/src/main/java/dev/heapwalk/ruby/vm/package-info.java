// SPDX-License-Identifier: Apache-2.0
/**
 * What CRuby's interpreter keeps of a program that runs: compiled code, methods, environments, threads, fibers and
 * their frames. Begin with {@link dev.heapwalk.ruby.vm.Interpreter}.
 */
package dev.heapwalk.ruby.vm;
