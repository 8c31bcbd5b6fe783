// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.malloc;

import dev.heapwalk.memory.AddressSpace;
import dev.heapwalk.memory.Target;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;

/** A target in which something happens at a moment that only a test can choose. */
final class Hooked {
    private Hooked() {}

    /** What happens. */
    interface Event {
        void happen() throws Exception;
    }

    /** A target that goes on right after its mappings were read. */
    static Target afterRefresh(Target target, Event event) {
        AddressSpace memory = proxy(AddressSpace.class, (self, method, arguments) -> {
            Object result = call(target.memory(), method, arguments);
            if (method.getName().equals("refresh")) {
                event.happen();
            }
            return result;
        });
        return proxy(
                Target.class,
                (self, method, arguments) ->
                        method.getName().equals("memory") ? memory : call(target, method, arguments));
    }

    private static <T> T proxy(Class<T> type, InvocationHandler handler) {
        return type.cast(Proxy.newProxyInstance(Hooked.class.getClassLoader(), new Class<?>[] {type}, handler));
    }

    private static Object call(Object on, Method method, Object[] arguments) throws Throwable {
        try {
            return method.invoke(on, arguments);
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }
}
