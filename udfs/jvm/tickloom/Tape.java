package tickloom;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What is known of a symbol at an instant: its quotes, its last price, and what is not told yet. A Flink POJO. */
public final class Tape {
  public Map<String, SizedQuote> quotes = new HashMap<>();
  /** null before the first quote. */
  public BestQuote best;
  public BigDecimal lastPrice;
  /** The direction of the last change of price; 0 before the first. */
  public int direction;
  /** In the order of their events. */
  public List<QuotedTrade> waiting = new ArrayList<>();
  /** The open windows. */
  public List<FlowBar> bars = new ArrayList<>();
  public Interest interest = new Interest();

  /** What the quote adds to the order flow imbalance; null where that is not known. */
  BigDecimal take(SizedQuote quote) {
    quotes.put(quote.venue, quote);
    BestQuote before = best == null ? new BestQuote() : best;
    BestQuote after = BestQuote.of(quotes.values(), quote.tsEvent);
    if (best != null && before.equalsBut(after)) {
      return BigDecimal.ZERO;
    }
    best = after;
    return before.sinceNs == 0 ? BigDecimal.ZERO : BestQuote.flow(before, after); // the first is no flow
  }

  /** The trade with the quote before it, and who took: by the venue, else by Lee and Ready (1991). */
  QuotedTrade take(Tick tick, long dueNs) {
    QuotedTrade trade = new QuotedTrade();
    trade.tick = tick;
    trade.quote = best;
    trade.dueNs = dueNs;
    int change = lastPrice == null ? 0 : tick.price.compareTo(lastPrice);
    direction = change == 0 ? direction : change;
    lastPrice = tick.price;
    int side = best != null && best.isTwoSided() ? best.twiceFromMid(tick.price).signum() : 0;
    if (tick.aggressor != null) {
      trade.aggressor = tick.aggressor;
      trade.aggressorSource = "venue";
    } else if (side != 0 || direction != 0) {
      trade.aggressor = (side != 0 ? side : direction) > 0 ? "buy" : "sell";
      trade.aggressorSource = side != 0 ? "quote" : "tick";
    }
    waiting.add(trade);
    return trade;
  }
}
