package tickloom;

import java.math.BigDecimal;

/** A venue's best bid and offer on its way to the candles of its instrument, or a record that is no quote. A Flink POJO. */
public final class Quote {
  public String instrument;
  public String venue;
  public long tsEvent;
  /** null: nobody buys, or nobody sells. */
  public BigDecimal bid;
  public BigDecimal ask;
  public int partition;
  public long offset;

  // of a record that is no quote; never sent on
  transient String symbol;
  transient String rule;
  transient String reason;
  transient byte[] message;
  transient int schemaId = -1;
  transient long tsKafkaMs;

  boolean isRejected() {
    return rule != null;
  }

  Quote reject(String brokenRule, String why) {
    rule = brokenRule;
    reason = why;
    return this;
  }

  long second() {
    return Math.floorDiv(tsEvent, Trade.NANOS_PER_SECOND);
  }
}
