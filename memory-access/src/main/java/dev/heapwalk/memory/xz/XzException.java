// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.xz;

import java.io.IOException;

/** What is no .xz file, is damaged, is of a kind that is not known here, or is larger than asked for. */
public final class XzException extends IOException {
    private static final long serialVersionUID = 1L;

    XzException(String message) {
        super(message);
    }
}
