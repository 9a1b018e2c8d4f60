package tickloom;

import java.math.BigDecimal;
import java.math.RoundingMode;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.functions.ScalarFunction;

/**
 * SQL function: price * size * multiplier, rounded half to even at 12 digits. SQL's own product would round twice, at 6
 * digits. Null without a multiplier, or when it has more than 38 digits.
 */
public final class ContractNotional extends ScalarFunction {
  public @DataTypeHint("DECIMAL(38, 12)") BigDecimal eval(
      @DataTypeHint("DECIMAL(38, 12)") BigDecimal price,
      @DataTypeHint("DECIMAL(38, 12)") BigDecimal size,
      @DataTypeHint("DECIMAL(38, 12)") BigDecimal multiplier) {
    if (multiplier == null) return null;
    BigDecimal product = price.multiply(size).multiply(multiplier).setScale(Int128.SCALE, RoundingMode.HALF_EVEN);
    return product.precision() <= Int128.PRECISION ? product : null;
  }
}
