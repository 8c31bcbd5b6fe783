// SPDX-License-Identifier: Apache-2.0
/**
 * What the service loader finds of this model.
 */
package dev.heapwalk.cpp.service;
