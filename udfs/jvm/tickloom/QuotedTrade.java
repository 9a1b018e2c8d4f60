package tickloom;

import java.math.BigDecimal;

/** A trade with the quote that was in force, waiting for the one that will be. A Flink POJO. */
public final class QuotedTrade {
  public Tick tick;
  public BestQuote quote;
  /** buy, sell, or null where nothing tells. */
  public String aggressor;
  /** What told: venue, quote or tick. */
  public String aggressorSource;
  /** When the quote that realises its spread is looked at. */
  public long dueNs;

  /** Twice the distance from the middle of a quote, in the aggressor's direction; null where one of them is not known. */
  BigDecimal spread(BestQuote from) {
    if (aggressor == null || from == null || !from.isTwoSided()) {
      return null;
    }
    BigDecimal twice = from.twiceFromMid(tick.price);
    return aggressor.equals("buy") ? twice : twice.negate();
  }
}
