package tickloom;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.shaded.guava33.com.google.common.hash.Hashing;

/**
 * The trade ids seen in one second of one symbol, 16 bytes each. An id of up to 15 bytes is kept as it is; a longer one,
 * and the venue, by their 128-bit hash.
 */
final class IdSet {
  private static final int EXACT_BYTES_MAX = 15;

  private long[] slots = new long[16]; // pairs (high, low); (0, 0) is free
  private int size;

  /** 128 bits that stand for (venue, trade_id). */
  static final class Key {
    long high;
    long low;
    private byte[] venue = {};
    private ByteBuffer venueHash = ByteBuffer.allocate(16);

    void set(Trade trade) {
      Trade.Text id = trade.tradeId;
      if (id.length <= EXACT_BYTES_MAX) {
        pack(trade.bytes, id.from, id.length);
      } else {
        ByteBuffer hash = hash(trade.bytes, id.from, id.length);
        high = hash.getLong(0);
        low = hash.getLong(8);
      }
      mixVenue(trade.bytes, trade.venue.from, Math.max(trade.venue.length, 0));
    }

    private void pack(byte[] bytes, int from, int length) {
      high = length; // keeps "1" and "1\0" apart, and no id is (0, 0)
      low = 0;
      int middle = from + Math.min(length, 7);
      for (int i = from; i < middle; i++) {
        high = high << 8 | bytes[i] & 0xff;
      }
      for (int i = middle; i < from + length; i++) {
        low = low << 8 | bytes[i] & 0xff;
      }
    }

    private void mixVenue(byte[] bytes, int from, int length) {
      if (!Arrays.equals(venue, 0, venue.length, bytes, from, from + length)) {
        venue = Arrays.copyOfRange(bytes, from, from + length);
        venueHash = length == 0 ? ByteBuffer.allocate(16) : hash(venue, 0, length);
      }
      high ^= venueHash.getLong(0);
      low ^= venueHash.getLong(8);
    }

    private static ByteBuffer hash(byte[] bytes, int from, int length) {
      return ByteBuffer.wrap(Hashing.murmur3_128().hashBytes(bytes, from, length).asBytes());
    }
  }

  /** Returns false when the id was there already. */
  boolean add(long high, long low) {
    if (size * 3 >= slots.length) { // at most two thirds full
      grow();
    }
    int mask = slots.length - 2;
    int at = mix(high, low) & mask;
    while ((slots[at] | slots[at + 1]) != 0) {
      if (slots[at] == high && slots[at + 1] == low) {
        return false;
      }
      at = at + 2 & mask;
    }
    slots[at] = high;
    slots[at + 1] = low;
    size++;
    return true;
  }

  private static int mix(long high, long low) {
    long mixed = (high ^ low * 0x9E3779B97F4A7C15L) * 0xC2B2AE3D27D4EB4FL;
    return (int) (mixed >>> 32) << 1;
  }

  private void grow() {
    long[] old = slots;
    slots = new long[old.length * 4]; // a busy second grows seldom
    size = 0;
    addAll(old);
  }

  void addAll(IdSet other) {
    addAll(other.slots);
  }

  private void addAll(long[] pairs) {
    for (int i = 0; i < pairs.length; i += 2) {
      if ((pairs[i] | pairs[i + 1]) != 0) {
        add(pairs[i], pairs[i + 1]);
      }
    }
  }

  void write(DataOutputView out) throws IOException {
    out.writeInt(size);
    for (int i = 0; i < slots.length; i += 2) {
      if ((slots[i] | slots[i + 1]) != 0) {
        out.writeLong(slots[i]);
        out.writeLong(slots[i + 1]);
      }
    }
  }

  static IdSet read(DataInputView in) throws IOException {
    IdSet ids = new IdSet();
    for (int count = in.readInt(); count > 0; count--) {
      ids.add(in.readLong(), in.readLong());
    }
    return ids;
  }
}
