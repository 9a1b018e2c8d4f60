package tickloom;

import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** The first, last, highest and lowest price of some trades. A commutative monoid. */
final class Track {
  final Edge first = new Edge(-1);
  final Int128 high = new Int128();
  final Int128 low = new Int128();
  final Edge last = new Edge(1);

  boolean isEmpty() {
    return first.isEmpty();
  }

  void add(Trade trade) {
    widen(trade.price, trade.price);
    first.offer(trade);
    last.offer(trade);
  }

  void merge(Track other) {
    if (!other.isEmpty()) {
      widen(other.low, other.high);
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
      widen(earliest.price(), earliest.price());
      first.offer(conditional.first);
      if (alone) {
        last.offerLeader(earliest);
      }
    }
  }

  private void widen(Int128 lowest, Int128 highest) {
    boolean empty = isEmpty();
    if (empty || highest.compareTo(high) > 0) {
      high.set(highest);
    }
    if (empty || lowest.compareTo(low) < 0) {
      low.set(lowest);
    }
  }

  void write(DataOutputView out) throws IOException {
    first.write(out);
    high.write(out);
    low.write(out);
    last.write(out);
  }

  void read(DataInputView in) throws IOException {
    first.read(in);
    high.read(in);
    low.read(in);
    last.read(in);
  }
}
