// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.FunctionLayout;
import dev.heapwalk.python.layout.PythonLayout;

/** A function that was written in Python. C name {@code PyFunctionObject}. */
public final class PyFunction extends NamedObject {
    private final FunctionLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyFunction(ObjectReader reader) {
        super(
                reader,
                PythonLayout.of(reader.series(), reader.freeThreaded())
                        .function()
                        .bytes(),
                "function");
        this.layout = PythonLayout.of(reader.series(), reader.freeThreaded()).function();
    }

    /**
     * What it runs.
     *
     * @return {@code func_code}, target address of an object
     */
    public long code() {
        return longAt(layout.code());
    }

    /**
     * The names of its module.
     *
     * @return {@code func_globals}, target address of an object
     */
    public long globals() {
        return longAt(layout.globals());
    }

    /**
     * Values of arguments that are left out.
     *
     * @return {@code func_defaults}, target address of an object; 0 if there are none
     */
    public long defaults() {
        return longAt(layout.defaults());
    }

    /**
     * The cells that it shares with functions around it.
     *
     * @return {@code func_closure}, target address of an object; 0 if there are none
     */
    public long closure() {
        return longAt(layout.closure());
    }

    /**
     * Its name.
     *
     * @return {@code func_name}, target address of an object
     */
    public long name() {
        return longAt(layout.name());
    }

    /**
     * Its attributes.
     *
     * @return {@code func_dict}, target address of an object; 0 if there are none
     */
    public long dict() {
        return longAt(layout.dict());
    }

    /**
     * Its name with those of the classes and functions around it.
     *
     * @return {@code func_qualname}, target address of an object; 0 in 2.7
     */
    public long qualname() {
        return layout.qualname() < 0 ? 0 : longAt(layout.qualname());
    }
}
