package tickloom;

import java.math.BigDecimal;
import java.math.RoundingMode;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.functions.ScalarFunction;

/** SQL function: notional / volume, rounded half to even at 12 digits: the only rounding of a candle. Null of no volume. */
public final class Vwap extends ScalarFunction {
  public @DataTypeHint("DECIMAL(38, 12)") BigDecimal eval(
      byte[] notional, @DataTypeHint("DECIMAL(38, 12)") BigDecimal volume) {
    return volume.signum() == 0
        ? null : Notional.decimal(notional).divide(volume, Int128.SCALE, RoundingMode.HALF_EVEN);
  }
}
