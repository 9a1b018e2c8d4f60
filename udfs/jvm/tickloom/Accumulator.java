package tickloom;

import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.table.data.DecimalData;
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

  final Track regular = new Track(); // the trades that set every price
  Irregular irregular; // the others; null when there is none
  final Int128 volume = new Int128();
  final Notional notional = new Notional();
  long tradeCount;
  long duplicateCount;
  long coveredFromMs = Long.MIN_VALUE;
  final Sources sources = new Sources(); // of one second; roll-ups carry none

  /** Takes in a trade that may update what its effects say. */
  void add(Trade trade, int effects) {
    if (Effects.prices(effects) == Effects.REGULAR) {
      regular.add(trade);
    } else {
      irregular().add(trade, effects);
    }
    if (Effects.countsVolume(effects)) {
      addVolume(trade.size);
      notional.add(trade.price, trade.size);
    }
    tradeCount++;
  }

  void merge(Accumulator other) {
    duplicateCount += other.duplicateCount;
    coveredFromMs = Math.max(coveredFromMs, other.coveredFromMs);
    sources.add(other.sources);
    regular.merge(other.regular);
    if (other.irregular != null) {
      irregular().merge(other.irregular);
    }
    addVolume(other.volume);
    notional.add(other.notional);
    tradeCount += other.tradeCount;
  }

  private Irregular irregular() {
    if (irregular == null) {
      irregular = new Irregular();
    }
    return irregular;
  }

  private void addVolume(Int128 size) {
    if (!volume.add(size.hi, size.lo)) {
      throw new ArithmeticException("volume exceeds 128 bits"); // needs over 10^8 trades of the largest allowed size
    }
  }

  /** The prices of a candle shorter than a day; in that of a day, no trade of extended hours sets one. */
  RowData toRow(boolean shorterThanADay) {
    Prices prices = Prices.of(this, shorterThanADay);
    return GenericRowData.of(
        data(prices.open()), data(prices.high()), data(prices.low()), data(prices.close()), volume.toData(),
        notional.unscaled().toByteArray(), tradeCount, duplicateCount, tradeCount == 0 ? null : firstTsEvent(),
        tradeCount == 0 ? null : lastTsEvent(), coveredFromMs, AccumulatorSerializer.toBytes(this));
  }

  private static DecimalData data(Int128 price) {
    return price == null ? null : price.toData();
  }

  private long firstTsEvent() {
    long ofRegular = regular.isEmpty() ? Long.MAX_VALUE : regular.first.tsEvent;
    return irregular == null ? ofRegular : Math.min(ofRegular, irregular.firstTsEvent);
  }

  private long lastTsEvent() {
    long ofRegular = regular.isEmpty() ? Long.MIN_VALUE : regular.last.tsEvent;
    return irregular == null ? ofRegular : Math.max(ofRegular, irregular.lastTsEvent);
  }

  void write(DataOutputView out) throws IOException {
    regular.write(out);
    volume.write(out);
    notional.write(out);
    out.writeLong(tradeCount);
    out.writeLong(duplicateCount);
    out.writeLong(coveredFromMs);
    out.writeBoolean(irregular != null);
    if (irregular != null) {
      irregular.write(out);
    }
    sources.write(out);
  }

  static Accumulator read(DataInputView in) throws IOException {
    Accumulator accumulator = new Accumulator();
    accumulator.regular.read(in);
    accumulator.volume.read(in);
    accumulator.notional.read(in);
    accumulator.tradeCount = in.readLong();
    accumulator.duplicateCount = in.readLong();
    accumulator.coveredFromMs = in.readLong();
    accumulator.irregular = in.readBoolean() ? Irregular.read(in) : null;
    accumulator.sources.read(in);
    return accumulator;
  }
}
