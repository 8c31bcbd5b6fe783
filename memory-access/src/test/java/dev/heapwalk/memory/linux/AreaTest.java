// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import dev.heapwalk.memory.Target;
import dev.heapwalk.testkit.Cores;
import dev.heapwalk.testkit.Release;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** Tests of one program, started for each, that maps an area and begins by printing its address. */
abstract class AreaTest {
    private final String name;
    private final String source;

    CTarget program;
    /** Target address of the area. */
    long area;

    @TempDir
    Path folder;

    AreaTest(String name, String source) {
        this.name = name;
        this.source = source;
    }

    @BeforeEach
    final void start() throws IOException {
        program = CTarget.start(name, source);
        area = program.hex();
    }

    @AfterEach
    final void end() throws IOException {
        program.close();
    }

    /** Opens a core of the program, or the program as it runs. */
    final Target open(String way) throws Exception {
        return way.equals("core")
                ? Target.core(Cores.gcore(Release.HOST, program.pid(), folder))
                : Target.observe(program.pid());
    }
}
