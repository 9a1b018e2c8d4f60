package tickloom;

import java.math.BigDecimal;
import java.util.HashMap;
import java.util.Map;

/**
 * What every venue quotes for an instrument at an instant, and how long its best bid and offer were how far apart since it
 * was first quoted. A window's share is the difference between its end and its beginning. A Flink POJO.
 */
public final class QuoteBook {
  /** By venue; null for a side that it does not quote. */
  public Map<String, BigDecimal> bids = new HashMap<>();
  public Map<String, BigDecimal> asks = new HashMap<>();
  /** Until when the sums below go; 0 before the first quote. */
  public long atNs;
  /** Spread × nanoseconds. */
  public BigDecimal area = BigDecimal.ZERO;
  public long quotedNs;
  public long lockedNs;
  public long crossedNs;
  /** The open windows, by resolution. */
  public Map<String, QuoteBar> bars = new HashMap<>();

  public Interest interest = new Interest();

  private transient boolean isKnown;
  private transient BigDecimal bestBid;
  private transient BigDecimal bestAsk;

  void take(Quote quote) {
    bids.put(quote.venue, quote.bid);
    asks.put(quote.venue, quote.ask);
    isKnown = false;
  }

  BigDecimal bid() {
    know();
    return bestBid;
  }

  BigDecimal ask() {
    know();
    return bestAsk;
  }

  private void know() {
    if (isKnown) {
      return;
    }
    bestBid = null;
    bestAsk = null;
    for (BigDecimal bid : bids.values()) {
      bestBid = bid != null && (bestBid == null || bid.compareTo(bestBid) > 0) ? bid : bestBid;
    }
    for (BigDecimal ask : asks.values()) {
      bestAsk = ask != null && (bestAsk == null || ask.compareTo(bestAsk) < 0) ? ask : bestAsk;
    }
    isKnown = true;
  }

  /** What holds goes on to hold until then. */
  void advance(long untilNs) {
    long length = untilNs - atNs;
    if (length <= 0) {
      return;
    }
    if (bid() != null && ask() != null) {
      BigDecimal spread = ask().subtract(bid());
      area = area.add(spread.multiply(BigDecimal.valueOf(length)));
      quotedNs += length;
      lockedNs += spread.signum() == 0 ? length : 0;
      crossedNs += spread.signum() < 0 ? length : 0;
    }
    atNs = untilNs;
  }
}
