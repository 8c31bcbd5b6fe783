// SPDX-License-Identifier: Apache-2.0

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassFileVersion;
import java.lang.classfile.ClassHierarchyResolver;
import java.lang.classfile.ClassModel;
import java.lang.classfile.ClassTransform;
import java.lang.classfile.CodeTransform;
import java.lang.constant.ClassDesc;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.jar.JarFile;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * Gives the classes of a jar a newer version of the class file format, with the stack maps that it asks for. No AOT
 * cache takes classes of a version below 50; to load and to verify them takes most of a start. What they do stays the
 * same.
 *
 *     java script/NewerClasses.java JAR ...
 */
final class NewerClasses {
    private static final int OLDEST_KEPT = ClassFile.JAVA_8_VERSION;

    public static void main(String[] jars) throws IOException {
        for (String jar : jars) {
            renew(Path.of(jar));
        }
    }

    private static void renew(Path file) throws IOException {
        Path renewed = file.resolveSibling(file.getFileName() + ".new");
        try (JarFile jar = new JarFile(file.toFile());
                OutputStream out = Files.newOutputStream(renewed);
                ZipOutputStream zip = new ZipOutputStream(out)) {
            ClassFile format = ClassFile.of(
                    ClassFile.StackMapsOption.GENERATE_STACK_MAPS,
                    ClassFile.ClassHierarchyResolverOption.of(resolver(jar)));
            for (var entries = jar.entries().asIterator(); entries.hasNext(); ) {
                ZipEntry entry = entries.next();
                byte[] bytes;
                try (InputStream in = jar.getInputStream(entry)) {
                    bytes = in.readAllBytes();
                }
                ZipEntry copy = new ZipEntry(entry.getName());
                copy.setTime(entry.getTime());
                zip.putNextEntry(copy);
                zip.write(entry.getName().endsWith(".class") ? renewed(format, bytes) : bytes);
                zip.closeEntry();
            }
        }
        Files.move(renewed, file, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    }

    private static ClassHierarchyResolver resolver(JarFile jar) {
        return ClassHierarchyResolver.ofResourceParsing((ClassDesc type) -> {
                    String name = type.descriptorString();
                    try {
                        ZipEntry entry = jar.getEntry(name.substring(1, name.length() - 1) + ".class");
                        return entry == null ? null : jar.getInputStream(entry);
                    } catch (IOException e) {
                        return null;
                    }
                })
                .orElse(ClassHierarchyResolver.defaultResolver());
    }

    private static byte[] renewed(ClassFile format, byte[] bytes) {
        try {
            ClassModel model = format.parse(bytes);
            if (model.majorVersion() >= OLDEST_KEPT) {
                return bytes;
            }
            ClassTransform version = (builder, element) -> {
                if (element instanceof ClassFileVersion) {
                    builder.withVersion(OLDEST_KEPT, 0);
                } else {
                    builder.with(element);
                }
            };
            // A method's code is only taken apart, and gets a stack map, where it is transformed.
            return format.transformClass(
                    model, version.andThen(ClassTransform.transformingMethodBodies(CodeTransform.ACCEPT_ALL)));
        } catch (IllegalArgumentException e) {
            // It needs classes that are not there, and is never loaded either.
            return bytes;
        }
    }
}
