// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Enumeration;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipOutputStream;

/**
 * Leaves out of jars the native libraries of other systems and processors: of the 6.5 MB of zstd-jni, a bundle needs one.
 * Arguments: jars, which are rewritten.
 */
final class OwnLibraries {
    private static final Pattern LIBRARY = Pattern.compile("(.*)/[^/]+\\.(so|dll|dylib)");

    private OwnLibraries() {}

    public static void main(String[] jars) throws IOException {
        String processor = System.getProperty("os.arch");
        String own = "linux/" + (processor.equals("x86_64") ? "amd64" : processor);
        for (String jar : jars) {
            rewrite(Path.of(jar), own);
        }
    }

    private static void rewrite(Path jar, String own) throws IOException {
        Path made = jar.resolveSibling(jar.getFileName() + ".new");
        int kept = 0;
        try (ZipFile from = new ZipFile(jar.toFile());
                OutputStream file = Files.newOutputStream(made);
                ZipOutputStream to = new ZipOutputStream(file)) {
            for (Enumeration<? extends ZipEntry> all = from.entries(); all.hasMoreElements(); ) {
                ZipEntry entry = all.nextElement();
                var library = LIBRARY.matcher(entry.getName());
                boolean isLibrary = library.matches();
                if (isLibrary && !library.group(1).endsWith(own)) {
                    continue;
                }
                kept += isLibrary ? 1 : 0;
                ZipEntry copy = new ZipEntry(entry.getName());
                copy.setTime(entry.getTime());
                to.putNextEntry(copy);
                try (InputStream in = from.getInputStream(entry)) {
                    in.transferTo(to);
                }
                to.closeEntry();
            }
        }
        if (kept == 0) {
            Files.delete(made);
            throw new IOException(jar + " has no library for " + own);
        }
        Files.move(made, jar, StandardCopyOption.REPLACE_EXISTING);
    }
}
