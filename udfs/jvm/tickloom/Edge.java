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
 * ones; the price is that of the extreme offset among them. There is almost always exactly one.
 */
final class Edge {
  private final int direction;
  long tsEvent;
  private Candidate candidate;

  private static final class Candidate {
    final Int128 price = new Int128();
    String venue; // null: unnumbered trades
    long sequence;
    long offset;
    int partition;
    Candidate next;
  }

  Edge(int direction) {
    this.direction = direction;
  }

  boolean isEmpty() {
    return candidate == null;
  }

  void offer(Trade trade) {
    if (isBehind(trade.tsEvent)) {
      return;
    }
    String venue = trade.sequenced ? trade.venueName() : null;
    offer(trade.tsEvent, venue, trade.sequence, trade.offset, trade.partition, trade.price);
  }

  void offer(Edge other) {
    for (Candidate c = other.candidate; c != null; c = c.next) {
      offer(other.tsEvent, c.venue, c.sequence, c.offset, c.partition, c.price);
    }
  }

  /** The one trade that gives another edge its price. */
  void offerLeader(Edge other) {
    Candidate c = other.best();
    offer(other.tsEvent, c.venue, c.sequence, c.offset, c.partition, c.price);
  }

  private boolean isBehind(long ts) {
    return candidate != null && Long.compare(ts, tsEvent) == -direction;
  }

  private void offer(long ts, String venue, long sequence, long offset, int partition, Int128 price) {
    if (isBehind(ts)) {
      return;
    }
    if (candidate == null || ts != tsEvent) {
      tsEvent = ts;
      if (candidate == null) {
        candidate = new Candidate();
      }
      candidate.next = null;
      set(candidate, venue, sequence, offset, partition, price);
      return;
    }
    for (Candidate c = candidate; c != null; c = c.next) {
      if (Objects.equals(c.venue, venue)) {
        int order = Long.compare(sequence, c.sequence);
        order = venue == null || order == 0 ? compareOffsets(offset, partition, c) : order;
        if (order == direction) {
          set(c, venue, sequence, offset, partition, price);
        }
        return;
      }
    }
    Candidate added = new Candidate();
    added.next = candidate.next;
    candidate.next = added;
    set(added, venue, sequence, offset, partition, price);
  }

  private static void set(Candidate c, String venue, long sequence, long offset, int partition, Int128 price) {
    c.venue = venue;
    c.sequence = sequence;
    c.offset = offset;
    c.partition = partition;
    c.price.set(price);
  }

  private static int compareOffsets(long offset, int partition, Candidate c) {
    int order = Long.compare(offset, c.offset);
    return Integer.signum(order != 0 ? order : Integer.compare(partition, c.partition));
  }

  Int128 price() {
    return best().price;
  }

  /** Whether the trade that gives the price is one of those in another edge. */
  boolean isLedBy(Edge other) {
    Candidate best = best();
    for (Candidate c = other.candidate; c != null; c = c.next) {
      if (compareOffsets(best.offset, best.partition, c) == 0) {
        return true;
      }
    }
    return false;
  }

  private Candidate best() {
    Candidate best = candidate;
    for (Candidate c = candidate.next; c != null; c = c.next) {
      if (compareOffsets(c.offset, c.partition, best) == direction) {
        best = c;
      }
    }
    return best;
  }

  void write(DataOutputView out) throws IOException {
    out.writeLong(tsEvent);
    int count = 0;
    for (Candidate c = candidate; c != null; c = c.next) {
      count++;
    }
    out.writeShort(count);
    for (Candidate c = candidate; c != null; c = c.next) {
      c.price.write(out);
      writeVenue(c.venue, out);
      out.writeLong(c.sequence);
      out.writeLong(c.offset);
      out.writeInt(c.partition);
    }
  }

  void read(DataInputView in) throws IOException {
    tsEvent = in.readLong();
    candidate = null;
    for (int count = in.readShort(); count > 0; count--) {
      Candidate c = new Candidate();
      c.price.read(in);
      c.venue = readVenue(in);
      c.sequence = in.readLong();
      c.offset = in.readLong();
      c.partition = in.readInt();
      c.next = candidate;
      candidate = c;
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
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
