package tickloom;

import java.math.BigDecimal;

/** A quote with the units at its prices. A Flink POJO. */
public final class SizedQuote extends Quote {
  /** null: not told. */
  public BigDecimal bidSize;
  public BigDecimal askSize;
}
