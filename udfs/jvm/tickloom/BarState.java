package tickloom;

import java.math.BigDecimal;

/** The open bar of a symbol and what is expected of it. A Flink POJO: a field can be added. */
public final class BarState {
  public long number;
  public BigDecimal threshold; // null until the first trades say what to expect
  public int sign;
  public BigDecimal close; // also while no trade is in the bar: the tick rule looks back
  public Ewma barTrades = new Ewma();
  public Ewma buyShare = new Ewma();
  public Ewma flow = new Ewma();
  public Ewma buy = new Ewma();
  public Ewma sell = new Ewma();

  public BigDecimal open;
  public BigDecimal high;
  public BigDecimal low;
  public BigDecimal volume;
  public BigDecimal notional;
  public BigDecimal buyVolume;
  public BigDecimal buys; // what this kind adds up, of trades with sign +1
  public BigDecimal sells;
  public long tradeCount;
  public long buyCount;
  public long sellCount;
  public long duplicateCount;
  public long firstTsEvent;
  public long lastTsEvent;

  public BarState() {
    clear();
  }

  /** Begins the next bar. */
  void clear() {
    open = high = low = null;
    volume = notional = buyVolume = buys = sells = BigDecimal.ZERO;
    tradeCount = buyCount = sellCount = duplicateCount = 0;
  }
}
