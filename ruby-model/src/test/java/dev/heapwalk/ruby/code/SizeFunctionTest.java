// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.ruby.code;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Machine;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.CProgram;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Functions like those of C extensions, as compilers make them, beside what they return when they are called. */
class SizeFunctionTest {
    /** What the functions look at, as both the libraries and the program have it. */
    private static final String STRUCT = """
            struct thing {
                unsigned flags;
                unsigned short kind;
                signed char level;
                unsigned char count;
                int number;
                unsigned wide : 3, narrow : 7;
                size_t capacity;
                size_t length;
                char *text;
                const struct thing *next;
                double ratio;
                char name[16];
            };
            """;

    private static final String FUNCTIONS = """
            #include <malloc.h>
            #include <stdint.h>
            #include <string.h>
            #include <unistd.h>

            """ + STRUCT + """

            #define FUNCTION(name) size_t name(const void *data); size_t name(const void *data)
            #define THING const struct thing *thing = data

            extern size_t told_by_the_program;
            size_t own_global = 24;
            size_t changing_global = 1;
            static __thread size_t of_the_thread = 5;
            static const unsigned short table[] = {3, 1, 4, 1, 5, 9, 2, 6};

            FUNCTION(constant) { (void) data; return 40; }
            FUNCTION(nothing) { (void) data; return 0; }
            FUNCTION(large) { (void) data; return 0x123456789abUL; }
            FUNCTION(unless_null) { return data ? sizeof(struct thing) : 0; }
            FUNCTION(sum) { THING; return sizeof *thing + thing->capacity + thing->length; }
            FUNCTION(scaled) { THING; return sizeof *thing + thing->length * sizeof *thing; }
            FUNCTION(scaled_by_28) { THING; return 28 * thing->length + 4; }
            FUNCTION(by_flag) { THING; return thing->flags & 4 ? sizeof *thing + thing->capacity : sizeof *thing; }
            FUNCTION(by_high_flag) { THING; return thing->flags & 0x8000 ? 16 : thing->flags & 0x40000000 ? 24 : 32; }
            FUNCTION(by_two_flags) { THING; return (thing->flags & 6) == 6 ? 8 : 16; }
            FUNCTION(by_bit_field) { THING; return thing->wide * 100 + thing->narrow; }
            FUNCTION(by_pointer) { THING; return (thing->text ? thing->capacity : 0) + (thing->next ? 64 : 1); }
            FUNCTION(embedded) { THING; return thing->text == thing->name ? 0 : thing->capacity; }
            FUNCTION(of_sign) { THING; return thing->number < 0 ? 8 : thing->number * 3 + 16; }
            FUNCTION(of_level) { THING; return thing->level > -3 ? 10 + thing->level : 100 - thing->level; }
            FUNCTION(of_small) { THING; return thing->kind + thing->count * 3; }
            FUNCTION(of_half) { THING; return (unsigned) (thing->number / 2 + 1000); }
            FUNCTION(of_eighth) { THING; return thing->capacity / 8 + thing->capacity % 8 + (thing->length >> 1); }
            FUNCTION(of_tenth) { THING; return thing->capacity / 10 + thing->length % 24; }
            FUNCTION(of_count) {
                THING;
                return thing->capacity / (thing->count | 1) + thing->number % (thing->kind | 1) + 65536;
            }
            FUNCTION(rounded) { THING; return (thing->capacity + 15) & ~(size_t) 15; }
            FUNCTION(limited) { THING; return thing->capacity > 1000 ? 1000 : thing->capacity; }
            FUNCTION(at_least) { THING; return thing->number < 24 ? 24 : thing->number; }
            FUNCTION(difference) { THING; return thing->text ? (size_t) (thing->text - thing->name + 1 < 1) : 3; }
            FUNCTION(compared) { THING; return (thing->capacity >= thing->length) + 2 * (thing->number > 7); }
            FUNCTION(both) { THING; return thing->kind > 3 && thing->count < 200 ? 1 : thing->level == -1 ? 2 : 3; }
            FUNCTION(shifted) { THING; return (size_t) 1 << (thing->kind & 31); }
            FUNCTION(of_next) { THING; return thing->next ? thing->next->capacity : 7; }
            FUNCTION(of_byte) { THING; return thing->name[thing->kind & 7] == 'e' ? 16 : 17; }
            FUNCTION(of_table) { THING; return table[thing->kind & 7]; }
            FUNCTION(of_global) { (void) data; return own_global + 8; }
            FUNCTION(of_program) { (void) data; return told_by_the_program; }
            FUNCTION(inverted) { THING; return ~thing->flags & 0xffff; }
            FUNCTION(odd) { THING; return -(size_t) (thing->kind & 1) & 72; }
            FUNCTION(dense) {
                THING;
                switch (thing->kind) {
                    case 0: return thing->capacity;
                    case 1: return thing->length + 1;
                    case 2: return thing->count;
                    case 3: return 33 + thing->number;
                    case 4: return thing->flags;
                    case 5: return thing->flags & 2 ? 50 : 51;
                    case 6: return 66;
                    case 7: return thing->capacity * 3;
                    default: return 8;
                }
            }
            FUNCTION(sparse) {
                THING;
                switch (thing->kind) {
                    case 2: return 20;
                    case 300: return 30;
                    case 4000: return 40;
                    default: return 50;
                }
            }
            FUNCTION(some_of_many) {
                THING;
                switch (thing->kind) {
                    case 1: case 3: case 7: case 12: case 21: case 30: return 8;
                    default: return 16;
                }
            }
            static __attribute__((noinline)) size_t helper(const struct thing *thing, size_t more) {
                return thing->capacity + more;
            }
            FUNCTION(helped) { THING; return helper(thing, thing->length) + 3; }
            FUNCTION(tail) { THING; return helper(thing, 16); }
            FUNCTION(of_public) { THING; return sum(thing) + 1; }
            FUNCTION(tail_of_public) { return constant(data); }
            FUNCTION(list) {
                size_t size = 0;
                for (const struct thing *thing = data; thing; thing = thing->next) {
                    size += sizeof *thing + thing->count;
                }
                return size;
            }
            FUNCTION(copied) {
                struct thing copy;
                volatile size_t kept;
                copy = *(const struct thing *) data;
                kept = copy.capacity;
                return kept + copy.kind;
            }
            FUNCTION(usable) {
                THING;
                return sizeof *thing + malloc_usable_size(thing->text == thing->name ? 0 : thing->text);
            }
            FUNCTION(text) { THING; return thing->text ? strlen(thing->text) + 1 : 0; }

            FUNCTION(long_loop) {
                THING;
                size_t size = thing->capacity;
                for (int i = 0; i < 10000; i++) {
                    size ^= (size >> 3) + i;
                }
                return size >> 1;
            }
            FUNCTION(floating) { THING; return (size_t) (thing->ratio * 3); }
            FUNCTION(writes) { (void) data; return ++changing_global ? 8 : 0; }
            FUNCTION(asks) { (void) data; return getpid() > 0; }
            FUNCTION(of_thread) { (void) data; return of_the_thread++ ? 5 : 4; }
            FUNCTION(negative) { (void) data; return (size_t) -8; }

            #define ENTRY(name) {#name, name}
            const struct { const char *name; size_t (*function)(const void *); } functions[] = {
                ENTRY(constant), ENTRY(nothing), ENTRY(large), ENTRY(unless_null), ENTRY(sum), ENTRY(scaled),
                ENTRY(scaled_by_28), ENTRY(by_flag), ENTRY(by_high_flag), ENTRY(by_two_flags), ENTRY(by_bit_field),
                ENTRY(by_pointer), ENTRY(embedded), ENTRY(of_sign), ENTRY(of_level), ENTRY(of_small), ENTRY(of_half),
                ENTRY(of_eighth), ENTRY(of_tenth), ENTRY(of_count),
                ENTRY(rounded), ENTRY(limited), ENTRY(at_least), ENTRY(difference), ENTRY(compared),
                ENTRY(both), ENTRY(shifted), ENTRY(of_next), ENTRY(of_byte), ENTRY(of_table), ENTRY(of_global),
                ENTRY(of_program), ENTRY(inverted), ENTRY(odd), ENTRY(dense), ENTRY(sparse), ENTRY(some_of_many),
                ENTRY(helped), ENTRY(tail), ENTRY(of_public), ENTRY(tail_of_public), ENTRY(list), ENTRY(copied),
                ENTRY(usable), ENTRY(text), ENTRY(long_loop), ENTRY(floating), ENTRY(writes), ENTRY(asks),
                ENTRY(of_thread), ENTRY(negative), {0, 0}
            };
            """;

    /** Calls every function of the libraries that it is told, with every thing. */
    private static final String PROGRAM = """
            #include <dlfcn.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>

            """ + STRUCT + """
            struct entry { const char *name; size_t (*function)(const void *); };

            size_t told_by_the_program = 48;
            static struct thing things[12] = {
                {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ""},
                {6, 1, -1, 1, 1, 1, 1, 8, 8, 0, 0, 1.5, "one"},
                {4, 2, -2, 255, -1, 7, 127, 999, 1, 0, &things[0], 2.25, "elephant"},
                {2, 3, -3, 128, 7, 5, 64, 1000, 2000, 0, &things[2], 3, "threeeee"},
                {0x8000, 4, -128, 127, 8, 2, 63, 1001, 1000, 0, &things[3], 4, "for"},
                {0x40000000, 5, 127, 200, 23, 3, 100, 1023, 3, 0, &things[4], 5, "hive"},
                {0xffffffff, 6, 3, 199, 24, 4, 33, 1 << 20, 1 << 16, 0, &things[5], 6, "sixten"},
                {0x7fffffff, 7, -4, 4, 25, 6, 12, 77, 78, 0, &things[6], 7, "seveneeee"},
                {1, 8, 1, 3, 1 << 29, 1, 2, 15, 16, 0, &things[7], 8, "eight"},
                {3, 300, 2, 5, -7, 2, 3, 17, 18, 0, &things[1], 9, "nine"},
                {5, 4000, -1, 210, -1000, 3, 4, 1UL << 40, 1UL << 33, 0, 0, 10, "ten"},
                {7, 65535, 5, 6, 1000, 4, 5, 31, 32, 0, &things[8], 11, "eleven"},
            };

            int main(int count, char **libraries) {
                for (int i = 0; i < 12; i++) {
                    things[i].text = i % 3 == 0 ? 0 : i % 3 == 1 ? things[i].name
                            : memset(calloc(1, 50 * i), 'e', 9 * i);
                }
                for (int i = 1; i < count; i++) {
                    void *library = dlopen(libraries[i], RTLD_LAZY | RTLD_LOCAL);
                    if (!library) {
                        puts(dlerror());
                        return 1;
                    }
                    for (struct entry *entry = dlsym(library, "functions"); entry->name; entry++) {
                        for (int thing = 0; thing < 12; thing++) {
                            printf("%d %s %lu %lu %lu\\n", i, entry->name, (size_t) entry->function,
                                    (size_t) &things[thing], entry->function(&things[thing]));
                        }
                        if (!strcmp(entry->name, "unless_null") || !strcmp(entry->name, "list")) {
                            printf("%d %s %lu 0 %lu\\n", i, entry->name, (size_t) entry->function, entry->function(0));
                        }
                    }
                }
                puts("READY");
                fflush(stdout);
                getchar();
                return 0;
            }
            """;

    private static final List<List<String>> OPTIONS = List.of(
            List.of("-O0"),
            List.of("-O1"),
            List.of("-O2"),
            List.of("-O3"),
            List.of("-Os"),
            List.of("-Og"),
            List.of("-O2", "-fcf-protection=full"),
            List.of("-O2", "-fcf-protection=none", "-fno-plt"),
            List.of("-O2", "-fno-omit-frame-pointer"),
            List.of("-O2", "-fno-jump-tables"),
            List.of("-O2", "-fstack-protector-all"));

    /** What depends on more than memory and arithmetic, or takes too long, is never known. */
    private static final Set<String> NEVER = Set.of("long_loop", "floating", "writes", "asks", "of_thread", "negative");

    /** Compilers and libraries may use vectors or look at their thread here. */
    private static final Set<String> SOMETIMES = Set.of("copied", "usable", "text");

    @TempDir
    private Path folder;

    @Test
    void returnsWhatTheFunctionReturns() throws Exception {
        List<String> names = new ArrayList<>();
        List<String> command = new ArrayList<>();
        command.add(CProgram.compile("sizes", PROGRAM, "-rdynamic", "-ldl").toString());
        for (List<String> options : OPTIONS) {
            List<String> all = new ArrayList<>(options);
            all.addAll(List.of("-shared", "-fPIC"));
            command.add(CProgram.compile("sizes.so", FUNCTIONS, all.toArray(String[]::new))
                    .toString());
            names.add("gcc " + String.join(" ", options));
        }
        if (hasClang()) {
            for (String level : List.of("-O0", "-O1", "-O2", "-O3", "-Os", "-Oz")) {
                command.add(clang(level).toString());
                names.add("clang " + level);
            }
        }
        Map<String, Set<String>> unknown = new TreeMap<>();
        int compared = 0;
        try (CodeProcess process = CodeProcess.start(command);
                Target target = process.target();
                Reader reader = target.memory().reader(1 << 20)) {
            SizeFunction function = new SizeFunction(Machine.X86_64, CodeProcess.memory(reader));
            SizeFunction elsewhere = new SizeFunction(Machine.AARCH64, CodeProcess.memory(reader));
            for (String line : process.lines()) {
                String[] words = line.split(" ");
                String how = names.get(Integer.parseInt(words[0]) - 1);
                long address = Long.parseLong(words[2]);
                long argument = Long.parseLong(words[3]);
                long size = function.call(address, argument);
                if (NEVER.contains(words[1])) {
                    assertThat(size).as("%s, %s", words[1], how).isEqualTo(SizeFunction.UNKNOWN);
                } else if (size == SizeFunction.UNKNOWN) {
                    unknown.computeIfAbsent(words[1], name -> new TreeSet<>()).add(how);
                } else {
                    assertThat(size)
                            .as("%s of 0x%x, %s", words[1], argument, how)
                            .isEqualTo(Long.parseUnsignedLong(words[4]));
                    compared++;
                }
                assertThat(elsewhere.call(address, argument)).isEqualTo(SizeFunction.UNKNOWN);
            }
        }
        assertThat(compared).isGreaterThan(OPTIONS.size() * 12 * 38);
        unknown.keySet().removeAll(SOMETIMES);
        // Another compiler may do it in another way, but nothing that is told of it is wrong.
        unknown.values().removeIf(how -> how.stream().allMatch(name -> name.startsWith("clang")));
        assertThat(unknown).as("functions that can be worked out").isEmpty();
    }

    private static boolean hasClang() {
        return Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .anyMatch(where -> new File(where, "clang").canExecute());
    }

    private Path clang(String level) throws Exception {
        Path source = Files.writeString(folder.resolve("sizes.c"), FUNCTIONS);
        Path library = folder.resolve("sizes" + level + ".so");
        int status = new ProcessBuilder("clang", level, "-shared", "-fPIC", "-o", library.toString(), source.toString())
                .inheritIO()
                .start()
                .waitFor();
        assertThat(status).as("status of clang").isZero();
        return library;
    }
}
