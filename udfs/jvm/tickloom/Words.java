package tickloom;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Numbers read eight bytes at a time: a few steps of a processor, where a loop over the bytes takes several for each. */
final class Words {
  static final int BYTES = 8;

  private static final VarHandle LITTLE = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
  private static final VarHandle BIG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final long CONTINUES = 0x8080808080808080L;
  private static final long ZEROS = 0x3030303030303030L;
  private static final long SIXES = 0x0606060606060606L;
  private static final long HIGH_NIBBLES = 0xf0f0f0f0f0f0f0f0L;
  private static final long HUNDRED_MILLIONS = 100_000_000;

  private Words() {}

  /** The eight bytes from here on, the first of them lowest. */
  static long at(byte[] bytes, int from) {
    return (long) LITTLE.get(bytes, from);
  }

  /** Up to eight bytes as one number, the last of them lowest. */
  static long head(byte[] bytes, int from, int length) {
    if (length == 0) {
      return 0;
    }
    if (from + BYTES <= bytes.length) {
      return (long) BIG.get(bytes, from) >>> 64 - 8 * length;
    }
    long head = 0;
    for (int i = from; i < from + length; i++) {
      head = head << 8 | bytes[i] & 0xff;
    }
    return head;
  }

  /** Big-endian two's complement of one to eight bytes. */
  static long signed(byte[] bytes, int from, int length) {
    int unused = 64 - 8 * length;
    return head(bytes, from, length) << unused >> unused;
  }

  /** Where a number ends that goes on as long as a byte's highest bit is set: its length in bytes, 9 if not in this word. */
  static int lengthOfNumber(long word) {
    return (Long.numberOfTrailingZeros(~word & CONTINUES) >>> 3) + 1;
  }

  /** The seven lower bits of so many bytes of a word, the first byte's lowest. */
  static long sevens(long word, int length) {
    long bits = word & ~CONTINUES & -1L >>> 64 - 8 * length;
    bits = bits & 0x007f007f007f007fL | (bits & 0x7f007f007f007f00L) >>> 1;
    bits = bits & 0x00003fff00003fffL | (bits & 0x3fff00003fff0000L) >>> 2;
    return bits & 0x000000000fffffffL | (bits & 0x0fffffff00000000L) >>> 4;
  }

  /** What 1 to 15 decimal digits say; -1 when one of them is none. */
  static long decimal(byte[] bytes, int from, int length) {
    int behind = Math.min(length, BYTES);
    int ahead = length - behind;
    long last = digits(head(bytes, from + ahead, behind), behind);
    if (ahead == 0 || last < 0) {
      return last;
    }
    long first = digits(head(bytes, from, ahead), ahead);
    return first < 0 ? first : first * HUNDRED_MILLIONS + last;
  }

  /** What so many digits say: neighbours are joined to numbers of two, of four and of eight digits. */
  private static long digits(long head, int count) {
    long digits = (Long.reverseBytes(head) ^ ZEROS) & -1L << 64 - 8 * count;
    if (((digits | digits + SIXES) & HIGH_NIBBLES) != 0) {
      return -1;
    }
    long twos = 10 * digits + (digits >>> 8);
    long outer = (twos & 0x000000ff000000ffL) * 0x000f424000000064L; // times 1,000,000 and 100
    long inner = (twos >>> 16 & 0x000000ff000000ffL) * 0x0000271000000001L; // times 10,000 and 1
    return outer + inner >>> 32;
  }
}
