package tickloom;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** The exact sum of price * size (scale 24): 128 bits while they suffice, any size beyond. */
final class Notional {
  static final int SCALE = 2 * Int128.SCALE;

  private final Int128 sum = new Int128();
  private BigInteger rest = BigInteger.ZERO;

  void add(Int128 price, Int128 size) {
    if (price.fitsLong() && size.fitsLong()) {
      add(Math.multiplyHigh(price.lo, size.lo), price.lo * size.lo);
    } else {
      rest = rest.add(price.big().multiply(size.big()));
    }
  }

  void add(Notional other) {
    add(other.sum.hi, other.sum.lo);
    rest = rest.add(other.rest);
  }

  private void add(long high, long low) {
    if (!sum.add(high, low)) {
      rest = rest.add(sum.big());
      sum.hi = high;
      sum.lo = low;
    }
  }

  BigInteger unscaled() {
    return rest.add(sum.big());
  }

  static BigDecimal decimal(byte[] unscaled) {
    return new BigDecimal(new BigInteger(unscaled), SCALE);
  }

  void write(DataOutputView out) throws IOException {
    byte[] bytes = unscaled().toByteArray();
    out.writeShort(bytes.length);
    out.write(bytes);
  }

  void read(DataInputView in) throws IOException {
    byte[] bytes = new byte[in.readShort()];
    in.readFully(bytes);
    sum.set(0);
    rest = new BigInteger(bytes);
    if (sum.set(rest)) {
      rest = BigInteger.ZERO;
    }
  }
}
