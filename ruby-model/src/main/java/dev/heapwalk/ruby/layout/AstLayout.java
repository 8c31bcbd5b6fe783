// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * C names {@code rb_ast_t} and {@code node_buffer_t}: a syntax tree, an object until 3.4.
 *
 * @param marksOptions whether {@code body.compile_option} is a value
 * @param marksScripts whether {@code body.script_lines} is a value beside it
 * @param bufferValues the fields of the buffer that are marked
 * @param nodePointers whether the buffer has pointers to the nodes, and not the nodes themselves
 * @param markable {@code markable.last} or {@code markable.head} of the buffer: the first element of a list
 * @param markableUsed how much of that element is in use, or -1 where it tells itself
 * @param nodeLiteral the value of a node that may have one
 */
public record AstLayout(
        boolean marksOptions,
        boolean marksScripts,
        ValueFields bufferValues,
        boolean nodePointers,
        int markable,
        int markableUsed,
        int nodeLiteral) {
    /** The number of nodes of an element, behind the pointer to the next. */
    public static final int ELEMENT_LENGTH = 8;
    /** The nodes of an element, where it has them itself. */
    public static final int ELEMENT_BUFFER = 16;
    /** The pointer to the pointers to nodes of an element. */
    public static final int ELEMENT_NODES = 32;
    /** The size of a node in an element. */
    public static final int NODE_SIZE = 56;

    static AstLayout of(int version) {
        boolean pointers = version >= 303;
        return new AstLayout(
                !pointers,
                version == 301 || version == 302,
                pointers ? ValueFields.at(40, 48) : version == 302 ? ValueFields.at(72, 80) : ValueFields.at(72),
                pointers,
                pointers ? 16 : 48,
                pointers ? -1 : 32,
                pointers ? 32 : 8);
    }
}
