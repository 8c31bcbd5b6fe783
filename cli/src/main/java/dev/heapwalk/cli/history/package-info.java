// SPDX-License-Identifier: Apache-2.0
/** States of a target that are kept under names, and how two of them differ. */
package dev.heapwalk.cli.history;
