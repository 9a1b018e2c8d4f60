package tickloom;

import static tickloom.MessageRows.amount;
import static tickloom.MessageRows.string;

import java.math.BigDecimal;
import java.math.RoundingMode;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;

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

    void add(Prices later) {
      add(later.open);
      add(later.high);
      add(later.low);
      add(later.close);
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

  /** What comes after it and within its window. */
  void add(QuoteBar later) {
    quotes += later.quotes;
    bid.add(later.bid);
    ask.add(later.ask);
    mid.add(later.mid);
  }

  /** The columns of quote_candle.avsc, with the book as it is at the end. */
  RowData row(String instrument, String resolution, QuoteBook book) {
    long quoted = book.quotedNs - quotedNs;
    return GenericRowData.of(
        string(instrument), string(resolution), startNs, endNs,
        amount(bid.open), amount(bid.high), amount(bid.low), amount(bid.close),
        amount(ask.open), amount(ask.high), amount(ask.low), amount(ask.close),
        amount(mid.open), amount(mid.high), amount(mid.low), amount(mid.close),
        quoted == 0 ? null
            : amount(book.area.subtract(area).divide(BigDecimal.valueOf(quoted), Int128.SCALE, RoundingMode.HALF_EVEN)),
        quoted, book.lockedNs - lockedNs, book.crossedNs - crossedNs, quotes, book.bids.size());
  }
}
