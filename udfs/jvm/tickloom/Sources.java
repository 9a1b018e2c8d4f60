package tickloom;

import java.io.IOException;
import java.util.Arrays;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/**
 * Where the trades of a second stand in the trades topic: ranges of offsets, by partition, that hold them all (and others
 * between them). With these a second is read again without a search.
 */
final class Sources {
  private static final long GAP_MAX = 1 << 14; // reading through so many records costs less than a seek
  private static final int RANGES_MAX = 4;
  private static final int WIDTH = 3; // partition, first, last

  private static final long[] NONE = {};

  private long[] ranges = NONE;
  private int size;

  /** Adds one record. Offsets of a partition come in order, so that nearly always the last range grows. */
  void add(int partition, long offset) {
    if (size > 0) {
      int last = (size - 1) * WIDTH;
      if (ranges[last] == partition && offset >= ranges[last + 1] && offset - ranges[last + 2] <= GAP_MAX) {
        ranges[last + 2] = Math.max(ranges[last + 2], offset);
        return;
      }
    }
    add(partition, offset, offset);
  }

  void add(Sources other) {
    for (int i = 0; i < other.size * WIDTH; i += WIDTH) {
      add((int) other.ranges[i], other.ranges[i + 1], other.ranges[i + 2]);
    }
  }

  /** Inserts a range in the order of (partition, first), then closes the gaps that are too small or too many. */
  private void add(int partition, long first, long last) {
    if ((size + 1) * WIDTH > ranges.length) {
      int several = Math.max(ranges.length, RANGES_MAX * WIDTH) + WIDTH;
      ranges = Arrays.copyOf(ranges, size == 0 ? WIDTH : several); // one is the usual case
    }
    int at = size * WIDTH;
    while (at > 0 && (ranges[at - WIDTH] > partition || ranges[at - WIDTH] == partition && ranges[at - 2] > first)) {
      at -= WIDTH;
    }
    System.arraycopy(ranges, at, ranges, at + WIDTH, size * WIDTH - at);
    ranges[at] = partition;
    ranges[at + 1] = first;
    ranges[at + 2] = last;
    size++;
    for (int smallest = smallestGap(); smallest >= 0; smallest = smallestGap()) {
      join(smallest);
    }
  }

  /** The range whose gap to the next of its partition is to be closed; -1 when none is. */
  private int smallestGap() {
    int smallest = -1;
    long least = size > RANGES_MAX ? Long.MAX_VALUE : GAP_MAX + 1;
    for (int i = 0; i + WIDTH < size * WIDTH; i += WIDTH) {
      long gap = ranges[i + WIDTH + 1] - ranges[i + 2];
      if (ranges[i] == ranges[i + WIDTH] && gap < least) {
        smallest = i;
        least = gap;
      }
    }
    return smallest;
  }

  private void join(int at) {
    ranges[at + 2] = Math.max(ranges[at + 2], ranges[at + WIDTH + 2]);
    System.arraycopy(ranges, at + 2 * WIDTH, ranges, at + WIDTH, (size - 2) * WIDTH - at);
    size--;
  }

  void clear() {
    size = 0;
  }

  /** Whether the trades came from more than one partition, which a producer that partitions by symbol never does. */
  boolean spanPartitions() {
    return size > 0 && ranges[0] != ranges[(size - 1) * WIDTH];
  }

  int partition() {
    return (int) ranges[0];
  }

  long first() {
    return ranges[1];
  }

  long last() {
    return ranges[(size - 1) * WIDTH + 2];
  }

  void write(DataOutputView out) throws IOException {
    out.writeShort(size);
    for (int i = 0; i < size * WIDTH; i += WIDTH) {
      out.writeInt((int) ranges[i]);
      out.writeLong(ranges[i + 1]);
      out.writeLong(ranges[i + 2]);
    }
  }

  void read(DataInputView in) throws IOException {
    size = in.readShort();
    ranges = size == 0 ? NONE : new long[size * WIDTH];
    for (int i = 0; i < size * WIDTH; i += WIDTH) {
      ranges[i] = in.readInt();
      ranges[i + 1] = in.readLong();
      ranges[i + 2] = in.readLong();
    }
  }
}
