// SPDX-License-Identifier: Apache-2.0
/**
 * Target programs that keep a ledger, and other Debian releases to run them in. For tests and benchmarks only.
 */
module dev.heapwalk.testkit {
    exports dev.heapwalk.testkit;
    exports dev.heapwalk.testkit.fuzz;
}
