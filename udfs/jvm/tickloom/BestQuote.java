package tickloom;

import java.math.BigDecimal;

/** The best bid and ask of a symbol's venues, and the units that they bid and ask for at these prices. A Flink POJO. */
public final class BestQuote {
  /** null: nobody buys, or nobody sells. */
  public BigDecimal bid;
  public BigDecimal ask;
  /** null: not told. */
  public BigDecimal bidSize;
  public BigDecimal askSize;
  /** Since when. */
  public long sinceNs;

  static BestQuote of(Iterable<SizedQuote> quotes, long sinceNs) {
    BestQuote best = new BestQuote();
    best.sinceNs = sinceNs;
    for (SizedQuote each : quotes) {
      if (each.bid != null && (best.bid == null || each.bid.compareTo(best.bid) > 0)) {
        best.bid = each.bid;
      }
      if (each.ask != null && (best.ask == null || each.ask.compareTo(best.ask) < 0)) {
        best.ask = each.ask;
      }
    }
    for (SizedQuote each : quotes) {
      best.bidSize = isAt(each.bid, best.bid) ? sum(best.bidSize, each.bidSize) : best.bidSize;
      best.askSize = isAt(each.ask, best.ask) ? sum(best.askSize, each.askSize) : best.askSize;
    }
    return best;
  }

  boolean isTwoSided() {
    return bid != null && ask != null;
  }

  /** Twice the distance from the middle: exact, also where the middle is not. */
  BigDecimal twiceFromMid(BigDecimal price) {
    return price.add(price).subtract(bid).subtract(ask);
  }

  boolean equalsBut(BestQuote other) {
    return same(bid, other.bid) && same(ask, other.ask) && same(bidSize, other.bidSize) && same(askSize, other.askSize);
  }

  /**
   * What the change from one to the other adds to the order flow imbalance: Cont, Kukanov and Stoikov, "The Price Impact of
   * Order Book Events" (2014), equation 2. A side that is not there has no units at the worst of prices. null: a size is not
   * told.
   */
  static BigDecimal flow(BestQuote before, BestQuote after) {
    BigDecimal bids = side(before.bid, before.bidSize, after.bid, after.bidSize, 1);
    BigDecimal asks = side(before.ask, before.askSize, after.ask, after.askSize, -1);
    return bids == null || asks == null ? null : bids.subtract(asks);
  }

  /** `up` is the direction in which a price of the side is better. */
  private static BigDecimal side(BigDecimal price, BigDecimal size, BigDecimal next, BigDecimal nextSize, int up) {
    int better = next == null ? price == null ? 0 : -1 : price == null ? 1 : up * next.compareTo(price);
    BigDecimal came = next == null || better < 0 ? BigDecimal.ZERO : nextSize;
    BigDecimal went = price == null || better > 0 ? BigDecimal.ZERO : size;
    return came == null || went == null ? null : came.subtract(went);
  }

  private static boolean isAt(BigDecimal price, BigDecimal best) {
    return price != null && price.compareTo(best) == 0;
  }

  private static BigDecimal sum(BigDecimal one, BigDecimal other) {
    return one == null ? other : other == null ? one : one.add(other);
  }

  private static boolean same(BigDecimal one, BigDecimal other) {
    return one == null ? other == null : other != null && one.compareTo(other) == 0;
  }
}
