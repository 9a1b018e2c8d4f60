package tickloom;

import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.typeutils.TupleTypeInfo;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.abilities.SupportsSourceWatermark;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * The table source of the `tickloom` connector: source → fold → merge as one DataStream, or the ticks themselves, bars
 * of them, or the runs of their numbers. It takes no push-downs, so that every branch of a query shares one scan.
 */
final class TradesSource implements ScanTableSource, SupportsSourceWatermark {
  private final Source<Trade, ?, ?> trades;
  private final SourceOptions options;
  private final Rules rules;
  private final DataType rowType;

  TradesSource(Source<Trade, ?, ?> trades, SourceOptions options, Rules rules, DataType rowType) {
    this.trades = trades;
    this.options = options;
    this.rules = rules;
    this.rowType = rowType;
  }

  @Override
  public ChangelogMode getChangelogMode() {
    return ChangelogMode.insertOnly();
  }

  @Override
  public void applySourceWatermark() {}

  @Override
  public DynamicTableSource copy() {
    return new TradesSource(trades, options, rules, rowType);
  }

  @Override
  public String asSummaryString() {
    return "tickloom";
  }

  @Override
  public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
    TypeInformation<RowData> rows = context.createTypeInformation(rowType);
    return new DataStreamScanProvider() {
      @Override
      public boolean isBounded() {
        return trades.getBoundedness() == Boundedness.BOUNDED;
      }

      @Override
      public DataStream<RowData> produceDataStream(ProviderContext context, StreamExecutionEnvironment env) {
        env.getConfig().enableObjectReuse(); // trades are mutable and reused between chained operators
        DataStream<Trade> source = env.fromSource(trades, watermarks(), "trades").uid(uid(context, "trades"));
        return switch (options.emit()) {
          case CANDLES -> candles(source, context, rows);
          case TICKS -> ticks(source, context, rows);
          case BARS -> bars(source, context, rows);
          case RUNS -> runs(source, context, rows);
        };
      }
    };
  }

  private WatermarkStrategy<Trade> watermarks() {
    if (options.boundedRun()) {
      return WatermarkStrategy.noWatermarks(); // nothing is late: every window closes at the end of the input
    }
    Duration idleTimeout = options.stops() ? null : Duration.ofMillis(options.idleTimeoutMs());
    return Watermarks.behind(options.outOfOrdernessMs(), idleTimeout,
        (trade, timestamp) -> trade.isRejected() ? Watermarks.NONE : trade.tsEvent / 1_000_000);
  }

  private DataStream<RowData> candles(DataStream<Trade> source, ProviderContext context, TypeInformation<RowData> rows) {
    OutputTag<RowData> aside = new OutputTag<>("rejected-and-late", rows);
    TypeInformation<org.apache.flink.api.java.tuple.Tuple3<String, Long, Accumulator>> partial =
        new TupleTypeInfo<>(Types.STRING, Types.LONG, AccumulatorType.INSTANCE);
    Fold fold = new Fold(aside, options.outOfOrdernessMs(), rules, options.conditions());
    var folded = source.transform("fold", partial, fold).uid(uid(context, "fold"));
    SingleOutputStreamOperator<RowData> merged =
        folded.keyBy(p -> p.f0, Types.STRING).transform("merge", rows, new Merge()).uid(uid(context, "merge"));
    return merged.union(folded.getSideOutput(aside))
        .map(row -> row, rows).name("rows").uid(uid(context, "rows")); // a union cannot take the type the planner sets
  }

  private static DataStream<RowData> ticks(DataStream<Trade> source, ProviderContext context, TypeInformation<RowData> rows) {
    return source.process(new Ticks(), rows).name("ticks").uid(uid(context, "ticks"));
  }

  private DataStream<RowData> bars(DataStream<Trade> source, ProviderContext context, TypeInformation<RowData> rows) {
    return source.process(new ToTick(), Types.POJO(Tick.class)).name("ticks").uid(uid(context, "ticks"))
        .keyBy(tick -> tick.symbol, Types.STRING)
        .process(new Bars(options.bars()), rows).name("bars").uid(uid(context, "bars"));
  }

  private DataStream<RowData> runs(DataStream<Trade> source, ProviderContext context, TypeInformation<RowData> rows) {
    return source.transform("runs", rows, new Runs(options.numbered(), options.conditions())).uid(uid(context, "runs"));
  }

  private static String uid(ProviderContext context, String name) {
    return context.generateUid(name).orElse("tickloom-" + name);
  }

  private static final class Ticks extends ProcessFunction<Trade, RowData> {
    @Override
    public void processElement(Trade trade, Context context, Collector<RowData> out) {
      if (!trade.isRejected()) {
        out.collect(Rows.tick(trade));
      }
    }
  }
  private static final class ToTick extends ProcessFunction<Trade, Tick> {
    @Override
    public void processElement(Trade trade, Context context, Collector<Tick> out) {
      if (!trade.isRejected()) {
        out.collect(Tick.of(trade));
      }
    }
  }
}
