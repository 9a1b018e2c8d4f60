package tickloom;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * The open (direction -1) or the close (direction +1) of a candle: the price of its earliest or latest trade.
 *
 * <p>Order is (ts_event, sequence within a venue, offset). Sequences of two venues do not compare, so trades of the same
 * nanosecond have no order by pairs that is free of cycles. What is kept is therefore a set, and merging is commutative:
 * at the extreme nanosecond, the extreme trade of each venue that numbers its trades and the extreme of all unnumbered
 * ones; the price is that of the extreme offset among them. There is almost always exactly one, and it is in here.
 */
final class Edge extends Candidate {
  private static final int NONE = -1; // as a partition

  private final byte direction;
  long tsEvent;

  Edge(int direction) {
    this.direction = (byte) direction;
    partition = NONE;
  }

  boolean isEmpty() {
    return partition == NONE;
  }

  void offer(Trade trade) {
    if (isBehind(trade.tsEvent)) {
      return;
    }
    String venue = trade.sequenced ? trade.venueName() : null;
    offer(trade.tsEvent, venue, trade.sequence, trade.offset, trade.partition, trade.price.hi, trade.price.lo);
  }

  void offer(Edge other) {
    for (Candidate c = other.first(); c != null; c = c.next) {
      offer(other.tsEvent, c);
    }
  }

  /** The one trade that gives another edge its price. */
  void offerLeader(Edge other) {
    offer(other.tsEvent, other.best());
  }

  private void offer(long ts, Candidate c) {
    offer(ts, c.venue, c.sequence, c.offset, c.partition, c.priceHi, c.priceLo);
  }

  private Candidate first() {
    return isEmpty() ? null : this;
  }

  private boolean isBehind(long ts) {
    return !isEmpty() && Long.compare(ts, tsEvent) == -direction;
  }

  private void offer(long ts, String venue, long sequence, long offset, int partition, long priceHi, long priceLo) {
    if (isBehind(ts)) {
      return;
    }
    if (isEmpty() || ts != tsEvent) {
      tsEvent = ts;
      next = null;
      set(venue, sequence, offset, partition, priceHi, priceLo);
      return;
    }
    for (Candidate c = this; c != null; c = c.next) {
      if (Objects.equals(c.venue, venue)) {
        int order = Long.compare(sequence, c.sequence);
        order = venue == null || order == 0 ? c.compareOffsets(offset, partition) : order;
        if (order == direction) {
          c.set(venue, sequence, offset, partition, priceHi, priceLo);
        }
        return;
      }
    }
    append().set(venue, sequence, offset, partition, priceHi, priceLo);
  }

  private Candidate append() {
    Candidate added = new Candidate();
    added.next = next;
    next = added;
    return added;
  }

  Int128 price() {
    Candidate best = best();
    return Int128.of(best.priceHi, best.priceLo);
  }

  /** Whether the trade that gives the price is one of those in another edge. */
  boolean isLedBy(Edge other) {
    Candidate best = best();
    for (Candidate c = other.first(); c != null; c = c.next) {
      if (c.compareOffsets(best.offset, best.partition) == 0) {
        return true;
      }
    }
    return false;
  }

  private Candidate best() {
    Candidate best = this;
    for (Candidate c = next; c != null; c = c.next) {
      if (best.compareOffsets(c.offset, c.partition) == direction) {
        best = c;
      }
    }
    return best;
  }

  void write(DataOutputView out) throws IOException {
    out.writeLong(tsEvent);
    int count = 0;
    for (Candidate c = first(); c != null; c = c.next) {
      count++;
    }
    out.writeShort(count);
    for (Candidate c = first(); c != null; c = c.next) {
      out.writeLong(c.priceHi);
      out.writeLong(c.priceLo);
      writeVenue(c.venue, out);
      out.writeLong(c.sequence);
      out.writeLong(c.offset);
      out.writeInt(c.partition);
    }
  }

  void read(DataInputView in) throws IOException {
    tsEvent = in.readLong();
    partition = NONE;
    next = null;
    for (int count = in.readShort(); count > 0; count--) {
      long priceHi = in.readLong();
      long priceLo = in.readLong();
      String venue = readVenue(in);
      (isEmpty() ? this : append()).set(venue, in.readLong(), in.readLong(), in.readInt(), priceHi, priceLo);
    }
  }

  private static void writeVenue(String venue, DataOutputView out) throws IOException {
    byte[] bytes = venue == null ? new byte[0] : venue.getBytes(StandardCharsets.UTF_8);
    out.writeShort(venue == null ? -1 : bytes.length);
    out.write(bytes);
  }

  private static String readVenue(DataInputView in) throws IOException {
    int length = in.readShort();
    if (length < 0) {
      return null;
    }
    byte[] bytes = new byte[length];
    in.readFully(bytes);
    return Venues.name(bytes);
  }
}
