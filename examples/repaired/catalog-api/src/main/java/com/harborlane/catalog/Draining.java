package com.harborlane.catalog;

/** Whether this pod is on its way out. Set once, by the preStop hook. */
final class Draining {
    private static volatile boolean begun;

    private Draining() {}

    static void begin() {
        begun = true;
    }

    static boolean hasBegun() {
        return begun;
    }
}
