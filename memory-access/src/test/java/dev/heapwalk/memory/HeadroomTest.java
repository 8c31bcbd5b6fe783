// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Against control groups as the kernel shows them, in a folder. */
class HeadroomTest {
    @TempDir
    Path root;

    private void file(String path, String text) throws IOException {
        Path file = root.resolve(path);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    @Test
    void theNarrowestGroupOfVersion2Counts() throws IOException {
        file("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable: 8000 kB\n");
        file("proc/7/cgroup", "0::/outer/inner\n");
        Headroom headroom = new Headroom(root, 7);
        assertThat(headroom.memory()).isEqualTo(8000 << 10);
        assertThat(headroom.processes()).isEqualTo(Long.MAX_VALUE);
        file("sys/fs/cgroup/outer/inner/memory.max", "max\n");
        file("sys/fs/cgroup/outer/inner/memory.current", "1000\n");
        file("sys/fs/cgroup/outer/memory.max", "6000\n");
        file("sys/fs/cgroup/outer/memory.current", "2000\n");
        file("sys/fs/cgroup/outer/memory.stat", "anon 1500\ninactive_file 500\n");
        assertThat(headroom.memory()).isEqualTo(4500);
        file("sys/fs/cgroup/outer/inner/memory.high", "1200\n");
        assertThat(headroom.memory()).isEqualTo(200);
        file("sys/fs/cgroup/outer/inner/memory.high", "900\n");
        assertThat(headroom.memory()).isZero();
        file("sys/fs/cgroup/outer/pids.max", "10\n");
        file("sys/fs/cgroup/outer/pids.current", "9\n");
        assertThat(headroom.processes()).isOne();
    }

    @Test
    void groupsOfVersion1Count() throws IOException {
        file("proc/meminfo", "MemAvailable: 8000 kB\n");
        file("proc/7/cgroup", "4:cpu,memory:/one/two\n3:pids:/one\n");
        file("sys/fs/cgroup/memory/one/memory.limit_in_bytes", "5000\n");
        file("sys/fs/cgroup/memory/one/memory.usage_in_bytes", "4000\n");
        file("sys/fs/cgroup/memory/one/memory.stat", "total_inactive_file 300\n");
        file("sys/fs/cgroup/pids/one/pids.max", "10\n");
        file("sys/fs/cgroup/pids/one/pids.current", "8\n");
        Headroom headroom = new Headroom(root, 7);
        assertThat(headroom.memory()).isEqualTo(1300);
        assertThat(headroom.processes()).isEqualTo(2);
    }
}
