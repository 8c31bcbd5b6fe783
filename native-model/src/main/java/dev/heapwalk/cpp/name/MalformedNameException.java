// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.name;

/** A name is none, or has something that is not known here. */
final class MalformedNameException extends RuntimeException {
    private static final long serialVersionUID = 1;

    MalformedNameException() {
        super("not a mangled name", null, false, false);
    }
}
