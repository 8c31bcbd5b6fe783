// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli.command;

import dev.heapwalk.cli.output.StandardOutput;
import dev.heapwalk.text.JsonLines;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** What {@code heapwalk watch} writes for programs: a JSON object a look, on a line of its own. */
final class WatchLines {
    private final JsonLines out = new JsonLines(new StandardOutput());

    void write(Watched seen, long leftOutBytes) {
        out.raw(JsonLines.ascii("{\"look\":"));
        out.decimal(seen.looks());
        out.raw(JsonLines.ascii(",\"time\":"));
        out.harmless(Instant.now().toString());
        out.raw(JsonLines.ascii(",\"seconds\":"));
        out.exact(Math.round(seen.minutes() * 60_000) / 1e3);
        trend("resident", seen.resident().bytes());
        trend("used", seen.used().bytes());
        number("left_out_bytes", leftOutBytes);
        list("categories", seen.categories(), category -> {
            text("{\"domain\":", category.domain().label());
            text(",\"kind\":", category.kind());
            text(",\"detail\":", category.detail());
        });
        list("sizes", seen.sizes(), size -> {
            out.raw(JsonLines.ascii("{\"size\":"));
            out.decimal(size);
        });
        out.raw('}');
        out.newline();
        out.flush();
    }

    private <K> void list(String name, List<Map.Entry<K, Watched.Amount>> list, Consumer<K> key) {
        out.raw(JsonLines.ascii(",\"" + name + "\":["));
        boolean more = false;
        for (Map.Entry<K, Watched.Amount> entry : list) {
            if (more) {
                out.raw(',');
            }
            key.accept(entry.getKey());
            number("count", entry.getValue().count());
            trend("", entry.getValue().bytes());
            out.raw('}');
            more = true;
        }
        out.raw(']');
    }

    private void trend(String name, Trend trend) {
        String begin = name.isEmpty() ? "" : name + "_";
        number(begin + "bytes", trend.now());
        number(begin + "since_start", trend.sinceStart());
        number(begin + "since_last", trend.sinceLast());
        number(begin + "per_minute", Math.round(trend.perMinute()));
        if (Double.isFinite(trend.error())) {
            number(begin + "error", Math.round(trend.error()));
        } else {
            out.raw(JsonLines.ascii(",\"" + begin + "error\":null"));
        }
        text(",\"" + begin + "trend\":", trend.direction().toString());
    }

    private void number(String name, long value) {
        out.raw(JsonLines.ascii(",\"" + name + "\":"));
        out.decimal(value);
    }

    private void text(String before, String value) {
        out.raw(JsonLines.ascii(before));
        out.harmless(value);
    }
}
