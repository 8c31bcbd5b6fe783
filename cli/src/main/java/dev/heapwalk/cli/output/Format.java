// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

import dev.heapwalk.text.JsonLines;

/** How an answer is written. */
public enum Format {
    /** For people. */
    TABLE("table") {
        @Override
        public void print(Report report, Output out) {
            TableRows.Widths widths = new TableRows.Widths(report.columns());
            report.rows(widths);
            if (report.totalled()) {
                widths.totalFollows();
                report.total(widths);
                widths.end();
            }
            TableRows table = new TableRows(report.columns(), widths, out);
            table.head();
            report.rows(table);
            if (report.totalled()) {
                table.totalFollows();
                report.total(table);
                table.end();
            }
        }
    },
    /** One JSON object a line. */
    JSONL("jsonl") {
        @Override
        public void print(Report report, Output out) {
            JsonLines json = out.json();
            report.rows(new JsonRows(report.columns(), json));
            json.flush();
        }
    },
    /** Comma-separated values with a head, quoted as RFC 4180 says. */
    CSV("csv") {
        @Override
        public void print(Report report, Output out) {
            CsvRows rows = new CsvRows(out);
            rows.head(report.columns());
            report.rows(rows);
        }
    };

    private final String label;

    Format(String label) {
        this.label = label;
    }

    public abstract void print(Report report, Output out);

    @Override
    public String toString() {
        return label;
    }
}
