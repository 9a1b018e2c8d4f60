package tickloom;

import java.io.Serializable;

/** What the operators behind the source need to know. */
record SourceOptions(boolean ticks, boolean boundedRun, long outOfOrdernessMs, long idleTimeoutMs) implements Serializable {}
