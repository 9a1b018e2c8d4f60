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
  /** The accumulator as SQL sees it; notional is the unscaled exact sum (scale 24), covered_from milliseconds. */
  public static final String ROW_TYPE =
      "ROW<open DECIMAL(38, 12), high DECIMAL(38, 12), low DECIMAL(38, 12), close DECIMAL(38, 12),"
          + " volume DECIMAL(38, 12), notional BYTES, trade_count BIGINT, duplicate_count BIGINT,"
          + " first_ts_event BIGINT, last_ts_event BIGINT, covered_from BIGINT>";

  final Edge open = new Edge(-1);
  final Int128 high = new Int128();
  final Int128 low = new Int128();
  final Edge close = new Edge(1);
  final Int128 volume = new Int128();
  final Notional notional = new Notional();
  long tradeCount;
  long duplicateCount;
  long coveredFromMs = Long.MIN_VALUE;

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
    return GenericRowData.of(
        open.price().toData(), high.toData(), low.toData(), close.price().toData(),
        volume.toData(), notional.unscaled().toByteArray(), tradeCount, duplicateCount,
        open.tsEvent, close.tsEvent, coveredFromMs);
  }

  void merge(RowData row) {
    Accumulator other = new Accumulator();
    Int128 price = new Int128();
    price.set(row.getDecimal(0, Int128.PRECISION, Int128.SCALE));
    other.open.offer(row.getLong(8), price);
    other.high.set(row.getDecimal(1, Int128.PRECISION, Int128.SCALE));
    other.low.set(row.getDecimal(2, Int128.PRECISION, Int128.SCALE));
    price.set(row.getDecimal(3, Int128.PRECISION, Int128.SCALE));
    other.close.offer(row.getLong(9), price);
    other.volume.set(row.getDecimal(4, Int128.PRECISION, Int128.SCALE));
    other.notional.add(row.getBinary(5));
    other.tradeCount = row.getLong(6);
    other.duplicateCount = row.getLong(7);
    other.coveredFromMs = row.getLong(10);
    merge(other);
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
    return accumulator;
  }
}
