/**
 * Reads CRuby's objects from outside. Not built yet.
 */
package dev.heapwalk.ruby;
