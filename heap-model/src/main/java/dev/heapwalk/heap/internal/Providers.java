// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.heap.internal;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.ServiceLoader;
import java.util.stream.Stream;

/** Providers of a service that several class loaders find. */
public final class Providers {
    private Providers() {}

    /**
     * All providers that one or both of two loaders find. Where the loaders have a parent in common, both find the same
     * classes.
     *
     * @param first the loader whose providers come first
     * @param second the other one
     * @param <S> the service
     * @return a new list with one provider of each class
     */
    public static <S> List<S> merge(ServiceLoader<S> first, ServiceLoader<S> second) {
        List<Class<?>> seen = new ArrayList<>();
        return Stream.concat(first.stream(), second.stream())
                .filter(provider -> {
                    boolean added = !seen.contains(provider.type());
                    seen.add(provider.type());
                    return added;
                })
                .map(provider -> Objects.requireNonNull(provider.get()))
                .toList();
    }
}
