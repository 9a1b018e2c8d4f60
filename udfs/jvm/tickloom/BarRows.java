package tickloom;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/** The rows of 'emit' = 'bars': each sets one of bar and late, with the columns of bar.avsc and late_trades.avsc. */
final class BarRows {
  static final List<String> COLUMNS = List.of("symbol", "rt", "bar", "late");

  private BarRows() {}

  static RowData bar(String symbol, BarSampler sampler, BarState bar, long millis) {
    BarSpec spec = sampler.spec;
    RowData row = GenericRowData.of(
        string(symbol), string(spec.kind()), amount(spec.size()), bar.number,
        amount(bar.open), amount(bar.high), amount(bar.low), amount(bar.close), amount(bar.volume),
        amount(bar.notional.divide(bar.volume, Int128.SCALE, RoundingMode.HALF_EVEN)), exact(bar.notional),
        amount(bar.buyVolume), bar.tradeCount, bar.buyCount, bar.sellCount, bar.duplicateCount,
        bar.firstTsEvent, bar.lastTsEvent, exact(sampler.theta(bar)), amount(bar.threshold));
    return GenericRowData.of(string(symbol), TimestampData.fromEpochMillis(millis), row, null);
  }

  static RowData late(Tick tick, String reason, long watermark) {
    long second = Math.floorDiv(tick.tsEvent, Trade.NANOS_PER_SECOND) * Trade.NANOS_PER_SECOND;
    boolean hasWatermark = Math.abs(watermark) <= Long.MAX_VALUE / 1_000_000;
    RowData row = GenericRowData.of(
        string(tick.symbol), second, string(reason), 1L, string(tick.venue), string(tick.tradeId), tick.tsEvent,
        amount(tick.price), amount(tick.size), tick.partition, tick.offset, tick.offset,
        hasWatermark ? watermark * 1_000_000 : null);
    return GenericRowData.of(string(tick.symbol), TimestampData.fromEpochMillis(tick.millis()), null, row);
  }

  private static DecimalData amount(BigDecimal value) {
    return DecimalData.fromBigDecimal(value, Int128.PRECISION, Int128.SCALE);
  }

  /** At the scale of a notional; null when it does not fit. */
  private static DecimalData exact(BigDecimal value) {
    return DecimalData.fromBigDecimal(value, Int128.PRECISION, Notional.SCALE);
  }

  private static StringData string(String text) {
    return StringData.fromString(text);
  }
}
