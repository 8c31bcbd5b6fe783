// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.query.QueryException;
import java.util.List;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/** An expression can't be understood. */
public final class WrongQueryException extends ParameterException {
    private static final long serialVersionUID = 1L;

    private final transient List<String> lines;

    WrongQueryException(CommandLine command, QueryException why) {
        super(command, why.getMessage());
        lines = why.marked();
    }

    /** Lines that show where the fault is. */
    public List<String> lines() {
        return lines;
    }
}
