package tickloom;

import java.io.Serializable;

/**
 * What the operators behind the source need to know.
 *
 * @param boundedRun no trade is late: the watermark waits for the end of the input
 * @param stops every partition ends at a stated offset
 * @param bars those of 'emit' = 'bars'
 * @param numbered the venues whose runs 'emit' = 'runs' tells
 */
record SourceOptions(
    TickloomTableFactory.Emit emit, boolean boundedRun, boolean stops, long outOfOrdernessMs, long idleTimeoutMs,
    BarOptions bars, Conditions conditions, Wildcards numbered) implements Serializable {}
