package tickloom;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;

/**
 * Confluent-framed Avro to a Trade. Bad bytes leave a reason in the trade; nothing is thrown for them. Each writer schema
 * has a plan of its own, so records of older and newer schemas decode into the same fields.
 */
final class TradeDecoder {
  private static final int HEADER_BYTES = 5;

  private final SchemaLookup lookup;
  private final Map<Integer, TradePlan> plans = new HashMap<>();
  private int lastId = -1;
  private TradePlan lastPlan;

  TradeDecoder(SchemaLookup lookup) {
    this.lookup = lookup;
  }

  /** Decodes trade.bytes. Throws only when the registry cannot be reached. */
  void decode(Trade trade) {
    byte[] bytes = trade.bytes;
    if (bytes == null || bytes.length == 0) {
      trade.reject("empty", "the message is empty");
    } else if (bytes[0] != 0) {
      trade.reject("magic", "the first byte is " + (bytes[0] & 0xff) + ", Confluent framing starts with 0");
    } else if (bytes.length < HEADER_BYTES) {
      trade.reject("truncated", "the message ends inside its schema id");
    } else {
      trade.schemaId = (bytes[1] & 0xff) << 24 | (bytes[2] & 0xff) << 16 | (bytes[3] & 0xff) << 8 | bytes[4] & 0xff;
      decodeBody(trade);
    }
  }

  private void decodeBody(Trade trade) {
    if (trade.schemaId != lastId) {
      lastPlan = plan(trade.schemaId);
      lastId = lastPlan == null ? -1 : trade.schemaId;
    }
    if (lastPlan == null) {
      trade.reject("schema_id", "schema id " + trade.schemaId + " is not an Avro schema of the registry");
    } else {
      lastPlan.decode(trade, HEADER_BYTES);
    }
  }

  private TradePlan plan(int id) {
    TradePlan plan = plans.get(id);
    if (plan == null) {
      Schema writer = lookup.find(id);
      if (writer == null) {
        return null;
      }
      plan = new TradePlan(writer);
      plans.put(id, plan);
    }
    return plan;
  }
}
