/**
 * The heapwalk command: one class a command.
 */
package dev.heapwalk.cli;
