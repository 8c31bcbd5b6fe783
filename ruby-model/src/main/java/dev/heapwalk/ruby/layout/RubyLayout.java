// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The acting layout: where everything lies in one version of CRuby.
 *
 * @param version the version that it is for, as 100 times the major and the minor number, such as 303
 * @param edition the number that {@link #of} has it by: the version, or another one for earlier patch levels of it
 *     whose tables lie elsewhere
 * @param lastOperator the last ID that is a token of the parser, and so its own serial number: {@code tLAST_OP_ID}
 * @param nil {@code RUBY_Qnil}
 * @param undef {@code RUBY_Qundef}
 * @param page a heap page
 * @param objspace the object space
 * @param vm the virtual machine
 * @param object the objects that hold values
 * @param classes classes and modules
 * @param shape a shape
 * @param iseq compiled code
 * @param thread threads and ractors
 * @param context execution contexts, control frames and fibers
 * @param memsize what the sizes of objects add up to
 * @param mark what the garbage collector marks
 * @param imemo what the virtual machine keeps for itself
 * @param data what types of C code hold
 * @param ast syntax trees
 * @param core what objects of the core library keep
 */
public record RubyLayout(
        int version,
        int edition,
        int lastOperator,
        long nil,
        long undef,
        PageLayout page,
        ObjspaceLayout objspace,
        VmLayout vm,
        ObjectLayout object,
        ClassLayout classes,
        ShapeLayout shape,
        IseqLayout iseq,
        ThreadLayout thread,
        ContextLayout context,
        MemsizeLayout memsize,
        MarkLayout mark,
        ImemoLayout imemo,
        DataLayout data,
        AstLayout ast,
        CoreLayout core) {
    /** The oldest version that there is a layout for. */
    public static final int OLDEST = 207;
    /** The newest version that there is a layout for. */
    public static final int NEWEST = 400;

    /** 3.0.0: before 3.0.1. */
    static final int FIRST_300 = 30000;
    /** 3.2.0: until the cache of constants had a second field. */
    static final int FIRST_302 = 30200;
    /** 3.3.0. */
    static final int FIRST_303 = 30300;
    /** 3.3.1: until the cache of constants had a second field. */
    static final int SECOND_303 = 30301;

    /** Those of a version, the last patch level first. */
    private static final Map<Integer, List<Integer>> EDITIONS = Map.of(
            300, List.of(300, FIRST_300),
            302, List.of(302, FIRST_302),
            303, List.of(303, SECOND_303, FIRST_303));

    private static final Map<Integer, RubyLayout> KNOWN = Stream.concat(
                    Stream.of(OLDEST, 300, 301, 302, 303, 304, NEWEST),
                    EDITIONS.values().stream().flatMap(List::stream))
            .distinct()
            .collect(Collectors.toUnmodifiableMap(edition -> edition, RubyLayout::make));

    /**
     * Whether there is a layout of a version.
     *
     * @param version 100 times the major and the minor number
     * @return whether there is
     */
    public static boolean has(int version) {
        return version < FIRST_300 && KNOWN.containsKey(version);
    }

    /**
     * The layouts of a version, which differ in where the virtual machine's last tables lie.
     *
     * @param version 100 times the major and the minor number, of a version that there is a layout of
     * @return at least one, that of the last patch level first
     */
    public static List<RubyLayout> editions(int version) {
        return EDITIONS.getOrDefault(version, List.of(version)).stream()
                .map(RubyLayout::of)
                .toList();
    }

    /**
     * Whether a version is older than any that there is a layout of.
     *
     * @param version 100 times the major and the minor number
     * @return whether it is
     */
    public static boolean isTooOld(int version) {
        return version < OLDEST;
    }

    /**
     * The layout of a version.
     *
     * @param edition 100 times the major and the minor number, or what {@link #edition()} told
     * @return the layout, the same at every call
     * @throws IllegalArgumentException if there is none for it
     */
    public static RubyLayout of(int edition) {
        RubyLayout known = KNOWN.get(edition);
        if (known == null) {
            throw new IllegalArgumentException("no layout for version " + edition);
        }
        return known;
    }

    private static RubyLayout make(int edition) {
        int version = edition < FIRST_300 ? edition : edition / 100;
        return new RubyLayout(
                version,
                edition,
                lastOperator(version),
                version >= 302 ? 0x04 : 0x08,
                version >= 302 ? 0x24 : 0x34,
                PageLayout.of(version),
                ObjspaceLayout.of(version),
                VmLayout.of(edition, version),
                ObjectLayout.of(version),
                ClassLayout.of(version),
                ShapeLayout.of(version),
                IseqLayout.of(version),
                ThreadLayout.of(version),
                ContextLayout.of(version),
                MemsizeLayout.of(version),
                MarkLayout.of(edition, version),
                ImemoLayout.of(edition, version),
                DataLayout.of(version),
                AstLayout.of(version),
                CoreLayout.of(version));
    }

    private static int lastOperator(int version) {
        return switch (version) {
            case 207, 300 -> 168;
            case 301, 302, 303 -> 169;
            case 304 -> 170;
            default -> 171;
        };
    }
}
