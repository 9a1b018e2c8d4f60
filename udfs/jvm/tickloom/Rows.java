package tickloom;

import java.util.Arrays;
import java.util.List;
import org.apache.flink.table.data.ArrayData;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/** The rows of the connector's tables. Columns are in the order of the schemas they are generated from. */
final class Rows {
  /** 'emit' = 'candles': exactly one of the last three is set. */
  static final List<String> CANDLE_COLUMNS = List.of("symbol", "rt", "candle", "rejected", "late");

  /** 'emit' = 'ticks'. */
  static final List<String> TICK_COLUMNS = List.of(
      "rt", "partition", "offset", "symbol", "venue", "trade_id", "sequence", "ts_event", "ts_recv", "price", "size",
      "conditions", "action", "original_trade_id", "original_ts_event", "aggressor");

  /** A rejected record carries its message and why; together they must stay below Kafka's usual limit of 1 MiB. */
  private static final int REJECTED_BYTES_MAX = 1_000_000;

  private static final StringData[] ACTIONS = {
    StringData.fromString("new"), StringData.fromString("cancel"), StringData.fromString("correct")};

  private Rows() {}

  static long lastMilli(long second) {
    return second * 1000 + 999;
  }

  static RowData candle(String symbol, long second, Accumulator accumulator) {
    return GenericRowData.of(string(symbol), time(lastMilli(second)), accumulator.toRow(true), null, null);
  }

  /** A rejected record or a flagged trade. */
  static RowData rejected(Trade trade) {
    return GenericRowData.of(null, time(Math.max(trade.tsKafkaMs, 0)), null, reason(trade), null);
  }

  /** The columns of rejected_trade.avsc. */
  static RowData reason(Trade trade) {
    byte[] value = trade.message;
    String reason = trade.reason;
    if (value != null && value.length > REJECTED_BYTES_MAX) {
      value = Arrays.copyOf(value, REJECTED_BYTES_MAX);
      reason += "; of its " + trade.message.length + " bytes the first " + REJECTED_BYTES_MAX + " are kept";
    }
    return GenericRowData.of(
        value, string(trade.rule), string(reason), string(trade.topic), trade.partition, trade.offset,
        trade.schemaId < 0 ? null : trade.schemaId, present(trade.tsKafka()),
        string(trade.isRejected() ? "reject" : "flag"), string(trade.symbolIfAny()));
  }

  /** A late trade that the fold saw: the columns of late_trades.avsc. */
  static RowData late(Trade trade, long watermark) {
    return late(trade, trade.tsEvent, "late", trade.tradeId, watermark);
  }

  /** A cancel or correction: it names the original's id and time. */
  static RowData change(Trade trade, long watermark) {
    return late(trade, trade.originalTsEvent, ACTIONS[trade.action].toString(), trade.originalTradeId, watermark);
  }

  private static RowData late(Trade trade, long tsEvent, String reason, Trade.Text id, long watermark) {
    long second = Math.floorDiv(tsEvent, Trade.NANOS_PER_SECOND);
    return late(second, GenericRowData.of(
        string(trade.text(trade.symbol)), second * Trade.NANOS_PER_SECOND, string(reason), 1L,
        string(trade.text(trade.venue)), string(trade.text(id)), tsEvent, trade.price.toData(), trade.size.toData(),
        trade.partition, trade.offset, trade.offset, nanos(watermark)));
  }

  /** Trades that only the merge knows to be late: their number and where they stand. A partial has one partition. */
  static RowData late(String symbol, long second, Accumulator partial, long watermark) {
    Sources sources = partial.sources;
    return late(second, GenericRowData.of(
        string(symbol), second * Trade.NANOS_PER_SECOND, string("late"), partial.tradeCount + partial.duplicateCount,
        null, null, null, null, null, sources.partition(), sources.first(), sources.last(), nanos(watermark)));
  }

  /** A second whose trades came from several partitions: it may hold copies that nothing has compared. */
  static RowData partitions(String symbol, long second, long watermark) {
    return late(second, GenericRowData.of(
        string(symbol), second * Trade.NANOS_PER_SECOND, string("partitions"), 0L,
        null, null, null, null, null, null, null, null, nanos(watermark)));
  }

  private static RowData late(long second, RowData late) {
    return GenericRowData.of(null, time(lastMilli(second)), null, null, late);
  }

  /** Milliseconds to nanoseconds; null for a watermark that is none: before the first, or after the last. */
  private static Long nanos(long watermark) {
    return Math.abs(watermark) > Long.MAX_VALUE / 1_000_000 ? null : watermark * 1_000_000;
  }

  static RowData tick(Trade trade) {
    return GenericRowData.of(
        time(trade.tsEvent / 1_000_000), trade.partition, trade.offset, string(trade.text(trade.symbol)),
        string(trade.text(trade.venue)), string(trade.text(trade.tradeId)), trade.sequenced ? trade.sequence : null,
        trade.tsEvent, present(trade.tsRecv), trade.price.toData(), trade.size.toData(), strings(trade.conditions),
        ACTIONS[trade.action], string(trade.text(trade.originalTradeId)), present(trade.originalTsEvent),
        string(trade.aggressorText()));
  }

  private static StringData string(String text) {
    return StringData.fromString(text);
  }

  private static ArrayData strings(String[] texts) {
    Object[] strings = new Object[texts == null ? 0 : texts.length];
    for (int i = 0; i < strings.length; i++) {
      strings[i] = string(texts[i]);
    }
    return new GenericArrayData(strings);
  }

  private static TimestampData time(long millis) {
    return TimestampData.fromEpochMillis(millis);
  }

  private static Long present(long value) {
    return value == Trade.ABSENT ? null : value;
  }
}
