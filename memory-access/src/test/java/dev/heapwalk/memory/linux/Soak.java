// SPDX-License-Identifier: Apache-2.0
package dev.heapwalk.memory.linux;

/** How long the long tests run. */
final class Soak {
    private Soak() {}

    /**
     * A count from the environment or from the system property of the same name.
     *
     * @param name its name
     * @param usual what it is where nothing is said
     * @return the count
     */
    static int count(String name, int usual) {
        String said = System.getProperty(name, System.getenv().getOrDefault(name, ""));
        return said.isEmpty() ? usual : Integer.parseInt(said);
    }
}
