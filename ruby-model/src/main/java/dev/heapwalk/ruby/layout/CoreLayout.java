// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.layout;

/**
 * What objects of the core library keep in C structures: times, queues, monitors, groups of threads, backtraces.
 *
 * @param timeModeShift how many bits of the byte {@link #TIME_MODE} are before {@code tzmode}
 * @param location how a location of a backtrace is laid out
 * @param plainReceivers whether the message of a {@code NameError} tells of a receiver its class alone, and not what
 *     {@code inspect} gives
 * @param tracerIsObject whether an object leads to what is known of where objects were made, and not only a trace point
 * @param setsHaveTables whether a Set has a table of its own, and not a Hash
 */
public record CoreLayout(
        int timeModeShift, Location location, boolean plainReceivers, boolean tracerIsObject, boolean setsHaveTables) {
    /** How {@code rb_backtrace_location_t} is laid out. */
    public enum Location {
        /** A type and a union: code and its counter or line; or a name and the location of the caller. */
        UNION,
        /** A type, code, counter and name. */
        TYPED,
        /** A method entry, code and counter. */
        ENTRY
    }

    /** {@code timew} of {@code struct time_object}. */
    public static final int TIME_VALUE = 0;
    /** {@code vtm.utc_offset} of {@code struct time_object}. */
    public static final int TIME_OFFSET = 24;
    /** {@code vtm.zone} of {@code struct time_object}. */
    public static final int TIME_ZONE = 32;
    /** The byte of {@code struct time_object} that has {@code tzmode}, three bits, and then the bit {@code tm_got}. */
    public static final int TIME_MODE = 45;
    /** {@code TIME_TZMODE_UTC}. */
    public static final int TIME_UTC = 1;
    /** {@code TIME_TZMODE_FIXOFF}. */
    public static final int TIME_FIXED = 2;
    /** {@code TIME_TZMODE_UNINITIALIZED}. */
    public static final int TIME_UNINITIALIZED = 3;

    /** {@code waitq} of {@code struct rb_queue}. */
    public static final int QUEUE_WAITING = 0;
    /** {@code que} of {@code struct rb_queue}. */
    public static final int QUEUE_ITEMS = 24;
    /** {@code pushq} of {@code struct rb_szqueue}, which is packed where the processor can read it so. */
    public static final int QUEUE_PUSHING = 40;
    /** {@code max} of {@code struct rb_szqueue}, from {@code pushq}. */
    public static final int QUEUE_MAX = 16;
    /** The flag of a queue that is closed: {@code QUEUE_CLOSED}. */
    public static final long QUEUE_CLOSED = Flags.USER5;

    /** {@code count} of {@code struct rb_monitor}. */
    public static final int MONITOR_COUNT = 0;
    /** {@code owner} of {@code struct rb_monitor}. */
    public static final int MONITOR_OWNER = 8;
    /** {@code mutex} of {@code struct rb_monitor}. */
    public static final int MONITOR_MUTEX = 16;

    /** {@code enclosed} of {@code struct thgroup}, 32 bits. */
    public static final int GROUP_ENCLOSED = 0;

    /** {@code loc} of {@code struct valued_frame_info}. */
    public static final int FRAME_LOCATION = 0;

    /** The type of a location that is code, with its counter: {@code LOCATION_TYPE_ISEQ}. */
    public static final int LOCATION_CODE = 1;
    /** The code of a location, or the name in one with a union. */
    public static final int LOCATION_ISEQ = 8;
    /** The counter of a location, or the line (32 bits) or the caller in one with a union. */
    public static final int LOCATION_PC = 16;
    /** {@code mid} of a location without a union. */
    public static final int LOCATION_NAME = 24;

    /** {@code mesg} of what a {@code NameError} makes its message of. */
    public static final int NAME_ERROR_FORMAT = 0;
    /** {@code recv} of that. */
    public static final int NAME_ERROR_RECEIVER = 8;
    /** {@code name} of that. */
    public static final int NAME_ERROR_NAME = 16;

    /** {@code object_table} of {@code struct traceobj_arg}. */
    public static final int TRACE_TABLE = 24;
    /** {@code newobj_trace} of that, which {@code freeobj_trace} follows. */
    public static final int TRACE_MADE = 8;
    /** {@code freeobj_trace} of that. */
    public static final int TRACE_FREED = 16;
    /** {@code data} of {@code rb_tp_t} where no other object leads to {@code struct traceobj_arg}, in 2.7. */
    public static final int TRACE_POINT_DATA = 32;
    /** {@code living} of {@code struct allocation_info}, 32 bits. */
    public static final int ALLOCATION_LIVING = 0;
    /** {@code path} of {@code struct allocation_info}. */
    public static final int ALLOCATION_PATH = 24;
    /** {@code line} of {@code struct allocation_info}. */
    public static final int ALLOCATION_LINE = 32;
    /** {@code class_path} of {@code struct allocation_info}. */
    public static final int ALLOCATION_CLASS = 40;
    /** {@code mid} of {@code struct allocation_info}, a Symbol. */
    public static final int ALLOCATION_METHOD = 48;
    /** {@code generation} of {@code struct allocation_info}. */
    public static final int ALLOCATION_GENERATION = 56;

    static CoreLayout of(int version) {
        return new CoreLayout(
                version >= 303 ? 3 : 0,
                version >= 304 ? Location.ENTRY : version >= 301 ? Location.TYPED : Location.UNION,
                version >= 303,
                version >= 300,
                version >= 400);
    }
}
