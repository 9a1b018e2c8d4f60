package tickloom;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The open seconds of every symbol of every partition: a hash table that a tick enters without an allocation. */
final class SecondTable {
  private static final int HEAD_BYTES = 7; // with the length before them
  private static final int KNOWN_BYTES = HEAD_BYTES + Words.BYTES;

  private Second[] slots = new Second[1 << 10];
  private int size;
  private int partials;

  /** One open second of a symbol: what has not been emitted yet, every trade id seen so far, and the symbol's band. */
  static final class Second {
    private final int hash;
    final int partition;
    private final long head; // up to 15 bytes of a symbol are known without a look into another piece of memory
    private final long tail;
    private final byte[] symbol;
    final long second;
    IdSet ids;
    PriceBands.Price price;
    private Accumulator partial;

    private Second(int hash, int partition, long head, long tail, byte[] symbol, long second) {
      this.hash = hash;
      this.partition = partition;
      this.head = head;
      this.tail = tail;
      this.symbol = symbol;
      this.second = second;
    }

    String symbol() {
      return new String(symbol, StandardCharsets.UTF_8);
    }

    void write(PartitionState.Blocks blocks) throws IOException {
      if (ids != null || partial != null) {
        blocks.add(second, symbol, ids, partial);
      }
    }

    private boolean is(int otherHash, int otherPartition, long otherSecond, long otherHead, long otherTail) {
      return hash == otherHash && second == otherSecond && head == otherHead && tail == otherTail
          && partition == otherPartition;
    }
  }

  interface PartialSink {
    void accept(String symbol, long second, Accumulator partial);
  }

  interface SecondSink {
    void accept(Second second) throws IOException;
  }

  /** The second of a symbol, added when it is not open yet. The symbol is a piece of the bytes. */
  Second of(int partition, byte[] bytes, int from, int length, long second) {
    int ahead = Math.min(length, HEAD_BYTES);
    int behind = Math.min(length - ahead, Words.BYTES);
    int end = from + length;
    long head = (long) length << 8 * HEAD_BYTES | Words.head(bytes, from, ahead);
    long tail = Words.head(bytes, from + ahead, behind);
    long mixed = (head ^ second * 0x9E3779B97F4A7C15L) + partition + tail * 0xFF51AFD7ED558CCDL;
    for (int i = from + KNOWN_BYTES; i < end; i++) {
      mixed = 31 * mixed + bytes[i];
    }
    int hash = (int) (mixed * 0xC2B2AE3D27D4EB4FL >>> 32);
    int mask = slots.length - 1;
    for (int i = hash & mask; slots[i] != null; i = i + 1 & mask) {
      Second found = slots[i];
      if (found.is(hash, partition, second, head, tail)
          && (length <= KNOWN_BYTES || Arrays.equals(found.symbol, 0, found.symbol.length, bytes, from, end))) {
        return found;
      }
    }
    Second added = new Second(hash, partition, head, tail, Arrays.copyOfRange(bytes, from, end), second);
    insert(added);
    return added;
  }

  /** The accumulator that the next trade of this second goes into. */
  Accumulator partial(Second second, long coveredFromMs) {
    if (second.partial == null) {
      second.partial = new Accumulator();
      second.partial.coveredFromMs = coveredFromMs;
      partials++;
    }
    return second.partial;
  }

  /** How many accumulators wait to be emitted. */
  int partials() {
    return partials;
  }

  /** Emits and forgets the seconds before the given one. */
  void close(long firstOpenSecond, PartialSink sink) {
    sweep(firstOpenSecond, firstOpenSecond, sink);
  }

  /** Emits every partial; the open seconds keep their ids. */
  void flush(PartialSink sink) {
    sweep(Long.MAX_VALUE, Long.MIN_VALUE, sink);
  }

  private void sweep(long emitBefore, long forgetBefore, PartialSink sink) {
    Second[] old = slots;
    slots = new Second[old.length];
    size = 0;
    for (Second second : old) {
      if (second != null) {
        if (second.partial != null && second.second < emitBefore) {
          sink.accept(second.symbol(), second.second, second.partial);
          second.partial = null;
          partials--;
        }
        if (second.second >= forgetBefore && (second.partial != null || second.ids != null)) {
          insert(second);
        }
      }
    }
  }

  void forEach(SecondSink sink) throws IOException {
    for (Second second : slots) {
      if (second != null) {
        sink.accept(second);
      }
    }
  }

  private void insert(Second second) {
    if (size * 2 >= slots.length) {
      Second[] old = slots;
      slots = new Second[old.length * 2];
      for (Second moved : old) {
        if (moved != null) {
          place(moved);
        }
      }
    }
    place(second);
    size++;
  }

  private void place(Second second) {
    int mask = slots.length - 1;
    int i = second.hash & mask;
    while (slots[i] != null) {
      i = i + 1 & mask;
    }
    slots[i] = second;
  }
}
