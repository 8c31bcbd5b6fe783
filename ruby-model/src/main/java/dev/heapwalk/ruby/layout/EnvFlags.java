// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * The flags of a level of scope and of the frame that made it, which an {@code ep} points at: C name
 * {@code enum vm_frame_env_flags}, the same in all versions supported.
 */
public final class EnvFlags {
    /** {@code VM_FRAME_MAGIC_MASK}: what kind of frame it is. */
    public static final long MAGIC_MASK = 0x7fff0001;
    /** {@code VM_FRAME_MAGIC_CFUNC}: a function in C. */
    public static final long MAGIC_CFUNC = 0x55550001;
    /** {@code VM_FRAME_MAGIC_IFUNC}: a block in C. */
    public static final long MAGIC_IFUNC = 0x66660001;
    /** {@code VM_FRAME_MAGIC_DUMMY}: none of a program's own. */
    public static final long MAGIC_DUMMY = 0x79990001;

    /** {@code VM_ENV_FLAG_LOCAL}: the outermost level of a method. */
    public static final long LOCAL = 0x0002;
    /** {@code VM_ENV_FLAG_ESCAPED}: the level lies in an object, which {@code ep[1]} refers to. */
    public static final long ESCAPED = 0x0004;
    /** {@code VM_ENV_FLAG_ISOLATED}, since 3.0: the level knows nothing of those around it. */
    public static final long ISOLATED = 0x0010;
    /** {@code VM_FRAME_FLAG_CFRAME}: the level is a function's in C. */
    public static final long CFRAME = 0x0080;
    /** {@code VM_FRAME_FLAG_MODIFIED_BLOCK_PARAM}: the block parameter was read or assigned to. */
    public static final long MODIFIED_BLOCK_PARAM = 0x0200;

    /** {@code VM_ENV_DATA_INDEX_ME_CREF}, from {@code ep}, in bytes: a method entry or a class reference. */
    public static final long METHOD = -16;
    /** {@code VM_ENV_INDEX_LAST_LVAR}, from {@code ep}, in bytes: the last local variable. */
    public static final long LAST_LOCAL = -24;
    /** {@code VM_ENV_DATA_INDEX_SPECVAL}, from {@code ep}, in bytes: the level around it, or a block. */
    public static final long SPECIAL = -8;
    /** The bits of that which tell what it is. */
    public static final long SPECIAL_TAG = 3;
    /** {@code VM_ENV_DATA_INDEX_ENV}, from {@code ep}, in bytes: the object that the level lies in, if it does. */
    public static final long OBJECT = 8;

    /** The size of an environment from {@link #METHOD} on: that, {@link #SPECIAL} and the flags. */
    public static final long SIZE = 24;

    private EnvFlags() {}
}
