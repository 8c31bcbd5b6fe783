// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.object;

import dev.heapwalk.python.ObjectReader;
import dev.heapwalk.python.layout.CodeLayout;
import dev.heapwalk.python.layout.PythonLayout;

/** Code that was compiled. C name {@code PyCodeObject}. */
public final class PyCode extends NamedObject {
    private final CodeLayout layout;

    /**
     * Makes a view that lies over nothing yet.
     *
     * @param reader what reads the objects
     */
    public PyCode(ObjectReader reader) {
        super(reader, PythonLayout.of(reader.series()).code().bytes(), "code");
        this.layout = PythonLayout.of(reader.series()).code();
    }

    /**
     * The values that stand in it.
     *
     * @return {@code co_consts}, target address of an object
     */
    public long consts() {
        return longAt(layout.consts());
    }

    /**
     * The names that it looks for.
     *
     * @return {@code co_names}, target address of an object
     */
    public long names() {
        return longAt(layout.names());
    }

    /**
     * The file that it was compiled from.
     *
     * @return {@code co_filename}, target address of an object
     */
    public long filename() {
        return longAt(layout.filename());
    }

    /**
     * Its name.
     *
     * @return {@code co_name}, target address of an object
     */
    public long name() {
        return longAt(layout.name());
    }

    /**
     * Its name with those of the classes and functions around it.
     *
     * @return {@code co_qualname}, target address of an object; 0 before 3.11
     */
    public long qualname() {
        return layout.qualname() < 0 ? 0 : longAt(layout.qualname());
    }

    /**
     * The line that it begins at.
     *
     * @return {@code co_firstlineno}
     */
    public int firstLine() {
        return intAt(layout.firstLine());
    }
}
