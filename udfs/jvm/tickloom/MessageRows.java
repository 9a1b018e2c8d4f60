package tickloom;

import java.math.BigDecimal;
import java.util.List;
import org.apache.flink.table.data.DecimalData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/** The rows of the connectors of messages: each sets one of what was made, under a name of its own, and rejected. */
final class MessageRows {
  private MessageRows() {}

  static List<String> columns(String made) {
    return List.of("symbol", "rt", made, "rejected");
  }

  /** Of a window of the key that ends then. */
  static RowData made(String key, long endNs, RowData row) {
    return GenericRowData.of(string(key), time(endNs / 1_000_000 - 1), row, null);
  }

  /** A record that says nothing. */
  static RowData rejected(Message message, String topic) {
    return rejected(message, reason(message, message.message, message.rule, message.reason, topic));
  }

  /** One that was understood and cannot be taken; its bytes are where it came from. */
  static RowData refused(Message message, String rule, String reason, String topic) {
    return rejected(message, reason(message, null, rule, reason, topic));
  }

  /** The columns of rejected_trade.avsc. */
  static RowData reason(Message from, byte[] bytes, String rule, String reason, String topic) {
    return GenericRowData.of(
        bytes, string(rule), string(reason), string(topic), from.partition, from.offset,
        from.schemaId < 0 ? null : from.schemaId, from.tsKafkaMs <= 0 ? null : from.tsKafkaMs * 1_000_000,
        string("reject"), string(from.symbol == null ? from.key : from.symbol));
  }

  private static RowData rejected(Message from, RowData row) {
    return GenericRowData.of(null, time(Math.max(from.tsKafkaMs, 0)), null, row);
  }

  static DecimalData amount(BigDecimal value) {
    return value == null ? null : DecimalData.fromBigDecimal(value, Int128.PRECISION, Int128.SCALE);
  }

  static StringData string(String text) {
    return StringData.fromString(text);
  }

  private static TimestampData time(long millis) {
    return TimestampData.fromEpochMillis(millis);
  }
}
