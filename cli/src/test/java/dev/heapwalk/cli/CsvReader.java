// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import java.util.ArrayList;
import java.util.List;

/** Reads CSV as RFC 4180 describes it, strictly. */
public final class CsvReader {
    private CsvReader() {}

    public static List<List<String>> read(String text) {
        List<List<String>> records = new ArrayList<>();
        List<String> record = new ArrayList<>();
        int at = 0;
        while (at < text.length()) {
            StringBuilder field = new StringBuilder();
            if (text.charAt(at) == '"') {
                at++;
                while (text.charAt(at) != '"' || text.startsWith("\"\"", at)) {
                    at += text.charAt(at) == '"' ? 1 : 0;
                    field.append(text.charAt(at++));
                }
                at++;
            } else {
                while (text.charAt(at) != ',' && text.charAt(at) != '\r') {
                    if (text.charAt(at) == '"' || text.charAt(at) == '\n') {
                        throw new IllegalArgumentException("a bare quote or line feed at " + at);
                    }
                    field.append(text.charAt(at++));
                }
            }
            record.add(field.toString());
            if (text.startsWith("\r\n", at)) {
                records.add(record);
                record = new ArrayList<>();
                at += 2;
            } else if (text.charAt(at) == ',') {
                at++;
            } else {
                throw new IllegalArgumentException("neither a comma nor the end of a record at " + at);
            }
        }
        return records;
    }
}
