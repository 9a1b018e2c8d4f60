package tickloom;

import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.types.Row;

/** Rows beside their first column, which is the form that PyFlink's keyed steps take: (key, row). */
public final class WithKey implements MapFunction<Row, Row> {
  private static final long serialVersionUID = 1L;

  @Override
  public Row map(Row row) {
    return Row.of(row.getField(0), row);
  }
}
