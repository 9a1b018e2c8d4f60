package tickloom;

import java.math.BigDecimal;
import java.math.RoundingMode;

/** What was traded and quoted in an open window. A Flink POJO. */
public final class FlowBar {
  public String resolution;
  public long startNs;
  public long endNs;
  public long trades;
  public long quotes;
  public BigDecimal bought = BigDecimal.ZERO;
  public BigDecimal sold = BigDecimal.ZERO;
  public BigDecimal unknown = BigDecimal.ZERO;
  public Mean effective = new Mean();
  public Mean realised = new Mean();
  /** null: a size was not told. */
  public BigDecimal imbalance = BigDecimal.ZERO;

  /** Weighted by size. A Flink POJO. */
  public static final class Mean {
    public BigDecimal weighted = BigDecimal.ZERO;
    public BigDecimal size = BigDecimal.ZERO;

    void add(BigDecimal value, BigDecimal weight) {
      if (value != null) {
        weighted = weighted.add(value.multiply(weight));
        size = size.add(weight);
      }
    }

    BigDecimal value() {
      return size.signum() == 0 ? null : weighted.divide(size, Int128.SCALE, RoundingMode.HALF_EVEN);
    }
  }

  void add(QuotedTrade trade, BestQuote later) {
    BigDecimal size = trade.tick.size;
    trades++;
    if (trade.aggressor == null) {
      unknown = unknown.add(size);
    } else if (trade.aggressor.equals("buy")) {
      bought = bought.add(size);
    } else {
      sold = sold.add(size);
    }
    effective.add(trade.spread(trade.quote), size);
    realised.add(trade.spread(later), size);
  }

  void addQuote(BigDecimal flow) {
    quotes++;
    imbalance = imbalance == null || flow == null ? null : imbalance.add(flow);
  }

  boolean has(long tsEvent) {
    return startNs <= tsEvent && tsEvent < endNs;
  }
}
