package tickloom;

import java.math.BigDecimal;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.functions.ScalarFunction;

/** SQL function: the notional as a decimal(38, 24), or null when it has more digits. */
public final class ExactNotional extends ScalarFunction {
  public @DataTypeHint("DECIMAL(38, 24)") BigDecimal eval(byte[] notional) {
    BigDecimal exact = Notional.decimal(notional);
    return exact.precision() <= Int128.PRECISION ? exact : null;
  }
}
