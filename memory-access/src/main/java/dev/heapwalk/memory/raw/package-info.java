// SPDX-License-Identifier: Apache-2.0
/**
 * The layouts that target memory is read with, and reads without checks, for the innermost loops of Heapwalk's own
 * cursors, with the right to them; buffers, and threads that read together. No part of the public API.
 */
package dev.heapwalk.memory.raw;
