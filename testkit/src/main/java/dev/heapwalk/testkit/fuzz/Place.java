// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.testkit.fuzz;

/** What words of a process's memory are, as the process itself or gdb says. */
public enum Place {
    /** {@code prev_size} and size of blocks. */
    CHUNK,
    /** {@code fd}, {@code bk} and what follows of freed blocks. */
    LINK,
    /** {@code malloc_state} of each arena. */
    STATE,
    /** {@code heap_info} of each heap but the main one, and {@code mp_}. */
    HEAP,
    /** {@code tcache_perthread_struct} of each thread. */
    TCACHE,
    /** {@code r_debug} and the list of loaded modules that it leads to, with their names. */
    MODULE_LIST,
    /** Flags, class and fields of the slots of Ruby's heap, also the lengths of strings and arrays. */
    SLOT,
    /** The head of each page of slots, and the {@code heap_page} that it leads to. */
    PAGE,
    /** What slots refer to outside: tables, buffers, classes' extensions. */
    TABLE,
    /** {@code rb_vm_t} or {@code _PyRuntime}, and what it leads to: ractors, threads, the heap, lists. */
    VM,
    /** Ruby's variables in libruby: tables of symbols, shapes, the virtual machine itself; Python's in its program. */
    STATIC,
    /** The first words of Python's objects and types, and of structures of native libraries. */
    OBJECT,
    /** What another allocator than glibc's keeps of its blocks, pymalloc too: its variables, and what they lead to. */
    ALLOCATOR,
    /** Words anywhere in writable memory that lead to other memory. */
    POINTER
}
