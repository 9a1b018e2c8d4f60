package tickloom;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.abilities.SupportsSourceWatermark;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;

/** A table whose rows a DataStream makes. It takes no push-downs, so that every branch of a query shares one scan. */
abstract class StreamSource implements ScanTableSource, SupportsSourceWatermark {
  private final DataType rowType;

  StreamSource(DataType rowType) {
    this.rowType = rowType;
  }

  abstract boolean isBounded();

  /** Every operator of it has a uid by its name. */
  abstract DataStream<RowData> rows(StreamExecutionEnvironment env, Uids uids, TypeInformation<RowData> type);

  /** The uid of an operator with a name, unique in its job. */
  interface Uids {
    String of(String name);
  }

  @Override
  public ChangelogMode getChangelogMode() {
    return ChangelogMode.insertOnly();
  }

  @Override
  public void applySourceWatermark() {}

  @Override
  public DynamicTableSource copy() {
    return this; // nothing in it changes
  }

  @Override
  public String asSummaryString() {
    return "tickloom";
  }

  @Override
  public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
    TypeInformation<RowData> type = context.createTypeInformation(rowType);
    return new DataStreamScanProvider() {
      @Override
      public boolean isBounded() {
        return StreamSource.this.isBounded();
      }

      @Override
      public DataStream<RowData> produceDataStream(ProviderContext context, StreamExecutionEnvironment env) {
        env.getConfig().enableObjectReuse(); // records are mutable; nobody keeps one before it is sent on
        return rows(env, name -> context.generateUid(name).orElse("tickloom-" + name), type);
      }
    };
  }
}
