// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.residency;

/**
 * Who has memory of a process.
 *
 * @param kind what sort of owner it is
 * @param name which one of them: the name of a heap, the path of a file, a thread; empty where there is only one of its kind
 * @param part what part of what it has
 */
public record Owner(Kind kind, String name, Part part) {

    /** A sort of owner. */
    public enum Kind {
        /** A {@linkplain dev.heapwalk.heap.Heap heap}. */
        HEAP("heap"),
        /** A runtime whose objects no heap tells, such as a virtual machine. */
        RUNTIME("runtimes"),
        /** The stacks of threads. */
        STACK("stacks of threads"),
        /** The program and its libraries: code, constants and static variables. */
        PROGRAM("program and libraries"),
        /** Other files that are mapped. */
        FILE("files"),
        /** Memory that several processes may share, which is no file. */
        SHARED("shared memory"),
        /** What nobody is known to have. */
        OTHER("other memory");

        private final String label;

        Kind(String label) {
            this.label = label;
        }

        /**
         * What it is called.
         *
         * @return some words in lower case
         */
        public String label() {
            return label;
        }
    }

    /** A part of what an owner has. */
    public enum Part {
        /** All of it. */
        WHOLE(""),
        /** Blocks of a heap that the program has. */
        USED("in use"),
        /** Such blocks that are mappings of their own. */
        MAPPED("in use, mmapped"),
        /** Free blocks of a heap. */
        FREE("free"),
        /** Free blocks that are kept aside, such as those in the caches of threads. */
        CACHED("free, in caches"),
        /** What a heap has not given out yet, or keeps for itself. */
        RESERVED("reserved"),
        /** What lies between a heap's blocks. */
        BETWEEN("between blocks"),
        /** Pages as the file has them. */
        OF_FILE("as the file has it"),
        /** Pages that the process has changed, and so has for itself. */
        WRITTEN("written");

        private final String label;

        Part(String label) {
            this.label = label;
        }

        /**
         * What it is called.
         *
         * @return some words in lower case, none for the whole
         */
        public String label() {
            return label;
        }
    }

    @Override
    public String toString() {
        return kind.label() + (name.isEmpty() ? "" : " " + name) + (part == Part.WHOLE ? "" : ", " + part.label());
    }
}
