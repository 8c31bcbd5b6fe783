// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/** A target could not be opened or read. The message says what was tried, on what, and what to do. */
public class TargetException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** Why, for code that goes on according to it; the message is for people. */
    public enum Reason {
        /** There is no such process, or it ended while it was read. */
        NO_SUCH_PROCESS,
        /** There is no such file. */
        NO_SUCH_FILE,
        /** The kernel refuses, for want of rights. */
        PERMISSION,
        /** The JVM was started without the right to call native code. */
        NATIVE_ACCESS,
        /** Another process traces it, and a process has one tracer. It can be observed. */
        TRACED_BY_ANOTHER,
        /** This JVM holds it already, by another {@link Target}. It can be observed. */
        TRACED_BY_THIS_JVM,
        /** It is this JVM or a child of it, which can't be stopped. It can be observed. */
        OWN_PROCESS,
        /** It could not be stopped in time; nothing stays stopped. It can be observed. */
        NOT_STOPPED,
        /** This JVM is shutting down, and stops nothing any more. */
        SHUTDOWN,
        /** The target is of a kind that can't be read. */
        UNSUPPORTED,
        /** The process was let go, since it had been stopped as long as it may be: {@link TargetOptions#maxStop()}. */
        STOPPED_TOO_LONG,
        /** The process was let go, since a read of it has made no progress for two seconds. */
        NO_PROGRESS,
        /**
         * A copy of a process would take more memory than it may, bring back much that is swapped out, or change the
         * process otherwise.
         */
        NOT_COPIED,
        /** No copy of a process could be forked; it is as it was. It can be stopped instead. */
        NOT_FORKED,
        /** A byte can't be read in the target. */
        UNREADABLE,
        /** A file changed while it was read. */
        FILE_CHANGED,
        /** A call into the C library failed. */
        SYSTEM_CALL,
        /** Something else. */
        OTHER
    }

    /** Why. */
    private final Reason reason;

    /**
     * Makes one for {@link Reason#OTHER}.
     *
     * @param message what was tried, on what, and what to do
     */
    public TargetException(String message) {
        this(Reason.OTHER, message);
    }

    /**
     * Makes one for {@link Reason#OTHER}.
     *
     * @param message what was tried, on what, and what to do
     * @param cause what led to it
     */
    public TargetException(String message, Throwable cause) {
        this(Reason.OTHER, message, cause);
    }

    /**
     * Makes one.
     *
     * @param reason why
     * @param message what was tried, on what, and what to do
     */
    public TargetException(Reason reason, String message) {
        super(message);
        this.reason = reason;
    }

    /**
     * Makes one.
     *
     * @param reason why
     * @param message what was tried, on what, and what to do
     * @param cause what led to it
     */
    public TargetException(Reason reason, String message, Throwable cause) {
        super(message, cause);
        this.reason = reason;
    }

    /**
     * Why it could not be opened or read, for code that goes on according to it.
     *
     * @return the reason
     */
    public final Reason reason() {
        return reason;
    }
}
