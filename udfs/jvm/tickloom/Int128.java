package tickloom;

import java.io.IOException;
import java.io.Serializable;
import java.math.BigDecimal;
import java.math.BigInteger;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.table.data.DecimalData;

/** A signed 128-bit integer: the unscaled value of a decimal(38, 12). Mutable, so that no tick allocates one. */
final class Int128 implements Comparable<Int128>, Serializable {
  static final int PRECISION = 38;
  static final int SCALE = 12;
  private static final BigInteger LIMIT = BigInteger.TEN.pow(PRECISION);

  long hi;
  long lo;

  static Int128 of(long hi, long lo) {
    Int128 value = new Int128();
    value.hi = hi;
    value.lo = lo;
    return value;
  }

  static int compare(long hi, long lo, long otherHi, long otherLo) {
    return hi != otherHi ? Long.compare(hi, otherHi) : Long.compareUnsigned(lo, otherLo);
  }

  void set(long value) {
    hi = value >> 63;
    lo = value;
  }

  void set(Int128 other) {
    hi = other.hi;
    lo = other.lo;
  }

  /** Returns false, leaving this unchanged, when the value has more than 38 digits. */
  boolean set(BigInteger value) {
    if (value.abs().compareTo(LIMIT) >= 0) {
      return false;
    }
    lo = value.longValue();
    hi = value.shiftRight(64).longValue();
    return true;
  }

  /** Reads big-endian two's complement, as Avro and Flink write decimals; false when it has more than 38 digits. */
  boolean set(byte[] bytes, int from, int length) {
    if (length <= 0) {
      return false;
    }
    if (length > Words.BYTES) {
      return set(new BigInteger(bytes, from, length));
    }
    set(Words.signed(bytes, from, length));
    return true;
  }

  /** Reads as above and multiplies by 10^digits (divides when negative); false when that is not exact or too large. */
  boolean set(byte[] bytes, int from, int length, int digits) {
    if (digits == 0 || length <= 0) {
      return set(bytes, from, length);
    }
    BigInteger value = new BigInteger(bytes, from, length);
    BigInteger power = BigInteger.TEN.pow(Math.abs(digits));
    if (digits > 0) {
      return set(value.multiply(power));
    }
    BigInteger[] quotient = value.divideAndRemainder(power);
    return quotient[1].signum() == 0 && set(quotient[0]);
  }

  /** Adds a 128-bit value; false, leaving this unchanged, when the sum does not fit. */
  boolean add(long high, long low) {
    long sumHigh = addHigh(hi, lo, high, low);
    if (overflows(hi, high, sumHigh)) {
      return false;
    }
    hi = sumHigh;
    lo += low;
    return true;
  }

  /** The higher half of a sum of two. */
  static long addHigh(long hi, long lo, long otherHi, long otherLo) {
    long carry = Long.compareUnsigned(lo + otherLo, lo) < 0 ? 1 : 0;
    return hi + otherHi + carry;
  }

  /** Whether a sum with this higher half does not fit. */
  static boolean overflows(long hi, long otherHi, long sumHi) {
    return ((hi ^ sumHi) & (otherHi ^ sumHi)) < 0;
  }

  boolean fitsLong() {
    return hi == lo >> 63;
  }

  int signum() {
    return hi < 0 ? -1 : (hi | lo) == 0 ? 0 : 1;
  }

  @Override
  public int compareTo(Int128 other) {
    return compare(hi, lo, other.hi, other.lo);
  }

  BigInteger big() {
    BigInteger low = BigInteger.valueOf(lo);
    if (fitsLong()) {
      return low;
    }
    BigInteger high = BigInteger.valueOf(hi);
    return (lo < 0 ? high.add(BigInteger.ONE) : high).shiftLeft(64).add(low); // low is signed: it is lent one
  }

  BigDecimal decimal() {
    return new BigDecimal(big(), SCALE);
  }

  DecimalData toData() {
    return DecimalData.fromBigDecimal(decimal(), PRECISION, SCALE);
  }

  void set(DecimalData data) {
    set(data.toBigDecimal().unscaledValue());
  }

  void write(DataOutputView out) throws IOException {
    out.writeLong(hi);
    out.writeLong(lo);
  }

  void read(DataInputView in) throws IOException {
    hi = in.readLong();
    lo = in.readLong();
  }
}
