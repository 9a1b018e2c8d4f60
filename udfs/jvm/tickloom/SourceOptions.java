package tickloom;

import java.io.Serializable;

/**
 * What the operators behind the source need to know.
 *
 * @param boundedRun no trade is late: the watermark waits for the end of the input
 * @param stops every partition ends at a stated offset
 */
record SourceOptions(boolean ticks, boolean boundedRun, boolean stops, long outOfOrdernessMs, long idleTimeoutMs)
    implements Serializable {}
