package tickloom;

import java.io.Serializable;
import java.util.List;

/**
 * The bars of 'emit' = 'bars'.
 *
 * @param spanTicks span of the means over trades
 * @param spanBars span of the means over bars
 */
record BarOptions(List<BarSpec> specs, int spanTicks, int spanBars) implements Serializable {}
