// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.name;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Names of types, and of functions that types lie in, as {@code c++filt} tells them. */
final class NamesTest {
    private static final String TYPE = "typeinfo name for ";

    @TempDir
    private Path folder;

    /** What an object file or library defines, without versions. */
    private List<String> symbols(Path library) throws Exception {
        return run("nm", "-D", "--defined-only", library.toString())
                .map(line -> line.substring(line.lastIndexOf(' ') + 1).replaceFirst("@.*", ""))
                .filter(name -> name.startsWith("_Z") && !name.contains("."))
                .distinct()
                .toList();
    }

    private Stream<String> run(String... command) throws Exception {
        Path out = Files.createTempFile(folder, "out", "");
        Process process = new ProcessBuilder(command)
                .redirectOutput(out.toFile())
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start();
        assertThat(process.waitFor()).as(String.join(" ", command)).isZero();
        return Files.readAllLines(out).stream();
    }

    /** Libraries in C++ that are on each machine that this is tested on. */
    private static Set<Path> libraries() throws IOException {
        Set<Path> found = new TreeSet<>();
        for (String name : List.of("libstdc++.so.", "libc++.so.", "libc++abi.so.", "libclang-cpp.so.", "libLLVM")) {
            try (Stream<Path> files = Files.list(Path.of("/usr/lib/x86_64-linux-gnu"))) {
                for (Path file : files.filter(
                                file -> file.getFileName().toString().startsWith(name))
                        .filter(Files::isRegularFile)
                        .toList()) {
                    found.add(file.toRealPath());
                }
            }
        }
        return found;
    }

    private void check(List<String> types) throws Exception {
        Path in = Files.write(
                folder.resolve("in"), types.stream().map(name -> "_ZTS" + name).toList());
        List<String> told =
                run("sh", "-c", "c++filt < \"$1\"", "sh", in.toString()).toList();
        List<String> wrong = new ArrayList<>();
        for (int i = 0; i < types.size(); i++) {
            String name = types.get(i);
            if (!told.get(i).startsWith(TYPE)) {
                continue;
            }
            String expected =
                    told.get(i).substring(TYPE.length()).replace("> >", ">>").replace("> >", ">>");
            String got = Names.type(name).orElse("none");
            if (!got.equals(expected)) {
                wrong.add(name + "\n  " + expected + "\n  " + got);
            }
        }
        assertThat(wrong).isEmpty();
    }

    @Test
    void typesOfLibrariesAreNamedAsByOthers() throws Exception {
        List<String> types = new ArrayList<>();
        for (Path library : libraries()) {
            symbols(library).stream()
                    .filter(name -> name.startsWith("_ZTS"))
                    .map(name -> name.substring(4))
                    .forEach(types::add);
        }
        assertThat(types).hasSizeGreaterThan(2000);
        check(types);
    }

    /** A type in a function has all of that function's name, parameters included. */
    @Test
    void typesInFunctionsAreNamedAsByOthers() throws Exception {
        List<String> types = new ArrayList<>();
        for (Path library : libraries()) {
            if (library.getFileName().toString().contains("c++")) {
                symbols(library).stream()
                        .filter(name -> !name.startsWith("_ZT") && !name.startsWith("_ZG"))
                        .map(name -> "Z" + name.substring(2) + "E5Local")
                        .forEach(types::add);
            }
        }
        assertThat(types).hasSizeGreaterThan(5000);
        check(types);
    }

    @Test
    void everyKindOfTypeIsNamed() throws Exception {
        check(List.of(
                "3Foo",
                "N4acme5OrderE",
                "N12_GLOBAL__N_16HiddenE",
                "Z4mainE5Local",
                "Z4mainE5Local_0",
                "Z4mainEUlvE_",
                "Z4mainEUliT_E0_",
                "ZZ4mainENKUlvE_clEvEUlvE_",
                "ZN3FooC1EvE5Local",
                "ZN3FooD2EvE5Local",
                "ZN3FoocvbEvE5Local",
                "ZNK3FooplERKS_E5Local",
                "ZNO3Foo1fEvE5Local",
                "N3FooUt_E",
                "St6vectorIiSaIiEE",
                "St3mapINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEiSt4lessIS5_ESaISt4pairIKS5_iEEE",
                "St5tupleIJiPKcRdOfEE",
                "St5tupleIJEE",
                "3BoxIiLi3EE",
                "3BoxIiLin3EE",
                "3BoxIbLb1EE",
                "3BoxI5ColorLS0_2EE",
                "3BoxIDnLDn0EE",
                "3BoxIXadL_Z1fvEEE",
                "3BoxIXadL_ZN3Foo1fEvEEE",
                "8FunctionIFvvEE",
                "8FunctionIFiPFvicEA3_dEE",
                "8FunctionIPFPFviEcEE",
                "8FunctionIM3FooKFviEE",
                "8FunctionIM3FooFviREE",
                "8FunctionIMS_IiEiE",
                "8FunctionIDoFvvEE",
                "8FunctionIA2_A3_iE",
                "8FunctionIPA3_KcE",
                "8FunctionIRA3_KcE",
                "8FunctionIPVKPKiE",
                "8FunctionIDv4_fE",
                "8FunctionIDF16_E",
                "PFviE",
                "3FooB5cxx11",
                "N3Foo3BarB5cxx11B3newE"));
    }

    @Test
    void whatIsLeftToDefaultsIsLeftOut() {
        assertThat(Names.brief(
                        "St3mapINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEiSt4lessIS5_ESaISt4pairIKS5_iEEE"))
                .contains("std::map<std::string, int>");
        assertThat(Names.brief("NSt3__16vectorIiNS_9allocatorIiEEEE")).contains("std::vector<int>");
        assertThat(Names.brief("3BoxISaIiEE")).contains("Box<std::allocator<int>>");
        assertThat(Names.brief("3BoxIi9allocatorIiEE")).contains("Box<int, allocator<int>>");
        assertThat(Names.brief("3BoxISsE")).contains("Box<std::string>");
    }

    /** Names come from the target, which may be damaged or hostile. */
    @Test
    void damagedNamesEnd() throws Exception {
        List<String> names = symbols(libraries().iterator().next());
        Random random = new Random(1);
        for (int i = 0; i < 20_000; i++) {
            byte[] name = names.get(random.nextInt(names.size())).substring(2).getBytes(StandardCharsets.US_ASCII);
            for (int changes = random.nextInt(4); changes >= 0; changes--) {
                name[random.nextInt(name.length)] = name[random.nextInt(name.length)];
            }
            String text = new String(name, 0, 1 + random.nextInt(name.length), StandardCharsets.US_ASCII);
            assertThat(Names.type(text).orElse("")).hasSizeLessThan(1 << 18);
        }
        assertThat(Names.type("P".repeat(100_000) + "i")).isEmpty();
        assertThat(Names.type("3FooI".repeat(1000))).isEmpty();
        assertThat(Names.type("N1AI" + "1BI".repeat(20) + "i" + "E".repeat(22)).orElse(""))
                .startsWith("A<B<B<");
        // Each type has the one before it twice.
        String part = "1AIiiE";
        for (int i = 0; i < 40; i++) {
            String last = i == 0 ? "S0_" : "S" + Integer.toString(i, 36).toUpperCase() + "_";
            part += "1AI" + last + last + "E";
        }
        assertThat(Names.type("1TI" + part + "E").orElse("")).hasSizeLessThan(1 << 18);
    }
}
