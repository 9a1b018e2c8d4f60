package tickloom;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.shaded.guava33.com.google.common.hash.Hashing;

/**
 * The trade ids seen in one second of one symbol, 8 or 16 bytes each. An id of up to 15 bytes is kept as it is; a longer one,
 * and the venue, by their 128-bit hash. Most venues count upwards: an id above all before it is new without a search and
 * goes to the end of a list, where the processor's cache has its place; any other goes into a hash table.
 */
final class IdSet {
  private static final int EXACT_BYTES_MAX = 15;

  private static final long[] NONE = {};

  private long[] lows = NONE; // of ids of one venue, each above the one before
  private long[] highs; // null while all of them have the same
  private long lastHigh;
  private int rising;
  private long venueHigh; // of that venue
  private long venueLow;
  private long[] slots = NONE; // pairs, with the venue in them; (0, 0) is free
  private int hashed;

  /** 128 bits that stand for a trade id, and 128 for its venue. */
  static final class Key {
    long high;
    long low;
    long venueHigh;
    long venueLow;
    private byte[] venue = {};

    void set(Trade trade) {
      Trade.Text id = trade.tradeId;
      if (id.length <= EXACT_BYTES_MAX) {
        pack(trade.bytes, id.from, id.length);
      } else {
        ByteBuffer hash = hash(trade.bytes, id.from, id.length);
        high = hash.getLong(0);
        low = hash.getLong(8);
      }
      setVenue(trade.bytes, trade.venue.from, Math.max(trade.venue.length, 0));
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

    private void setVenue(byte[] bytes, int from, int length) {
      if (!Arrays.equals(venue, 0, venue.length, bytes, from, from + length)) {
        venue = Arrays.copyOfRange(bytes, from, from + length);
        ByteBuffer hash = length == 0 ? ByteBuffer.allocate(16) : hash(venue, 0, length);
        venueHigh = hash.getLong(0);
        venueLow = hash.getLong(8);
      }
    }

    private static ByteBuffer hash(byte[] bytes, int from, int length) {
      return ByteBuffer.wrap(Hashing.murmur3_128().hashBytes(bytes, from, length).asBytes());
    }
  }

  /** Returns false when the id was there already. */
  boolean add(Key key) {
    if (size() == 0) {
      venueHigh = key.venueHigh;
      venueLow = key.venueLow;
    } else if (rising == 0 || key.venueHigh != venueHigh || key.venueLow != venueLow) {
      return hash(key.high ^ key.venueHigh, key.low ^ key.venueLow);
    } else if (compareToRising(rising - 1, key) >= 0) {
      return !isRising(key) && hash(key.high ^ venueHigh, key.low ^ venueLow);
    }
    append(key.high, key.low);
    return true;
  }

  private void append(long high, long low) {
    if (rising == lows.length) {
      lows = Arrays.copyOf(lows, Math.max(8, rising + rising / 2));
      highs = highs == null ? null : Arrays.copyOf(highs, lows.length);
    }
    if (highs == null && rising > 0 && high != lastHigh) {
      highs = new long[lows.length];
      Arrays.fill(highs, 0, rising, lastHigh);
    }
    if (highs != null) {
      highs[rising] = high;
    }
    lastHigh = high;
    lows[rising++] = low;
  }

  private long highAt(int at) {
    return highs == null ? lastHigh : highs[at];
  }

  private int size() {
    return rising + hashed;
  }

  private int compareToRising(int at, Key key) {
    int order = Long.compareUnsigned(highAt(at), key.high);
    return order != 0 ? order : Long.compareUnsigned(lows[at], key.low);
  }

  private boolean isRising(Key key) {
    int from = 0;
    int to = rising;
    while (from < to) {
      int middle = (from + to) / 2;
      int order = compareToRising(middle, key);
      if (order == 0) {
        return true;
      }
      from = order < 0 ? middle + 1 : from;
      to = order < 0 ? to : middle;
    }
    return false;
  }

  private boolean hash(long high, long low) {
    if (hashed * 3 >= slots.length) { // at most two thirds full
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
    hashed++;
    return true;
  }

  private static int mix(long high, long low) {
    long mixed = (high ^ low * 0x9E3779B97F4A7C15L) * 0xC2B2AE3D27D4EB4FL;
    return (int) (mixed >>> 32) << 1;
  }

  private void grow() {
    long[] old = slots;
    slots = new long[Math.max(16, old.length * 4)]; // a busy second grows seldom
    hashed = 0;
    hashAll(old);
  }

  private void hashAll(long[] pairs) {
    for (int i = 0; i < pairs.length; i += 2) {
      if ((pairs[i] | pairs[i + 1]) != 0) {
        hash(pairs[i], pairs[i + 1]);
      }
    }
  }

  /** Takes in another's ids, of whatever venues: from then on nothing is known to rise. */
  void addAll(IdSet other) {
    long[] own = risingPairs();
    rising = 0;
    highs = null;
    hashAll(own);
    hashAll(other.risingPairs());
    hashAll(other.slots);
  }

  /** The ids that rise, each with its venue in it. */
  private long[] risingPairs() {
    long[] pairs = new long[2 * rising];
    for (int i = 0; i < rising; i++) {
      pairs[2 * i] = highAt(i) ^ venueHigh;
      pairs[2 * i + 1] = lows[i] ^ venueLow;
    }
    return pairs;
  }

  void write(DataOutputView out) throws IOException {
    out.writeInt(size());
    for (long[] pairs : new long[][] {risingPairs(), slots}) {
      for (int i = 0; i < pairs.length; i += 2) {
        if ((pairs[i] | pairs[i + 1]) != 0) {
          out.writeLong(pairs[i]);
          out.writeLong(pairs[i + 1]);
        }
      }
    }
  }

  /** What was written, which says no more of which venue an id is: nothing is known to rise. */
  static IdSet read(DataInputView in) throws IOException {
    IdSet ids = new IdSet();
    for (int count = in.readInt(); count > 0; count--) {
      ids.hash(in.readLong(), in.readLong());
    }
    return ids;
  }
}
