// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cpp.service;

import dev.heapwalk.cpp.CppCategories;
import dev.heapwalk.cpp.name.Names;
import dev.heapwalk.heap.usage.Category;
import dev.heapwalk.memory.LongTable;
import dev.heapwalk.memory.Mapping;
import dev.heapwalk.memory.Ranges;
import dev.heapwalk.memory.Reader;
import dev.heapwalk.memory.Target;
import dev.heapwalk.memory.elf.ElfModule;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The classes of a target by the address that their objects begin with: into a virtual table, behind the distance to
 * the object's start and the address of its {@code std::type_info}. Whether it is one is told by structure: a type_info
 * begins with the address of the virtual table of one of three classes of the C++ library, which are told by their own
 * type_info. So no symbol is needed, but where a program has no type_info.
 */
final class Classes {
    private static final int WORD = Long.BYTES;
    private static final long BUDGET = 1L << 20;
    private static final int LONGEST_NAME = 1 << 14;
    private static final int NO_CLASS = 0;
    private static final int UNKNOWN = -1;

    /** The classes of what tells of a class: without bases, with a single one, with several or virtual ones. */
    private static final List<String> OF_CLASSES = List.of(
            "N10__cxxabiv117__class_type_infoE",
            "N10__cxxabiv120__si_class_type_infoE",
            "N10__cxxabiv121__vmi_class_type_infoE");

    private static final String VIRTUAL_TABLE = "_ZTV";
    /** What the class of a control block begins with, and what of its arguments is told. */
    private static final Map<String, String> CONTROL_BLOCKS = Map.of(
            "std::_Sp_counted_ptr<", "control block",
            "std::_Sp_counted_deleter<", "control block",
            "std::_Sp_counted_ptr_inplace<", "control block and object",
            "std::_Sp_counted_array<", "control block and object",
            "std::__shared_ptr_pointer<", "control block",
            "std::__shared_ptr_emplace<", "control block and object");

    private final Target target;
    private final Reader reader;
    private final Destructors destructors;
    private final Ranges modules;
    private final LongTable known = new LongTable();
    private final List<Category> classes = new ArrayList<>(List.of(Category.NONE));
    private final Map<String, Integer> numbers = new HashMap<>();
    /** Whether an address is what the type_info of a class begins with. */
    private final LongTable kinds = new LongTable();
    /** Nothing of a module lies between these two. */
    private long gapStart = -1;

    private long gapEnd;

    Classes(Target target, List<ElfModule> modules) {
        this.target = target;
        this.reader = target.memory().reader(BUDGET, target.pageSize());
        this.destructors = new Destructors(target, reader);
        List<Mapping> mapped = modules.stream()
                .flatMap(module -> module.mappings().stream())
                .filter(Mapping::readable)
                .filter(mapping -> mapping.start() > 0)
                .sorted(Comparator.comparingLong(Mapping::start))
                .distinct()
                .toList();
        this.modules = Ranges.exactly(
                mapped.stream().mapToLong(Mapping::start).toArray(),
                mapped.stream().mapToLong(Mapping::end).toArray());
    }

    /** The class of an object that begins with a word; {@link Category#NONE} if the word does not tell one. */
    Category of(long word) {
        if (word > gapStart && word < gapEnd || (word & WORD - 1) != 0 || word <= 0) {
            return Category.NONE;
        }
        int module = modules.at(word);
        if (module < 0) {
            int behind = modules.behind(word);
            gapStart = behind == 0 ? 0 : modules.end(behind - 1) - 1;
            gapEnd = behind == modules.count() ? Long.MAX_VALUE : modules.start(behind);
            return Category.NONE;
        }
        long number = known.get(word, UNKNOWN);
        if (number == UNKNOWN) {
            number = find(word);
            known.put(word, number);
        }
        return classes.get((int) number);
    }

    /** Whether a word is the address of a virtual table of a base that lies farther on in its object. */
    boolean isInner(long word) {
        return word > 0
                && (word & WORD - 1) == 0
                && modules.at(word) >= 0
                && reader.readLong(word - 2 * WORD, 0) < 0
                && name(reader.readLong(word - WORD, 0)).isPresent();
    }

    private int find(long table) {
        if (reader.readLong(table - 2 * WORD, -1) != 0) {
            return NO_CLASS;
        }
        long type = reader.readLong(table - WORD, -1);
        Optional<String> name = type == 0 ? symbol(table) : name(type);
        return name.map(mangled -> Names.brief(mangled).orElse(mangled))
                .map(this::number)
                .orElse(NO_CLASS);
    }

    /** The mangled name of a class by its type_info. */
    private Optional<String> name(long type) {
        if (type <= 0 || (type & WORD - 1) != 0 || modules.at(type) < 0 || !isKind(reader.readLong(type, 0))) {
            return Optional.empty();
        }
        return text(reader.readLong(type + WORD, 0));
    }

    private Optional<String> text(long address) {
        if (address <= 0 || modules.at(address) < 0) {
            return Optional.empty();
        }
        String text = reader.readCString(address, LONGEST_NAME, "");
        return text.isEmpty() || text.length() == LONGEST_NAME ? Optional.empty() : Optional.of(text);
    }

    private boolean isKind(long table) {
        if (table <= 0 || (table & WORD - 1) != 0 || modules.at(table) < 0) {
            return false;
        }
        long answer = kinds.get(table, UNKNOWN);
        if (answer == UNKNOWN) {
            long type = reader.readLong(table - WORD, 0);
            boolean is = reader.readLong(table - 2 * WORD, -1) == 0
                    && type > 0
                    && modules.at(type) >= 0
                    && text(reader.readLong(type + WORD, 0))
                            .filter(OF_CLASSES::contains)
                            .isPresent();
            answer = is ? 1 : 0;
            kinds.put(table, answer);
        }
        return answer != 0;
    }

    /** The mangled name of a class by the symbol of its virtual table or of its destructor, without a type_info. */
    private Optional<String> symbol(long table) {
        if (!destructors.isCode(reader.readLong(table, 0))) {
            return Optional.empty();
        }
        return target.moduleAt(table)
                .flatMap(module -> module.symbolAt(table))
                // The places of virtual bases may lie before what all tables have.
                .filter(symbol -> symbol.name().startsWith(VIRTUAL_TABLE) && symbol.address() <= table - 2 * WORD)
                .map(symbol -> symbol.name().substring(VIRTUAL_TABLE.length()))
                .or(() -> destructors.classOf(table));
    }

    private int number(String name) {
        return numbers.computeIfAbsent(name, added -> {
            classes.add(category(added));
            return classes.size() - 1;
        });
    }

    private static Category category(String name) {
        return CONTROL_BLOCKS.entrySet().stream()
                .filter(each -> name.startsWith(each.getKey()))
                .findFirst()
                .map(each -> new Category(
                        CppCategories.CPP,
                        CppCategories.SHARED_POINTER,
                        each.getValue() + " of "
                                + firstArgument(name, each.getKey().length())))
                .orElseGet(() -> new Category(CppCategories.CPP, name, ""));
    }

    /** The first argument of a template: what is shared. */
    private static String firstArgument(String name, int start) {
        int open = 0;
        int end = start;
        while (end < name.length()) {
            char letter = name.charAt(end);
            if (open == 0 && (letter == ',' || letter == '>')) {
                break;
            }
            open += letter == '<' || letter == '(' ? 1 : letter == '>' || letter == ')' ? -1 : 0;
            end++;
        }
        String argument = name.substring(start, end);
        return argument.endsWith("*") ? argument.substring(0, argument.length() - 1) : argument;
    }
}
