package tickloom;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** The open seconds of every symbol of every partition: a hash table that a tick enters without an allocation. */
final class SecondTable {
  private Slot[] slots = new Slot[1 << 10];
  private int size;
  private int partials;

  /** One symbol of one partition, with its open seconds, newest first. */
  private static final class Slot {
    final int hash;
    final int partition;
    final byte[] symbol;
    final String name;
    Second newest;

    Slot(int hash, int partition, byte[] symbol) {
      this.hash = hash;
      this.partition = partition;
      this.symbol = symbol;
      this.name = new String(symbol, StandardCharsets.UTF_8);
    }
  }

  /** One open second of a symbol: what has not been emitted yet, and every trade id seen so far. */
  static final class Second {
    final long second;
    Accumulator partial;
    IdSet ids;
    private Second older;

    Second(long second, Second older) {
      this.second = second;
      this.older = older;
    }
  }

  interface PartialSink {
    void accept(String symbol, long second, Accumulator partial);
  }

  interface IdsSink {
    void accept(int partition, String symbol, long second, IdSet ids);
  }

  Second of(int partition, byte[] bytes, int from, int length, long second) {
    Slot slot = slot(partition, bytes, from, length);
    for (Second s = slot.newest; s != null; s = s.older) {
      if (s.second == second) {
        return s;
      }
    }
    return slot.newest = new Second(second, slot.newest);
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
    Slot[] old = slots;
    slots = new Slot[old.length];
    size = 0;
    for (Slot slot : old) {
      if (slot != null) {
        slot.newest = sweep(slot, emitBefore, forgetBefore, sink);
        if (slot.newest != null) {
          insert(slot);
        }
      }
    }
  }

  /** Returns the seconds that stay: those that still hold a partial, or ids that may be needed. */
  private Second sweep(Slot slot, long emitBefore, long forgetBefore, PartialSink sink) {
    Second kept = null;
    Second next;
    for (Second s = slot.newest; s != null; s = next) {
      next = s.older;
      if (s.partial != null && s.second < emitBefore) {
        sink.accept(slot.name, s.second, s.partial);
        s.partial = null;
        partials--;
      }
      if (s.second >= forgetBefore && (s.partial != null || s.ids != null)) {
        s.older = kept;
        kept = s;
      }
    }
    return kept;
  }

  void forEachIds(IdsSink sink) {
    for (Slot slot : slots) {
      if (slot != null) {
        for (Second s = slot.newest; s != null; s = s.older) {
          if (s.ids != null) {
            sink.accept(slot.partition, slot.name, s.second, s.ids);
          }
        }
      }
    }
  }

  private Slot slot(int partition, byte[] bytes, int from, int length) {
    int hash = partition;
    for (int i = from; i < from + length; i++) {
      hash = 31 * hash + bytes[i];
    }
    hash *= 0x9E3779B9;
    int mask = slots.length - 1;
    for (int i = hash >>> 8 & mask; slots[i] != null; i = i + 1 & mask) {
      Slot slot = slots[i];
      if (slot.hash == hash && slot.partition == partition
          && Arrays.equals(slot.symbol, 0, slot.symbol.length, bytes, from, from + length)) {
        return slot;
      }
    }
    Slot added = new Slot(hash, partition, Arrays.copyOfRange(bytes, from, from + length));
    insert(added);
    return added;
  }

  private void insert(Slot slot) {
    if (size * 2 >= slots.length) {
      grow();
    }
    int mask = slots.length - 1;
    int i = slot.hash >>> 8 & mask;
    while (slots[i] != null) {
      i = i + 1 & mask;
    }
    slots[i] = slot;
    size++;
  }

  private void grow() {
    Slot[] old = slots;
    slots = new Slot[old.length * 2];
    size = 0;
    for (Slot slot : old) {
      if (slot != null) {
        insert(slot);
      }
    }
  }
}
