// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.heapwalk.memory.Mapping;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Which mappings are not looked at for a copy. */
class CopyPlanTest {
    @ParameterizedTest
    @CsvSource({
        "/dev/mem, true",
        "/dev/dri/card0, true",
        "/sys/devices/pci0000:00/0000:00:02.0/resource0, true",
        "/proc/bus/pci/00/02.0, true",
        "/dev/shm/queue, false",
        "/dev/zero (deleted), false",
        "/dev/hugepages/buffer, false",
        "/memfd:name (deleted), false",
        "/usr/lib/x86_64-linux-gnu/libc.so.6, false",
        "/home/dev/file, false",
        "'', false"
    })
    void registersOfDevicesAreNotRead(String path, boolean left) {
        Mapping mapping = new Mapping(4096, 8192, true, true, false, true, 0, path);
        assertThat(mapping.ofDriver()).isEqualTo(left);
    }
}
