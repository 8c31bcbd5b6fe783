// SPDX-License-Identifier: Apache-2.0
/**
 * What GLib, GObject and gdk-pixbuf keep in an allocator's blocks.
 */
package dev.heapwalk.glib;
