// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.openssl;

import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.heap.usage.Domain;

/** The domain and the categories of what OpenSSL has. */
public final class OpenSslCategories {
    /** What OpenSSL allocates. */
    public static final Domain OPENSSL = new Domain("openssl");

    /** What connections have in common. C name {@code SSL_CTX}. */
    public static final Category CONTEXT = new Category(OPENSSL, "SSL_CTX", "");
    /** The list of the ciphers of a context, by preference and by number. C name {@code STACK_OF(SSL_CIPHER)}. */
    public static final Category CIPHERS = new Category(OPENSSL, "SSL_CTX", "ciphers");
    /** A connection. C name {@code SSL}. */
    public static final Category CONNECTION = new Category(OPENSSL, "SSL", "");
    /** What a connection reads or writes records with, since 3.2. C name {@code OSSL_RECORD_LAYER}. */
    public static final Category RECORD_LAYER = new Category(OPENSSL, "SSL", "record layer");
    /** Records that a connection has read or is to write. C names {@code SSL3_BUFFER}, {@code TLS_BUFFER}. */
    public static final Category RECORD_BUFFER = new Category(OPENSSL, "SSL", "record buffer");
    /** A session, which several connections may have one after the other. C name {@code SSL_SESSION}. */
    public static final Category SESSION = new Category(OPENSSL, "SSL_SESSION", "");

    private OpenSslCategories() {}
}
