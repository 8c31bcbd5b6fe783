// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.xz;

/** Pieces that are compressed by LZMA or not at all, each with its sizes. */
final class Lzma2 {
    private static final int LZMA = 0x80;
    private static final int NEW_STATE = 0xa0;
    private static final int NEW_PROPERTIES = 0xc0;
    private static final int NEW_DICTIONARY = 0xe0;
    private static final int END = 0;
    private static final int PLAIN_NEW_DICTIONARY = 1;
    private static final int PLAIN = 2;

    private final Input in;
    private final Output out;
    private final RangeDecoder range;
    private final Lzma lzma;
    private boolean withDictionary;
    private boolean withProperties;

    /**
     * Begins at a block's data.
     *
     * @param dictionary how far back a copy may begin, in bytes
     */
    Lzma2(Input in, Output out, long dictionary) {
        this.in = in;
        this.out = out;
        this.range = new RangeDecoder(in.bytes());
        this.lzma = new Lzma(range, out);
        out.setDictionary(dictionary);
    }

    /** Goes on to the end of the data. */
    void decode() throws XzException {
        int control = in.read();
        while (control != END) {
            if (control >= NEW_DICTIONARY || control == PLAIN_NEW_DICTIONARY) {
                out.reset();
                withDictionary = true;
                withProperties = false;
            } else if (!withDictionary) {
                throw new XzException("data that begins in the middle");
            }
            if (control >= LZMA) {
                compressed(control);
            } else if (control <= PLAIN) {
                int size = readSize();
                out.reserve(size);
                out.add(in.bytes(), in.skip(size), size);
            } else {
                throw new XzException("a piece of a kind that is not known");
            }
            control = in.read();
        }
    }

    private int readSize() throws XzException {
        return (in.read() << Byte.SIZE | in.read()) + 1;
    }

    private void compressed(int control) throws XzException {
        int size = ((control & 0x1f) << 16) + readSize();
        int packed = readSize();
        if (control >= NEW_PROPERTIES) {
            lzma.setProperties(in.read());
            withProperties = true;
        } else if (!withProperties) {
            throw new XzException("a piece without properties");
        }
        if (control >= NEW_STATE) {
            lzma.reset();
        }
        int start = in.skip(packed);
        range.begin(start, start + packed);
        out.reserve(size);
        lzma.decode(size);
        range.end();
    }
}
