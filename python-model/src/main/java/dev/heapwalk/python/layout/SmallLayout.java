// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.layout;

/** Objects of a few words, laid out alike in all versions. */
public final class SmallLayout {
    /** {@code ob_fval} of a {@code PyFloatObject}. */
    public static final int FLOAT_VALUE = 16;
    /** {@code md_dict} of a {@code PyModuleObject}. */
    public static final int MODULE_DICT = 16;
    /** {@code ob_ref} of a {@code PyCellObject}. */
    public static final int CELL_REF = 16;
    /** {@code im_func} of a {@code PyMethodObject}. */
    public static final int METHOD_FUNC = 16;
    /** {@code im_self} of a {@code PyMethodObject}. */
    public static final int METHOD_SELF = 24;
    /** {@code wr_object} of a {@code PyWeakReference}. */
    public static final int WEAKREF_OBJECT = 16;
    /** {@code wr_callback} of a {@code PyWeakReference}. */
    public static final int WEAKREF_CALLBACK = 24;
    /** {@code d_name} of a {@code PyDescrObject}. */
    public static final int DESCRIPTOR_NAME = 24;
    /** {@code m_ml} of a {@code PyCFunctionObject}: a {@code PyMethodDef}, which begins with a pointer to the name. */
    public static final int BUILTIN_DEFINITION = 16;
    /** {@code m_self} of a {@code PyCFunctionObject}. */
    public static final int BUILTIN_SELF = 24;
    /**
     * What stands for a coroutine, an asynchronous generator or a future while it is awaited: {@code cw_coroutine} of a
     * {@code PyCoroWrapper}, {@code ags_gen} of a {@code PyAsyncGenASend}, {@code agt_gen} of a {@code
     * PyAsyncGenAThrow}, {@code wrapped} of an {@code anextawaitableobject}, {@code future} of a {@code futureiterobject}.
     */
    public static final int AWAITED = 16;
    /** How much is read of an object with one word, in bytes. */
    public static final int ONE_WORD = 24;
    /** How much is read of an object with two words, in bytes. */
    public static final int TWO_WORDS = 32;

    private SmallLayout() {}
}
