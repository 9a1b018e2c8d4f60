package tickloom;

import java.math.BigDecimal;
import java.util.Comparator;

/** A venue's best bid and offer on its way to the candles of its instrument. A Flink POJO. */
public class Quote extends Message {
  static final Comparator<Quote> ORDER = Comparator.<Quote>comparingLong(quote -> quote.tsEvent)
      .thenComparingInt(quote -> quote.partition).thenComparingLong(quote -> quote.offset);

  public String venue;
  /** null: nobody buys, or nobody sells. */
  public BigDecimal bid;
  public BigDecimal ask;

  /** With what it needs while it waits among those of its key: memory is full of them. */
  Quote light() {
    key = null;
    bid = bid == null ? null : MessageFormat.amount(bid.unscaledValue());
    ask = ask == null ? null : MessageFormat.amount(ask.unscaledValue());
    return this;
  }

  long second() {
    return Math.floorDiv(tsEvent, Trade.NANOS_PER_SECOND);
  }
}
