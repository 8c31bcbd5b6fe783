// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.StandardOutput;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.dump.ObjectCounts;
import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code heapwalk ruby count}: how many objects there are of each type. */
@Command(
        name = "count",
        description = {
            "Count the slots by type, and the instances of classes by name, as one JSON object.",
            "A name of a module or class also counts the classes in its namespace."
        })
final class RubyCount extends TargetCommand {
    /** How many pages are counted before a process is stopped, so that all code has run. */
    private static final int TRIAL_PAGES = 100;

    @Parameters(index = "0", paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    @Parameters(
            index = "1..*",
            arity = "0..*",
            paramLabel = "NAME",
            description = "A class or a namespace, such as ActiveRecord.")
    private List<String> names = List.of();

    @Option(
            names = "--allocations",
            description = "Also count by the file and line that made them, of objects that the program traced with "
                    + "ObjectSpace.trace_object_allocations. With names, only the instances of these classes.")
    private boolean allocations;

    @Mixin
    private EachProcess each;

    private final RubyLooks looks = new RubyLooks(
            this, RubyLooks.Need.NO_CHANGE, vm -> count(vm, Math.min(vm.pages().count(), TRIAL_PAGES), new Problems()));

    @Override
    String target() {
        return target;
    }

    @Override
    Optional<EachProcess> each() {
        return Optional.of(each);
    }

    @Override
    Optional<LookAhead> lookAhead() {
        return Optional.of(looks);
    }

    @Override
    int answer(Subject subject) {
        Problems problems = new Problems();
        ObjectCounts counts = reading(
                subject,
                problems,
                new Progress(),
                opened -> looks.at(
                        opened, problems, (vm, seen) -> count(vm, vm.pages().count(), seen)));
        ByteArrayOutputStream object = new ByteArrayOutputStream();
        counts.writeTo(object);
        byte[] told = each.named(object.toByteArray());
        return printing(subject, problems, () -> new StandardOutput().write(told, 0, told.length));
    }

    /** Counts what is on the first pages. */
    private ObjectCounts count(RubyVm vm, int pages, Problems problems) {
        ObjectReader reader = vm.reader();
        SlotCursor slots = vm.slots(reader);
        slots.within(0, pages);
        ObjectCounts counted =
                allocations ? ObjectCounts.withPlaces(slots, reader, names) : ObjectCounts.of(slots, reader, names);
        slots.holes().forEach(problems::missing);
        return counted;
    }
}
