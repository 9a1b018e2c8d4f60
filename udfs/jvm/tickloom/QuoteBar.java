package tickloom;

import java.math.BigDecimal;

/** The open window of a resolution: prices after each quote, and the sums of the book at its beginning. A Flink POJO. */
public final class QuoteBar {
  public long startNs;
  public long endNs;
  public Prices bid = new Prices();
  public Prices ask = new Prices();
  public Prices mid = new Prices();
  public long quotes;
  public BigDecimal area;
  public long quotedNs;
  public long lockedNs;
  public long crossedNs;

  /** Open, high, low and close; null before the first. A Flink POJO. */
  public static final class Prices {
    public BigDecimal open;
    public BigDecimal high;
    public BigDecimal low;
    public BigDecimal close;

    void add(BigDecimal price) {
      if (price == null) {
        return;
      }
      if (open == null) {
        open = high = low = price;
      }
      high = price.compareTo(high) > 0 ? price : high;
      low = price.compareTo(low) < 0 ? price : low;
      close = price;
    }
  }

  static QuoteBar of(QuoteBook book, long startNs, long endNs) {
    QuoteBar bar = new QuoteBar();
    bar.startNs = startNs;
    bar.endNs = endNs;
    bar.area = book.area;
    bar.quotedNs = book.quotedNs;
    bar.lockedNs = book.lockedNs;
    bar.crossedNs = book.crossedNs;
    return bar;
  }

  void add(BigDecimal bestBid, BigDecimal bestAsk, BigDecimal middle) {
    quotes++;
    bid.add(bestBid);
    ask.add(bestAsk);
    mid.add(middle);
  }
}
