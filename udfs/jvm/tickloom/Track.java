package tickloom;

import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** The first, last, highest and lowest price of some trades. A commutative monoid. */
final class Track {
  final Edge first = new Edge(-1);
  final Edge last = new Edge(1);
  private long highHi; // the halves of an Int128 each, without objects of their own
  private long highLo;
  private long lowHi;
  private long lowLo;

  boolean isEmpty() {
    return first.isEmpty();
  }

  Int128 high() {
    return Int128.of(highHi, highLo);
  }

  Int128 low() {
    return Int128.of(lowHi, lowLo);
  }

  void add(Trade trade) {
    widen(trade.price);
    first.offer(trade);
    last.offer(trade);
  }

  void merge(Track other) {
    if (!other.isEmpty()) {
      widen(other.lowHi, other.lowLo, other.highHi, other.highLo);
      first.offer(other.first);
      last.offer(other.last);
    }
  }

  /** Takes in the first of some conditional trades when it comes before all that are in here. */
  void admitFirst(Track conditional) {
    boolean alone = isEmpty();
    Edge earliest = new Edge(-1);
    earliest.offer(first);
    earliest.offer(conditional.first);
    if (!earliest.isEmpty() && earliest.isLedBy(conditional.first)) {
      widen(earliest.price());
      first.offer(conditional.first);
      if (alone) {
        last.offerLeader(earliest);
      }
    }
  }

  private void widen(Int128 price) {
    widen(price.hi, price.lo, price.hi, price.lo);
  }

  private void widen(long lowestHi, long lowestLo, long highestHi, long highestLo) {
    boolean empty = isEmpty();
    if (empty || Int128.compare(highestHi, highestLo, highHi, highLo) > 0) {
      highHi = highestHi;
      highLo = highestLo;
    }
    if (empty || Int128.compare(lowestHi, lowestLo, lowHi, lowLo) < 0) {
      lowHi = lowestHi;
      lowLo = lowestLo;
    }
  }

  void write(DataOutputView out) throws IOException {
    first.write(out);
    out.writeLong(highHi);
    out.writeLong(highLo);
    out.writeLong(lowHi);
    out.writeLong(lowLo);
    last.write(out);
  }

  void read(DataInputView in) throws IOException {
    first.read(in);
    highHi = in.readLong();
    highLo = in.readLong();
    lowHi = in.readLong();
    lowLo = in.readLong();
    last.read(in);
  }
}
