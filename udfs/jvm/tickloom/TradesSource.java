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
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/**
 * The table source of the `tickloom` connector: source → fold → merge as one DataStream, or the ticks themselves, bars
 * of them, or the runs of their numbers.
 */
final class TradesSource extends StreamSource {
  private final Source<Trade, ?, ?> trades;
  private final SourceOptions options;
  private final Rules rules;

  TradesSource(Source<Trade, ?, ?> trades, SourceOptions options, Rules rules, DataType rowType) {
    super(rowType);
    this.trades = trades;
    this.options = options;
    this.rules = rules;
  }

  @Override
  boolean isBounded() {
    return trades.getBoundedness() == Boundedness.BOUNDED;
  }

  @Override
  DataStream<RowData> rows(StreamExecutionEnvironment env, Uids uids, TypeInformation<RowData> type) {
    DataStream<Trade> source = env.fromSource(trades, watermarks(), "trades").uid(uids.of("trades"));
    return switch (options.emit()) {
      case CANDLES -> candles(source, uids, type);
      case TICKS -> ticks(source, uids, type);
      case BARS -> bars(source, uids, type);
      case RUNS -> runs(source, uids, type);
    };
  }

  private WatermarkStrategy<Trade> watermarks() {
    if (options.boundedRun()) {
      return WatermarkStrategy.noWatermarks(); // nothing is late: every window closes at the end of the input
    }
    Duration idleTimeout = options.stops() ? null : Duration.ofMillis(options.idleTimeoutMs());
    return Watermarks.ofTrades(options.outOfOrdernessMs(), idleTimeout);
  }

  private DataStream<RowData> candles(DataStream<Trade> source, Uids uids, TypeInformation<RowData> rows) {
    OutputTag<RowData> aside = new OutputTag<>("rejected-and-late", rows);
    TypeInformation<org.apache.flink.api.java.tuple.Tuple3<String, Long, Accumulator>> partial =
        new TupleTypeInfo<>(Types.STRING, Types.LONG, AccumulatorType.INSTANCE);
    Fold fold = new Fold(aside, options.outOfOrdernessMs(), rules, options.conditions());
    var folded = source.transform("fold", partial, fold).uid(uids.of("fold"));
    SingleOutputStreamOperator<RowData> merged =
        folded.keyBy(p -> p.f0, Types.STRING).transform("merge", rows, new Merge()).uid(uids.of("merge"));
    return merged.union(folded.getSideOutput(aside))
        .map(row -> row, rows).name("rows").uid(uids.of("rows")); // a union cannot take the type the planner sets
  }

  private static DataStream<RowData> ticks(DataStream<Trade> source, Uids uids, TypeInformation<RowData> rows) {
    return source.process(new Ticks(), rows).name("ticks").uid(uids.of("ticks"));
  }

  private DataStream<RowData> bars(DataStream<Trade> source, Uids uids, TypeInformation<RowData> rows) {
    return source.process(new ToTick(), Types.POJO(Tick.class)).name("ticks").uid(uids.of("ticks"))
        .keyBy(tick -> tick.symbol, Types.STRING)
        .process(new Bars(options.bars()), rows).name("bars").uid(uids.of("bars"));
  }

  private DataStream<RowData> runs(DataStream<Trade> source, Uids uids, TypeInformation<RowData> rows) {
    return source.transform("runs", rows, new Runs(options.numbered(), options.conditions())).uid(uids.of("runs"));
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
