package tickloom;

import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;

/**
 * What is known of a candle so far. A commutative monoid: any partition of the trades into accumulators, merged in any
 * order, gives the same candle. Fold, merge and every roll-up are this one class.
 */
public final class Accumulator {
  /**
   * The accumulator as SQL sees it: what a candle shows of it, and `state`, from which it is read again. The notional is
   * the unscaled exact sum (scale 24), covered_from milliseconds.
   */
  public static final String ROW_TYPE =
      "ROW<open DECIMAL(38, 12), high DECIMAL(38, 12), low DECIMAL(38, 12), close DECIMAL(38, 12),"
          + " volume DECIMAL(38, 12), notional BYTES, trade_count BIGINT, duplicate_count BIGINT,"
          + " first_ts_event BIGINT, last_ts_event BIGINT, covered_from BIGINT, state BYTES>";

  final Edge open = new Edge(-1);
  final Int128 high = new Int128();
  final Int128 low = new Int128();
  final Edge close = new Edge(1);
  final Int128 volume = new Int128();
  final Notional notional = new Notional();
  long tradeCount;
  long duplicateCount;
  long coveredFromMs = Long.MIN_VALUE;
  final Sources sources = new Sources(); // of one second; roll-ups carry none

  void add(Trade trade) {
    widen(trade.price, trade.price);
    open.offer(trade);
    close.offer(trade);
    addVolume(trade.size);
    notional.add(trade.price, trade.size);
    tradeCount++;
  }

  void merge(Accumulator other) {
    duplicateCount += other.duplicateCount;
    coveredFromMs = Math.max(coveredFromMs, other.coveredFromMs);
    sources.add(other.sources);
    if (other.tradeCount == 0) {
      return;
    }
    widen(other.low, other.high);
    open.offer(other.open);
    close.offer(other.close);
    addVolume(other.volume);
    notional.add(other.notional);
    tradeCount += other.tradeCount;
  }

  private void widen(Int128 lowest, Int128 highest) {
    if (tradeCount == 0 || highest.compareTo(high) > 0) {
      high.set(highest);
    }
    if (tradeCount == 0 || lowest.compareTo(low) < 0) {
      low.set(lowest);
    }
  }

  private void addVolume(Int128 size) {
    if (!volume.add(size.hi, size.lo)) {
      throw new ArithmeticException("volume exceeds 128 bits"); // needs over 10^8 trades of the largest allowed size
    }
  }

  RowData toRow() {
    boolean empty = tradeCount == 0;
    return GenericRowData.of(
        empty ? null : open.price().toData(), empty ? null : high.toData(), empty ? null : low.toData(),
        empty ? null : close.price().toData(), volume.toData(), notional.unscaled().toByteArray(), tradeCount,
        duplicateCount, empty ? null : open.tsEvent, empty ? null : close.tsEvent, coveredFromMs,
        AccumulatorSerializer.toBytes(this));
  }

  void write(DataOutputView out) throws IOException {
    open.write(out);
    high.write(out);
    low.write(out);
    close.write(out);
    volume.write(out);
    notional.write(out);
    out.writeLong(tradeCount);
    out.writeLong(duplicateCount);
    out.writeLong(coveredFromMs);
    sources.write(out);
  }

  static Accumulator read(DataInputView in) throws IOException {
    Accumulator accumulator = new Accumulator();
    accumulator.open.read(in);
    accumulator.high.read(in);
    accumulator.low.read(in);
    accumulator.close.read(in);
    accumulator.volume.read(in);
    accumulator.notional.read(in);
    accumulator.tradeCount = in.readLong();
    accumulator.duplicateCount = in.readLong();
    accumulator.coveredFromMs = in.readLong();
    accumulator.sources.read(in);
    return accumulator;
  }
}
