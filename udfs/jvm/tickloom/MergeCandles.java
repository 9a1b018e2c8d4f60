package tickloom;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.functions.AggregateFunction;

/** SQL aggregate: accumulators of shorter windows to the accumulator of a longer one that is shorter than a day. */
@FunctionHint(
    input = @DataTypeHint(value = Accumulator.ROW_TYPE, bridgedTo = RowData.class),
    accumulator = @DataTypeHint(value = "RAW", bridgedTo = Accumulator.class, rawSerializer = AccumulatorSerializer.class),
    output = @DataTypeHint(value = Accumulator.ROW_TYPE, bridgedTo = RowData.class))
public class MergeCandles extends AggregateFunction<RowData, Accumulator> {
  private static final int STATE = 11; // of ROW_TYPE

  @Override
  public Accumulator createAccumulator() {
    return new Accumulator();
  }

  public void accumulate(Accumulator accumulator, RowData candle) {
    Accumulator shorter = AccumulatorSerializer.fromBytes(candle.getBinary(STATE));
    shorter.sources.clear();
    accumulator.merge(shorter);
  }

  public void merge(Accumulator accumulator, Iterable<Accumulator> others) {
    for (Accumulator other : others) {
      accumulator.merge(other);
    }
  }

  @Override
  public RowData getValue(Accumulator accumulator) {
    return accumulator.toRow(true);
  }
}
