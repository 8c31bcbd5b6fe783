// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** The name of several processes was given where one is to be read. */
public final class SeveralProcessesException extends ParameterException {
    private static final long serialVersionUID = 1L;
    private static final int LONGEST_LINE = 60;

    private final transient List<RunningProcess> processes;

    SeveralProcessesException(CommandLine line, String message, List<RunningProcess> processes) {
        super(line, message);
        this.processes = processes;
    }

    /** Lines that list them. */
    public List<String> list() {
        return RunningProcess.lines(processes, LONGEST_LINE).toList();
    }
}
