package tickloom;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The open seconds of every symbol of every partition: a hash table that a tick enters without an allocation. */
final class SecondTable {
  private Second[] slots = new Second[1 << 10];
  private int size;
  private int partials;

  /** One open second of a symbol: what has not been emitted yet, and every trade id seen so far. */
  static final class Second {
    private final int hash;
    final int partition;
    private final byte[] symbol;
    final long second;
    IdSet ids;
    private Accumulator partial;

    private Second(int hash, int partition, byte[] symbol, long second) {
      this.hash = hash;
      this.partition = partition;
      this.symbol = symbol;
      this.second = second;
    }

    String symbol() {
      return new String(symbol, StandardCharsets.UTF_8);
    }

    private boolean is(int otherHash, int otherPartition, long otherSecond, byte[] bytes, int from, int length) {
      return hash == otherHash && second == otherSecond && partition == otherPartition
          && Arrays.equals(symbol, 0, symbol.length, bytes, from, from + length);
    }
  }

  interface PartialSink {
    void accept(String symbol, long second, Accumulator partial);
  }

  interface SecondSink {
    void accept(Second second);
  }

  /** The second of a symbol, added when it is not open yet. The symbol is a piece of the bytes. */
  Second of(int partition, byte[] bytes, int from, int length, long second) {
    int hash = 31 * partition + Long.hashCode(second);
    for (int i = from; i < from + length; i++) {
      hash = 31 * hash + bytes[i];
    }
    hash *= 0x9E3779B9;
    int mask = slots.length - 1;
    for (int i = hash >>> 8 & mask; slots[i] != null; i = i + 1 & mask) {
      if (slots[i].is(hash, partition, second, bytes, from, length)) {
        return slots[i];
      }
    }
    Second added = new Second(hash, partition, Arrays.copyOfRange(bytes, from, from + length), second);
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

  void forEach(SecondSink sink) {
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
    int i = second.hash >>> 8 & mask;
    while (slots[i] != null) {
      i = i + 1 & mask;
    }
    slots[i] = second;
  }
}
