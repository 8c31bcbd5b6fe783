// SPDX-License-Identifier: Apache-2.0
/**
 * The heap of CRuby in a target: its virtual machine, its pages and slots, and views of what lies in them.
 */
package dev.heapwalk.ruby;
