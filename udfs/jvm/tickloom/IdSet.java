package tickloom;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.shaded.guava33.com.google.common.hash.Hashing;

/**
 * The trade ids seen in one second of one symbol. Most venues count upwards: a number above all before it is new without a
 * search and goes to the end of a list, where the processor's cache has its place, in 8 bytes. Any other id goes into a
 * hash table, in 16: one of up to 15 bytes as it is, a longer one, and the venue, by their 128-bit hash.
 */
final class IdSet {
  private static final int EXACT_BYTES_MAX = 15;
  private static final int NUMBERS_MIN = 4;
  private static final int SLOTS_MIN = 16;
  private static final long[] NONE = {};

  private long[] rising = NONE; // numbers of one venue and length, each above the one before
  private int risen;
  private int digits; // of each of them
  private long venueHigh; // of that venue
  private long venueLow;
  private long[] slots = NONE; // pairs (high, low), with the venue in them; (0, 0) is free
  private int hashed;

  /** 128 bits that stand for a trade id, and 128 for its venue. */
  static final class Key {
    private static final long NO_NUMBER = -1;

    private byte[] bytes;
    private int from;
    private int length;
    private long number; // what the digits say, leading zeros or not
    private long venueHigh;
    private long venueLow;
    private byte[] venue = {};

    void set(Trade trade) {
      bytes = trade.bytes;
      from = trade.tradeId.from;
      length = trade.tradeId.length;
      number = length <= EXACT_BYTES_MAX ? Words.decimal(bytes, from, length) : NO_NUMBER;
      setVenue(trade.bytes, trade.venue.from, Math.max(trade.venue.length, 0));
    }

    private void setVenue(byte[] bytes, int from, int length) {
      if (!Arrays.equals(venue, 0, venue.length, bytes, from, from + length)) {
        venue = Arrays.copyOfRange(bytes, from, from + length);
        ByteBuffer hash = length == 0 ? ByteBuffer.allocate(16) : murmur(venue, 0, length);
        venueHigh = hash.getLong(0);
        venueLow = hash.getLong(8);
      }
    }

    private static ByteBuffer murmur(byte[] bytes, int from, int length) {
      return ByteBuffer.wrap(Hashing.murmur3_128().hashBytes(bytes, from, length).asBytes());
    }
  }

  /** Returns false when the id was there already. */
  boolean add(Key key) {
    if (key.number != Key.NO_NUMBER && (size() == 0 || risesWith(key))) {
      if (risen == 0 || key.number > rising[risen - 1]) {
        append(key);
        return true;
      }
      if (Arrays.binarySearch(rising, 0, risen, key.number) >= 0) {
        return false;
      }
    }
    return hash(key.bytes, key.from, key.length, key.venueHigh, key.venueLow);
  }

  private boolean risesWith(Key key) {
    return risen > 0 && key.length == digits && key.venueHigh == venueHigh && key.venueLow == venueLow;
  }

  private void append(Key key) {
    if (risen == 0) {
      digits = key.length;
      venueHigh = key.venueHigh;
      venueLow = key.venueLow;
    }
    if (risen == rising.length) {
      rising = Arrays.copyOf(rising, Math.max(NUMBERS_MIN, risen + risen / 2));
    }
    rising[risen++] = key.number;
  }

  private int size() {
    return risen + hashed;
  }

  private boolean hash(byte[] bytes, int from, int length, long venueHigh, long venueLow) {
    if (length > EXACT_BYTES_MAX) {
      ByteBuffer hash = Key.murmur(bytes, from, length);
      return hash(hash.getLong(0) ^ venueHigh, hash.getLong(8) ^ venueLow);
    }
    int ahead = Math.min(length, 7);
    long high = (long) length << 8 * ahead; // keeps "1" and "1\0" apart, and no id is (0, 0)
    high |= Words.head(bytes, from, ahead);
    long low = Words.head(bytes, from + ahead, length - ahead);
    return hash(high ^ venueHigh, low ^ venueLow);
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
    slots = new long[Math.max(SLOTS_MIN, old.length * 4)]; // a busy second grows seldom
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
    hashRising(this);
    risen = 0;
    rising = NONE;
    hashRising(other);
    hashAll(other.slots);
  }

  private void hashRising(IdSet of) {
    byte[] text = new byte[of.digits];
    for (int i = 0; i < of.risen; i++) {
      long rest = of.rising[i];
      for (int at = text.length - 1; at >= 0; at--, rest /= 10) {
        text[at] = (byte) ('0' + rest % 10);
      }
      hash(text, 0, text.length, of.venueHigh, of.venueLow);
    }
  }

  void write(DataOutputView out) throws IOException {
    out.writeInt(risen);
    if (risen > 0) {
      out.writeByte(digits);
      out.writeLong(venueHigh);
      out.writeLong(venueLow);
    }
    long before = 0;
    for (int i = 0; i < risen; i++) {
      writeStep(rising[i] - before, out);
      before = rising[i];
    }
    out.writeInt(hashed);
    for (int i = 0; i < slots.length; i += 2) {
      if ((slots[i] | slots[i + 1]) != 0) {
        out.writeLong(slots[i]);
        out.writeLong(slots[i + 1]);
      }
    }
  }

  /** Numbers that rise step by little: a step takes as many bytes of seven bits as it needs. */
  private static void writeStep(long step, DataOutputView out) throws IOException {
    for (; step >>> 7 != 0; step >>>= 7) {
      out.writeByte((int) step | 0x80);
    }
    out.writeByte((int) step);
  }

  private static long readStep(DataInputView in) throws IOException {
    long step = 0;
    for (int shift = 0; ; shift += 7) {
      byte seven = in.readByte();
      step |= (seven & 0x7FL) << shift;
      if (seven >= 0) {
        return step;
      }
    }
  }

  /** Reads what a version of the format wrote: the first did not say what rises, the second wrote no steps. */
  static IdSet read(DataInputView in, int version) throws IOException {
    IdSet ids = new IdSet();
    if (version > 1) {
      ids.readRising(in, version);
    }
    for (int count = in.readInt(); count > 0; count--) {
      ids.hash(in.readLong(), in.readLong());
    }
    return ids;
  }

  private void readRising(DataInputView in, int version) throws IOException {
    risen = in.readInt();
    rising = risen == 0 ? NONE : new long[risen];
    if (risen > 0) {
      digits = in.readByte();
      venueHigh = in.readLong();
      venueLow = in.readLong();
    }
    for (int i = 0; i < risen; i++) {
      rising[i] = version == 2 ? in.readLong() : readStep(in) + (i == 0 ? 0 : rising[i - 1]);
    }
  }
}
