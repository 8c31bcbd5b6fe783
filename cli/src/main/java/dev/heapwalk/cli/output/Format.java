// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.output;

/** How an answer is written. */
public enum Format {
    /** For people. */
    TABLE("table") {
        @Override
        public void print(Report report, Look look, Output out) {
            TableWriter.write(report, look, out);
        }

        @Override
        public RowWriter writer(Report report, Look look, Output out) {
            return new TableWriter(report, look, out);
        }
    },
    /** One JSON object a line. */
    JSONL("jsonl") {
        @Override
        public RowWriter writer(Report report, Look look, Output out) {
            return new JsonRows(report.columns(), look, out.json());
        }
    },
    /** Comma-separated values with a head, quoted as RFC 4180 says. */
    CSV("csv") {
        @Override
        public RowWriter writer(Report report, Look look, Output out) {
            CsvRows rows = new CsvRows(report.columns(), look, out);
            if (!look.more()) {
                rows.head();
            }
            return rows;
        }
    };

    private final String label;

    Format(String label) {
        this.label = label;
    }

    /** Writes a report whose rows are known. */
    public void print(Report report, Look look, Output out) {
        RowWriter rows = writer(report, look, out);
        report.rows(rows);
        rows.finish();
    }

    /** Writes rows as they are given; what has no row, as a total, is asked for in the end. */
    public abstract RowWriter writer(Report report, Look look, Output out);

    @Override
    public String toString() {
        return label;
    }
}
