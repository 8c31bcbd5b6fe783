// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/**
 * What else is gone through where the references of an object are looked for: C names {@code PyModuleObject}, {@code
 * PyModuleDef}, {@code lru_list_elem}, {@code teedataobject}, {@code RingBuf}, {@code Pdata},
 * {@code ElementObject} and {@code ElementIterObject}.
 *
 * @param moduleState {@code md_state} of a module, or -1
 * @param moduleDef {@code md_def} of a module, or -1 where the module itself tells of its state
 * @param stateSize {@code m_size} of that, since 3.15 {@code md_state_size}
 * @param stateTraverse {@code m_traverse}, since 3.15 {@code md_state_traverse}
 * @param linksAreObjects whether the collector goes to the links of a cache of results themselves
 * @param linksFollowType whether it goes to their type with what they have
 * @param frameData {@code _f_frame_data} of a frame, or -1
 * @param function {@code f_funcobj} of an {@code _PyInterpreterFrame}, or -1
 * @param endedFollowsCode whether the collector goes from a generator that has ended to its code
 * @param lookup {@code dk_lookup}, which tells whether all keys of a dictionary are text, or -1
 * @param interpreterBytes how large a {@code PyInterpreterState} is at least, in bytes
 * @param threadBytes how large a {@code PyThreadState} is at least, in bytes
 */
public record TraversalLayout(
        int moduleState,
        int moduleDef,
        int stateSize,
        int stateTraverse,
        boolean linksAreObjects,
        boolean linksFollowType,
        int frameData,
        int function,
        boolean endedFollowsCode,
        int lookup,
        int interpreterBytes,
        int threadBytes) {
    /** {@code next} of a {@code lru_list_elem}; a cache begins with one. */
    public static final int LINK_NEXT = 24;
    /** {@code key}. */
    public static final int LINK_KEY = 40;
    /** {@code result}. */
    public static final int LINK_RESULT = 48;
    /** {@code numread} of a {@code teedataobject}, 32 bits. */
    public static final int TEE_READ = 24;
    /** {@code values}. */
    public static final int TEE_VALUES = 40;
    /** How many values there are at most. */
    public static final int TEE_VALUES_COUNT = 57;
    /** {@code buf.get_idx} of a {@code simplequeueobject}. */
    public static final int RING_GET = 32;
    /** {@code buf.items}. */
    public static final int RING_ITEMS = 40;
    /** {@code buf.items_cap}. */
    public static final int RING_ROOM = 48;
    /** {@code buf.num_items}. */
    public static final int RING_COUNT = 56;
    /** {@code data} of a {@code Pdata}. */
    public static final int STACK_DATA = 24;
    /** {@code extra} of an {@code ElementObject}. */
    public static final int ELEMENT_EXTRA = 40;
    /** {@code attrib} of an {@code ElementObjectExtra}. */
    public static final int EXTRA_ATTRIB = 0;
    /** {@code length}. */
    public static final int EXTRA_LENGTH = 8;
    /** {@code children}. */
    public static final int EXTRA_CHILDREN = 24;
    /** {@code parent_stack} of an {@code ElementIterObject}. */
    public static final int PARENTS_STACK = 16;
    /** {@code parent_stack_used}. */
    public static final int PARENTS_USED = 24;
    /** The size of a {@code ParentLocator}, which begins with the parent, in bytes. */
    public static final int PARENT = 16;

    static TraversalLayout of(int version, boolean freeThreaded) {
        return new TraversalLayout(
                version < 300 ? -1 : version < 315 ? 32 : 24,
                version < 315 ? 24 : -1,
                56,
                version < 315 ? 80 : 64,
                version == 306,
                version >= 310,
                version < 311 ? -1 : version < 313 ? 48 : version < 314 ? 64 : 72,
                version < 311 ? -1 : version == 311 ? 0 : 16,
                version >= 314,
                version >= 300 && version < 311 ? 16 : -1,
                freeThreaded ? freeInterpreterBytes(version) : interpreterBytes(version),
                threadBytes(version));
    }

    private static int interpreterBytes(int version) {
        return switch (version) {
            case 207 -> 80;
            case 306 -> 120;
            case 307 -> 192;
            case 308 -> 2720;
            case 309 -> 5656;
            case 310 -> 113_528;
            case 311 -> 107_752;
            case 312 -> 383_552;
            case 313 -> 194_976;
            case 314 -> 225_864;
            default -> 226_240;
        };
    }

    private static int freeInterpreterBytes(int version) {
        return switch (version) {
            case 313 -> 215_616;
            case 314 -> 249_976;
            default -> 250_328;
        };
    }

    private static int threadBytes(int version) {
        return switch (version) {
            case 207 -> 168;
            case 306, 307, 308, 309 -> 264;
            case 310 -> 280;
            case 311 -> 360;
            case 312 -> 288;
            case 313 -> 304;
            case 314 -> 832;
            default -> 888;
        };
    }
}
