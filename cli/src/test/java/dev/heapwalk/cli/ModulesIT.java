// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleFinder;
import java.lang.module.ModuleReference;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Which module stands on which, as the packaged jars say. */
final class ModulesIT {

    @Test
    void noModelStandsOnAnother() throws IOException {
        Map<String, Set<String>> requires = new TreeMap<>();
        for (ModuleReference module :
                ModuleFinder.of(Jars.all().toArray(Path[]::new)).findAll()) {
            ModuleDescriptor descriptor = module.descriptor();
            requires.put(
                    descriptor.name(),
                    descriptor.requires().stream()
                            .map(ModuleDescriptor.Requires::name)
                            .filter(name -> name.startsWith("dev.heapwalk."))
                            .collect(Collectors.toSet()));
        }
        assertThat(requires)
                .containsEntry("dev.heapwalk.memory", Set.of())
                .containsEntry("dev.heapwalk.heap", Set.of("dev.heapwalk.memory"))
                .containsEntry("dev.heapwalk.graph", Set.of("dev.heapwalk.heap"))
                .containsEntry("dev.heapwalk.malloc", Set.of("dev.heapwalk.heap"))
                .containsEntry("dev.heapwalk.allocators", Set.of("dev.heapwalk.heap"))
                .containsEntry("dev.heapwalk.natives", Set.of("dev.heapwalk.heap"))
                .containsEntry("dev.heapwalk.ruby", Set.of("dev.heapwalk.heap"))
                .containsEntry("dev.heapwalk.python", Set.of("dev.heapwalk.heap"))
                .containsEntry(
                        "dev.heapwalk.cli",
                        Set.of("dev.heapwalk.graph", "dev.heapwalk.heap", "dev.heapwalk.python", "dev.heapwalk.ruby"));
    }
}
