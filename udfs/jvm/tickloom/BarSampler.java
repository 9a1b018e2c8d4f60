package tickloom;

import java.math.BigDecimal;
import java.math.RoundingMode;

/**
 * Takes the trades of a symbol in order and says when a bar ends. udfs/bars.py defines the bars and the arithmetic, and
 * is what this is tested against: exact sums, quotients rounded half to even at 24 places, thresholds at 12.
 */
final class BarSampler {
  final BarSpec spec;
  private final int spanTicks;
  private final int spanBars;

  BarSampler(BarSpec spec, int spanTicks, int spanBars) {
    this.spec = spec;
    this.spanTicks = spanTicks;
    this.spanBars = spanBars;
  }

  /** Adds a trade; true when the bar ends with it. */
  boolean add(BarState bar, Tick tick) {
    sign(bar, tick.price);
    sum(bar, tick);
    if (bar.threshold == null) {
      bar.threshold = first(bar);
    }
    return bar.threshold != null && theta(bar).compareTo(bar.threshold) >= 0;
  }

  BigDecimal theta(BarState bar) {
    return switch (spec.rule()) {
      case "imbalance" -> bar.buys.subtract(bar.sells).abs();
      case "run" -> bar.buys.max(bar.sells);
      default -> spec.unit().equals("tick")
          ? BigDecimal.valueOf(bar.tradeCount)
          : spec.activity(bar.volume, bar.notional);
    };
  }

  /** Begins the next bar with what the past ones make expect. */
  void next(BarState bar) {
    bar.number++;
    if (!spec.rule().isEmpty()) {
      bar.barTrades.add(BigDecimal.valueOf(bar.tradeCount), spanBars);
      bar.buyShare.add(buyShare(bar), spanBars);
      bar.threshold = expected(bar, bar.barTrades.mean(), bar.buyShare.mean());
    }
    bar.clear();
  }

  private static void sign(BarState bar, BigDecimal price) {
    int change = bar.close == null ? 0 : price.compareTo(bar.close);
    bar.sign = change == 0 ? bar.sign : change;
    bar.close = price;
  }

  private void sum(BarState bar, Tick tick) {
    if (bar.tradeCount++ == 0) {
      bar.open = bar.high = bar.low = tick.price;
      bar.firstTsEvent = tick.tsEvent;
    }
    bar.lastTsEvent = tick.tsEvent;
    bar.high = bar.high.max(tick.price);
    bar.low = bar.low.min(tick.price);
    BigDecimal notional = tick.price.multiply(tick.size);
    bar.volume = bar.volume.add(tick.size);
    bar.notional = bar.notional.add(notional);
    BigDecimal activity = spec.activity(tick.size, notional);
    if (bar.sign > 0) {
      bar.buyCount++;
      bar.buyVolume = bar.buyVolume.add(tick.size);
      bar.buys = bar.buys.add(activity);
    } else if (bar.sign < 0) {
      bar.sellCount++;
      bar.sells = bar.sells.add(activity);
    }
    expect(bar, activity);
  }

  private void expect(BarState bar, BigDecimal activity) {
    if (spec.rule().equals("imbalance")) {
      bar.flow.add(activity.multiply(BigDecimal.valueOf(bar.sign)), spanTicks);
    } else if (spec.rule().equals("run") && bar.sign != 0) {
      (bar.sign > 0 ? bar.buy : bar.sell).add(activity, spanTicks);
    }
  }

  private BigDecimal first(BarState bar) {
    if (spec.rule().isEmpty()) {
      return spec.size();
    }
    boolean seenEnough = BigDecimal.valueOf(bar.tradeCount).compareTo(spec.size()) >= 0;
    return seenEnough ? expected(bar, spec.size(), buyShare(bar)) : null;
  }

  private BigDecimal expected(BarState bar, BigDecimal trades, BigDecimal buyShare) {
    BigDecimal bounded = trades.max(spec.least()).min(spec.most());
    BigDecimal each = bar.flow.mean().abs();
    if (spec.rule().equals("run")) {
      BigDecimal sellShare = BigDecimal.ONE.subtract(buyShare);
      each = buyShare.multiply(bar.buy.mean()).max(sellShare.multiply(bar.sell.mean()));
    }
    return bounded.multiply(each).setScale(Int128.SCALE, RoundingMode.HALF_EVEN);
  }

  private static BigDecimal buyShare(BarState bar) {
    return Ewma.quotient(BigDecimal.valueOf(bar.buyCount), BigDecimal.valueOf(bar.tradeCount));
  }
}
