package tickloom;

import java.math.BigDecimal;
import java.math.RoundingMode;

/** Exponentially weighted mean: weights (1 - a)^i with a = 2 / (span + 1), normalised from the first value on. */
public final class Ewma {
  static final int SCALE = 24;

  public BigDecimal total = BigDecimal.ZERO;
  public BigDecimal weight = BigDecimal.ZERO;

  void add(BigDecimal value, int span) {
    total = decayed(total, span).add(value);
    weight = decayed(weight, span).add(BigDecimal.ONE);
  }

  BigDecimal mean() {
    return weight.signum() == 0 ? BigDecimal.ZERO : quotient(total, weight);
  }

  private static BigDecimal decayed(BigDecimal sum, int span) {
    return quotient(sum.multiply(BigDecimal.valueOf(span - 1L)), BigDecimal.valueOf(span + 1L));
  }

  static BigDecimal quotient(BigDecimal dividend, BigDecimal divisor) {
    return dividend.divide(divisor, SCALE, RoundingMode.HALF_EVEN);
  }
}
