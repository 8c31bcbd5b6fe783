// SPDX-License-Identifier: Apache-2.0
/** Profilers and views on the library, as somebody else would write them. */
module dev.heapwalk.examples {
    requires dev.heapwalk.ruby;

    provides dev.heapwalk.heap.usage.CategorizerProvider with
            dev.heapwalk.examples.OrderBlocks;
}
