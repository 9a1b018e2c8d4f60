package tickloom;

import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.data.RowData;

/** SQL aggregate: accumulators of shorter windows to that of a day, in which no trade of extended hours sets a price. */
@FunctionHint(
    input = @DataTypeHint(value = Accumulator.ROW_TYPE, bridgedTo = RowData.class),
    accumulator = @DataTypeHint(value = "RAW", bridgedTo = Accumulator.class, rawSerializer = AccumulatorSerializer.class),
    output = @DataTypeHint(value = Accumulator.ROW_TYPE, bridgedTo = RowData.class))
public final class MergeDays extends MergeCandles {
  @Override
  public RowData getValue(Accumulator accumulator) {
    return accumulator.toRow(false);
  }
}
