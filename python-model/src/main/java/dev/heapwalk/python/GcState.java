// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python;

/** What the garbage collector has of an object. */
public enum GcState {
    /** Nothing: objects of the type have no head of the collector. */
    NOT_COLLECTED,
    /** It has a head, and is in no list: what it holds can be in no circle, or it is still being made. */
    UNTRACKED,
    /** It is in the list of the youngest generation. */
    GENERATION_0,
    /** It is in the list of the middle generation. */
    GENERATION_1,
    /** It is in the list of the oldest generation. */
    GENERATION_2,
    /** It is in the list of those that the collector leaves alone: {@code gc.freeze()}. */
    PERMANENT,
    /** It is in a list that belongs to no generation, as while a collection is under way. */
    ELSEWHERE,
    /** The collector knows it, in a build without the global interpreter lock, which has no lists or generations. */
    TRACKED
}
