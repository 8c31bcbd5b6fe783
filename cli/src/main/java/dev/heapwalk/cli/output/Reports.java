// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import java.util.List;

/** Several answers that were made one by one, and are closed so. */
public record Reports(List<Report> answers) implements JointReport {
    @Override
    public void close() {
        answers.forEach(Report::close);
    }
}
