// SPDX-License-Identifier: Apache-2.0
/**
 * The heapwalk command.
 */
module dev.heapwalk.cli {
    requires dev.heapwalk.graph;
    requires dev.heapwalk.heap;
    requires dev.heapwalk.python;
    requires dev.heapwalk.ruby;
    requires com.github.luben.zstd_jni;
    requires info.picocli;
    requires org.antlr.antlr4.runtime;
    requires org.apache.commons.compress;
    requires org.jline.reader;
    requires org.tukaani.xz;

    opens dev.heapwalk.cli to
            info.picocli;
    opens dev.heapwalk.cli.command to
            info.picocli;
}
