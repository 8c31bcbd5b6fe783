// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.python.owned;

/** What a buffer that an object owns is. */
public enum BufferKind {
    /** The elements of a list. */
    LIST_ITEMS("list ob_item", false),
    /** The entries of a dictionary of 2.7. */
    DICT_TABLE("dict table", false),
    /** The index and the entries of a dictionary. */
    DICT_KEYS("dict keys", false),
    /** The index and the keys that dictionaries and instances of a type share. */
    SHARED_KEYS("shared dict keys", true),
    /** The values of a dictionary whose keys are shared. */
    DICT_VALUES("dict values", false),
    /** The values of an instance's attributes that has no dictionary of its own. */
    INSTANCE_VALUES("instance values", false),
    /** The array of an {@code OrderedDict} that finds nodes by the index of the key. */
    ORDER_TABLE("OrderedDict od_fast_nodes", false),
    /** A node of an {@code OrderedDict}. */
    ORDER_NODE("OrderedDict node", false),
    /** The table of a set. */
    SET_TABLE("set table", false),
    /** The text of a string that does not lie in the string itself. */
    TEXT("str buffer", false),
    /** The text of a string in UTF-8, which is kept when it was asked for. */
    UTF8("str utf8", false),
    /** The text of a string as {@code wchar_t}, up to 3.11. */
    WIDE_TEXT("str wstr", false),
    /** The bytes of a {@code bytearray}. */
    BYTE_ARRAY("bytearray buffer", false),
    /** The elements of an {@code array.array}. */
    ARRAY("array buffer", false),
    /** A block of a {@code deque}. */
    DEQUE_BLOCK("deque block", false),
    /** A block that a {@code deque} keeps for later use. */
    DEQUE_SPARE("deque spare block", false),
    /** The bytes of a {@code BytesIO} of 2.7. */
    BYTES_IO("BytesIO buffer", false),
    /** The text of a {@code StringIO}. */
    STRING_IO("StringIO buffer", false),
    /** What the interpreter keeps of global variables and attributes that code uses, of 3.8 to 3.10. */
    CODE_OPCACHE("code co_opcache", false),
    /** Where that is for each instruction. */
    CODE_OPCACHE_MAP("code co_opcache_map", false),
    /** Which arguments are variables of closures as well, up to 3.10. */
    CODE_CELL_ARGUMENTS("code co_cell2arg", false),
    /** A frame that code keeps for its next call, with the head of the garbage collector before it, up to 3.10. */
    CODE_FRAME("code co_zombieframe", false),
    /** What tools have attached to code. */
    CODE_EXTRA("code co_extra", false),
    /** Objects that were made of code when somebody asked for them. */
    CODE_CACHED("code _co_cached", false),
    /** Where each instruction is in its line, of 3.11. */
    CODE_LINES("code _co_linearray", false),
    /** What monitors code: debuggers, measurements of coverage. */
    CODE_MONITORING("code _co_monitoring", false),
    /** The copies of the bytecode that threads have, since 3.14 without the global interpreter lock. */
    CODE_THREADS("code co_tlbc", false),
    /** The text of {@code __doc__} that a type keeps for C. */
    TYPE_DOC("type tp_doc", false),
    /** The name that a type keeps for C. */
    TYPE_NAME("type _ht_tpname", false);

    private final String label;
    private final boolean shared;

    BufferKind(String label, boolean shared) {
        this.label = label;
        this.shared = shared;
    }

    /**
     * The name for a person.
     *
     * @return for example {@code list ob_item}
     */
    public String label() {
        return label;
    }

    /**
     * Whether several objects may own the same buffer, each of which tells it.
     *
     * @return whether they may
     */
    public boolean shared() {
        return shared;
    }

    @Override
    public String toString() {
        return label;
    }
}
