package tickloom;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.List;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/** The rows of the `tickloom-quotes` connector: each sets one of candle and rejected. */
final class QuoteRows {
  static final List<String> COLUMNS = List.of("symbol", "rt", "candle", "rejected");

  private QuoteRows() {}

  static RowData candle(String instrument, String resolution, QuoteBar bar, QuoteBook book) {
    long quoted = book.quotedNs - bar.quotedNs;
    RowData row = GenericRowData.of(
        string(instrument), string(resolution), bar.startNs, bar.endNs,
        amount(bar.bid.open), amount(bar.bid.high), amount(bar.bid.low), amount(bar.bid.close),
        amount(bar.ask.open), amount(bar.ask.high), amount(bar.ask.low), amount(bar.ask.close),
        amount(bar.mid.open), amount(bar.mid.high), amount(bar.mid.low), amount(bar.mid.close),
        quoted == 0 ? null : amount(
            book.area.subtract(bar.area).divide(BigDecimal.valueOf(quoted), Int128.SCALE, RoundingMode.HALF_EVEN)),
        quoted, book.lockedNs - bar.lockedNs, book.crossedNs - bar.crossedNs, bar.quotes, book.bids.size());
    return GenericRowData.of(string(instrument), time(bar.endNs / 1_000_000 - 1), row, null);
  }

  /** A record that is no quote: the columns of rejected_trade.avsc. */
  static RowData rejected(Quote quote, String topic) {
    return row(quote, quote.message, quote.rule, quote.reason, topic);
  }

  static RowData late(Quote quote, String topic) {
    return row(quote, null, "late", "its second is in candles already", topic);
  }

  private static RowData row(Quote quote, byte[] message, String rule, String reason, String topic) {
    RowData row = GenericRowData.of(
        message, string(rule), string(reason), string(topic), quote.partition, quote.offset,
        quote.schemaId < 0 ? null : quote.schemaId, quote.tsKafkaMs < 0 ? null : quote.tsKafkaMs * 1_000_000,
        string("reject"), string(quote.symbol == null ? quote.instrument : quote.symbol));
    return GenericRowData.of(null, time(Math.max(quote.tsKafkaMs, 0)), null, row);
  }

  private static DecimalData amount(BigDecimal value) {
    return value == null ? null : DecimalData.fromBigDecimal(value, Int128.PRECISION, Int128.SCALE);
  }

  private static StringData string(String text) {
    return StringData.fromString(text);
  }

  private static TimestampData time(long millis) {
    return TimestampData.fromEpochMillis(millis);
  }
}
