// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.benchmarks;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.TreeMap;

/**
 * Figures as they are kept, in JSON: medians, of the turns and over the JVMs.
 *
 * @param results of measurements in turns, by name
 * @param commands of whole commands, by name
 */
record Results(TreeMap<String, Result> results, TreeMap<String, Command> commands) {
    private static final ObjectMapper JSON = new ObjectMapper()
            .enable(SerializationFeature.INDENT_OUTPUT)
            .setDefaultPropertyInclusion(JsonInclude.Include.NON_NULL);

    /**
     * Where and when something was measured.
     *
     * @param machine what it was measured on
     * @param commit what was built
     * @param date the day, as ISO writes it
     * @param load the load average of the minute before all that was measured in the same run
     */
    record Circumstances(String machine, String commit, String date, double load) {}

    /**
     * One measurement in turns.
     *
     * @param measurement the figures
     * @param circumstances where and when
     */
    record Result(Measurement measurement, Circumstances circumstances) {}

    /**
     * One whole command, several runs, each in a JVM of its own.
     *
     * @param runs how many
     * @param wallSeconds by the clock, the median
     * @param shortestSeconds by the clock, of the shortest run
     * @param longestSeconds by the clock, of the longest run
     * @param cpuSeconds of all processors, the median
     * @param peakMegabytes of resident memory, the median of the peaks
     * @param circumstances where and when
     */
    record Command(
            int runs,
            double wallSeconds,
            double shortestSeconds,
            double longestSeconds,
            double cpuSeconds,
            double peakMegabytes,
            Circumstances circumstances) {}

    static Results none() {
        return new Results(new TreeMap<>(), new TreeMap<>());
    }

    static Results read(Path file) throws IOException {
        return Files.exists(file) ? JSON.readValue(file.toFile(), Results.class) : none();
    }

    /** Writes them in place of what the file holds, so that it holds these or those at any time. */
    void write(Path file) throws IOException {
        Path folder = Files.createDirectories(file.toAbsolutePath().getParent());
        Path next = folder.resolve(file.getFileName() + ".new");
        Files.writeString(next, JSON.writeValueAsString(this) + "\n");
        Files.move(next, file, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Takes over what others hold, in place of what is held here under the same name. */
    void take(Results others) {
        results.putAll(others.results);
        commands.putAll(others.commands);
    }

    static String text(Measurement measurement) throws IOException {
        return JSON.writer().without(SerializationFeature.INDENT_OUTPUT).writeValueAsString(measurement);
    }

    static Measurement measurement(String text) throws IOException {
        return JSON.readValue(text, Measurement.class);
    }

    /** Ratios and figures have no more digits than they have meaning. */
    static double rounded(double value) {
        if (value == 0 || !Double.isFinite(value)) {
            return value;
        }
        double scale = Math.pow(10, 3 - Math.floor(Math.log10(Math.abs(value))));
        return Math.round(value * scale) / scale;
    }
}
