// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.Problems;
import dev.heapwalk.cli.output.Progress;
import dev.heapwalk.cli.output.StandardOutput;
import dev.heapwalk.ruby.ObjectReader;
import dev.heapwalk.ruby.RubyVm;
import dev.heapwalk.ruby.SlotCursor;
import dev.heapwalk.ruby.SlotState;
import dev.heapwalk.ruby.dump.HeapDump;
import dev.heapwalk.ruby.dump.ObjectLines;
import dev.heapwalk.ruby.vm.Interpreter;
import dev.heapwalk.ruby.vm.RubyThreads;
import java.io.ByteArrayOutputStream;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** {@code heapwalk ruby show}: one object in full. */
@Command(name = "show", description = "Show one object in full: its line of 'heapwalk ruby dump'.")
final class RubyShow extends TargetCommand {
    @Parameters(index = "0", paramLabel = "TARGET", description = TargetCommand.TARGET)
    private String target;

    @Parameters(index = "1", paramLabel = "ADDRESS", description = "The id of an object, such as 0x7f0012345678.")
    private String address;

    private final RubyLooks looks = new RubyLooks(this, RubyLooks.Need.REST, vm -> show(vm, new Problems()));

    @Mixin
    private ToldText text;

    @Override
    String target() {
        return TwoWords.swapped(address, target) ? address : target;
    }

    @Override
    void check() {
        text.check(this, true);
        number();
    }

    private long number() {
        return TwoWords.object(address, target, this);
    }

    @Override
    Optional<LookAhead> lookAhead() {
        return Optional.of(looks);
    }

    @Override
    int answer(Subject subject) {
        Problems problems = new Problems();
        byte[] shown = reading(subject, problems, new Progress(), opened -> looks.at(opened, problems, this::show));
        return printing(subject, problems, () -> new StandardOutput().write(shown, 0, shown.length));
    }

    private byte[] show(RubyVm vm, Problems problems) {
        ByteArrayOutputStream shown = new ByteArrayOutputStream();
        ObjectReader reader = vm.reader();
        RubyThreads threads = new RubyThreads(new Interpreter(reader));
        try (ObjectLines lines = new ObjectLines(threads, shown, HeapDump.Id.PLAIN, text.told())) {
            if (!lines.object(number())) {
                throw wrong(why(vm, reader));
            }
            lines.flush();
            problems.damage(lines.summary());
        }
        return shown.toByteArray();
    }

    /** Why there is no object. */
    private String why(RubyVm vm, ObjectReader reader) {
        long wanted = number();
        SlotCursor slot = vm.slots(reader);
        if (slot.moveTo(wanted)) {
            return "there is no object at 0x%x: the slot is %s"
                    .formatted(
                            wanted,
                            slot.state() == SlotState.FREE
                                    ? "free"
                                    : slot.type().label());
        }
        long around = vm.pages().slotAround(wanted);
        return around == 0 || around == wanted
                ? "there is no object at 0x%x: it is not in Ruby's heap, or its page can't be read".formatted(wanted)
                : "there is no object at 0x%x: it is inside the one at 0x%x".formatted(wanted, around);
    }
}
