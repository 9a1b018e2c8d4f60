package tickloom;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** The exact sum of price * size (scale 24): 128 bits while they suffice, any size beyond. */
final class Notional {
  static final int SCALE = 2 * Int128.SCALE;

  private long hi; // the halves of an Int128, without an object of its own
  private long lo;
  private BigInteger rest = BigInteger.ZERO;

  void add(Int128 price, Int128 size) {
    if (price.fitsLong() && size.fitsLong()) {
      add(Math.multiplyHigh(price.lo, size.lo), price.lo * size.lo);
    } else {
      rest = rest.add(price.big().multiply(size.big()));
    }
  }

  void add(Notional other) {
    add(other.hi, other.lo);
    rest = rest.add(other.rest);
  }

  private void add(long high, long low) {
    long sumHigh = Int128.addHigh(hi, lo, high, low);
    if (Int128.overflows(hi, high, sumHigh)) {
      rest = unscaled();
      hi = high;
      lo = low;
    } else {
      hi = sumHigh;
      lo += low;
    }
  }

  BigInteger unscaled() {
    return rest.add(Int128.of(hi, lo).big());
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
    rest = new BigInteger(bytes);
    Int128 sum = new Int128();
    if (sum.set(rest)) {
      rest = BigInteger.ZERO;
    }
    hi = sum.hi;
    lo = sum.lo;
  }
}
