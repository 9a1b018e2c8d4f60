package tickloom;

import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;

/** The table source of trades and the quotes in force at their times: both → join, and what is rejected of either. */
final class QuotedTradesSource extends StreamSource {
  private static final Duration AHEAD_MAX = Duration.ofMinutes(5);
  private static final Duration LOOK_EVERY = Duration.ofMillis(100);

  private final TopicSource<Trade> trades;
  private final TopicSource<SizedQuote> quotes;
  private final MessagesSource.Time time;
  private final TradesWithQuotes.Options options;

  QuotedTradesSource(TopicSource<Trade> trades, TopicSource<SizedQuote> quotes, MessagesSource.Time time,
      TradesWithQuotes.Options options, DataType rowType) {
    super(rowType);
    this.trades = trades;
    this.quotes = quotes;
    this.time = time;
    this.options = options;
  }

  @Override
  boolean isBounded() {
    return trades.getBoundedness() == Boundedness.BOUNDED && quotes.getBoundedness() == Boundedness.BOUNDED;
  }

  @Override
  DataStream<RowData> rows(StreamExecutionEnvironment env, Uids uids, TypeInformation<RowData> type) {
    OutputTag<RowData> aside = new OutputTag<>("rejected", type);
    String quotesTopic = options.quotesTopic();
    SingleOutputStreamOperator<Tick> ticks = env.fromSource(trades, aligned(time.ofTrades()), "trades").uid(uids.of("trades"))
        .process(new Ticks(aside), Types.POJO(Tick.class)).name("ticks").uid(uids.of("ticks"));
    SingleOutputStreamOperator<SizedQuote> valid = env.fromSource(quotes, aligned(time.watermarks()), "quotes").uid(uids.of("quotes"))
        .process(new MessagesSource.Valid<SizedQuote>(aside, quote -> QuotedTradeRows.rejected(quote, quotesTopic)),
            Types.POJO(SizedQuote.class)).name("valid").uid(uids.of("valid"));
    return ticks.keyBy(tick -> tick.symbol, Types.STRING).connect(valid.keyBy(quote -> quote.key, Types.STRING))
        .process(new TradesWithQuotes(options), type).name("join").uid(uids.of("join"))
        .union(ticks.getSideOutput(aside), valid.getSideOutput(aside))
        .map(row -> row, type).name("rows").uid(uids.of("rows")); // a union cannot take the planner's type
  }

  /** What is read ahead of the other waits in state: of a backlog no more than this. */
  private static <T> WatermarkStrategy<T> aligned(WatermarkStrategy<T> watermarks) {
    return watermarks.withWatermarkAlignment("tape", AHEAD_MAX, LOOK_EVERY);
  }

  private static final class Ticks extends ProcessFunction<Trade, Tick> {
    private final OutputTag<RowData> aside;

    Ticks(OutputTag<RowData> aside) {
      this.aside = aside;
    }

    @Override
    public void processElement(Trade trade, Context context, Collector<Tick> out) {
      if (trade.isRejected()) {
        context.output(aside, QuotedTradeRows.rejected(trade));
      } else {
        out.collect(Tick.of(trade));
      }
    }
  }
}
