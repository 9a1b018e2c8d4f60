package tickloom;

import java.math.BigDecimal;

/**
 * A trade on its way to the bars of its symbol, or a cancel or correction, for which the fields are those of the original.
 * A Flink POJO: its fields travel and rest by name, so that one can be added.
 */
public final class Tick {
  public String symbol;
  public String venue;
  public String tradeId;
  public Long sequence;
  public long tsEvent;
  public BigDecimal price;
  public BigDecimal size;
  public int partition;
  public long offset;
  /** buy or sell; null where the venue does not tell. */
  public String aggressor;
  /** cancel or correct; null for a trade. */
  public String change;

  static Tick of(Trade trade) {
    boolean isNew = trade.action == Trade.NEW;
    Tick tick = new Tick();
    tick.symbol = trade.text(trade.symbol);
    tick.venue = trade.text(trade.venue);
    tick.tradeId = trade.text(isNew ? trade.tradeId : trade.originalTradeId);
    tick.sequence = trade.sequenced ? trade.sequence : null;
    tick.tsEvent = isNew ? trade.tsEvent : trade.originalTsEvent;
    tick.price = trade.price.decimal();
    tick.size = trade.size.decimal();
    tick.aggressor = trade.aggressorText();
    tick.partition = trade.partition;
    tick.offset = trade.offset;
    tick.change = isNew ? null : trade.action == Trade.CANCEL ? "cancel" : "correct";
    return tick;
  }

  long millis() {
    return Math.floorDiv(tsEvent, 1_000_000L);
  }

  /** What makes two ticks of a second copies of one trade; null when nothing does. */
  String identity() {
    return tradeId == null || tradeId.isEmpty() ? null : (venue == null ? "" : venue) + '\0' + tradeId;
  }
}
