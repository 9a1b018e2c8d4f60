package tickloom;

import java.time.Duration;
import org.apache.flink.api.common.eventtime.SerializableTimestampAssigner;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;

/** Bounded out-of-orderness over valid records only: one without a time, as a rejected one is, cannot move the watermark. */
final class Watermarks<T> implements WatermarkGenerator<T> {
  /** The timestamp of what is rejected. */
  static final long NONE = Long.MIN_VALUE;

  private final long outOfOrdernessMs;
  private long newestMs = NONE;

  private Watermarks(long outOfOrdernessMs) {
    this.outOfOrdernessMs = outOfOrdernessMs;
  }

  /** Without an idle time-out a partition that has ended counts as infinitely far: were the others idle, all would be late. */
  static <T> WatermarkStrategy<T> behind(long outOfOrdernessMs, Duration idleTimeout, SerializableTimestampAssigner<T> millis) {
    WatermarkStrategy<T> strategy = WatermarkStrategy
        .<T>forGenerator(context -> new Watermarks<>(outOfOrdernessMs)).withTimestampAssigner(millis);
    return idleTimeout == null ? strategy : strategy.withIdleness(idleTimeout);
  }

  static WatermarkStrategy<Trade> ofTrades(long outOfOrdernessMs, Duration idleTimeout) {
    return behind(outOfOrdernessMs, idleTimeout,
        (trade, timestamp) -> trade.isRejected() ? NONE : trade.tsEvent / 1_000_000);
  }

  @Override
  public void onEvent(T event, long millis, WatermarkOutput output) {
    newestMs = Math.max(newestMs, millis);
  }

  @Override
  public void onPeriodicEmit(WatermarkOutput output) {
    if (newestMs != NONE) {
      output.emitWatermark(new Watermark(newestMs - outOfOrdernessMs - 1));
    }
  }
}
