package tickloom;

import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.eventtime.WatermarkGenerator;
import org.apache.flink.api.common.eventtime.WatermarkOutput;

/** Bounded out-of-orderness over valid trades only: a rejected record cannot move the watermark. */
final class TradeWatermarks implements WatermarkGenerator<Trade> {
  private final long outOfOrdernessMs;
  private long newestMs = Long.MIN_VALUE;

  TradeWatermarks(long outOfOrdernessMs) {
    this.outOfOrdernessMs = outOfOrdernessMs;
  }

  @Override
  public void onEvent(Trade trade, long timestamp, WatermarkOutput output) {
    if (!trade.isRejected()) {
      newestMs = Math.max(newestMs, trade.tsEvent / 1_000_000);
    }
  }

  @Override
  public void onPeriodicEmit(WatermarkOutput output) {
    if (newestMs != Long.MIN_VALUE) {
      output.emitWatermark(new Watermark(newestMs - outOfOrdernessMs - 1));
    }
  }
}
