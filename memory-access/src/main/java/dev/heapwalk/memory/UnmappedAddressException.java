// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

/** A byte that was asked for can't be read in the target, or what was asked for does not begin where it was to. */
public final class UnmappedAddressException extends TargetException {
    private static final long serialVersionUID = 1L;

    /** Target address of the first byte that can't be read. */
    private final long address;

    /**
     * Makes one.
     *
     * @param address target address of the first byte that can't be read
     * @param start target address of the range that was asked for
     * @param length its length in bytes
     */
    public UnmappedAddressException(long address, long start, long length) {
        super(
                Reason.UNREADABLE,
                "can't read address 0x%x of the target (wanted %d bytes at 0x%x)".formatted(address, length, start));
        this.address = address;
    }

    /**
     * Makes one for something that does not begin at an address, whether or not that can be read.
     *
     * @param address the target address
     * @param what what does not begin there, such as {@code slot}
     */
    public UnmappedAddressException(long address, String what) {
        super(Reason.UNREADABLE, "no %s begins at address 0x%x of the target".formatted(what, address));
        this.address = address;
    }

    /**
     * The first byte that can't be read, or where something was to begin.
     *
     * @return a target address
     */
    public long address() {
        return address;
    }
}
