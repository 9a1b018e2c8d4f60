package tickloom;

import java.util.Arrays;
import java.util.function.Supplier;

/** Values made of bytes that come again and again, such as a venue: each is made once, until another takes its slot. */
final class Recurring<T> {
  private static final int SLOTS = 1 << 8;

  private final byte[][] keys = new byte[SLOTS][];
  private final Object[] values = new Object[SLOTS];

  @SuppressWarnings("unchecked")
  T of(byte[] bytes, int from, int length, Supplier<T> make) {
    int slot = hash(bytes, from, length) & SLOTS - 1;
    byte[] key = keys[slot];
    if (key == null || !Arrays.equals(key, 0, key.length, bytes, from, from + length)) {
      values[slot] = make.get();
      keys[slot] = Arrays.copyOfRange(bytes, from, from + length);
    }
    return (T) values[slot];
  }

  private static int hash(byte[] bytes, int from, int length) {
    int hash = length;
    for (int i = from; i < from + length; i++) {
      hash = 31 * hash + bytes[i];
    }
    return hash ^ hash >>> 15;
  }
}
