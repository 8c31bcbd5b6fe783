// SPDX-License-Identifier: Apache-2.0
/**
 * The heap of CRuby in a target. A skeleton for now.
 */
module dev.heapwalk.ruby {
    requires transitive dev.heapwalk.malloc;
}
