package tickloom;

import java.time.Duration;
import java.util.List;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.connector.kafka.source.KafkaSource;
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

/** The table source of the `tickloom-quotes` connector: source → candles by instrument, and what is rejected. */
final class QuotesSource implements ScanTableSource, SupportsSourceWatermark {
  private final KafkaSource<Quote> quotes;
  private final String topic;
  private final long outOfOrdernessMs;
  private final Duration idleTimeout; // null: none
  private final List<Resolution> resolutions;
  private final DataType rowType;

  QuotesSource(KafkaSource<Quote> quotes, String topic, long outOfOrdernessMs, Duration idleTimeout,
      List<Resolution> resolutions, DataType rowType) {
    this.quotes = quotes;
    this.topic = topic;
    this.outOfOrdernessMs = outOfOrdernessMs;
    this.idleTimeout = idleTimeout;
    this.resolutions = resolutions;
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
    return new QuotesSource(quotes, topic, outOfOrdernessMs, idleTimeout, resolutions, rowType);
  }

  @Override
  public String asSummaryString() {
    return "tickloom-quotes";
  }

  @Override
  public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
    TypeInformation<RowData> rows = context.createTypeInformation(rowType);
    return new DataStreamScanProvider() {
      @Override
      public boolean isBounded() {
        return quotes.getBoundedness() == Boundedness.BOUNDED;
      }

      @Override
      public DataStream<RowData> produceDataStream(ProviderContext context, StreamExecutionEnvironment env) {
        env.getConfig().enableObjectReuse(); // nobody keeps a quote before it is sent on
        OutputTag<RowData> aside = new OutputTag<>("rejected", rows);
        SingleOutputStreamOperator<Quote> valid = env.fromSource(quotes, watermarks(), "quotes").uid(uid(context, "quotes"))
            .process(new Valid(aside, topic), Types.POJO(Quote.class)).name("valid").uid(uid(context, "valid"));
        return valid.keyBy(quote -> quote.instrument, Types.STRING)
            .process(new QuoteCandles(resolutions, topic), rows).name("candles").uid(uid(context, "candles"))
            .union(valid.getSideOutput(aside))
            .map(row -> row, rows).name("rows").uid(uid(context, "rows")); // a union cannot take the planner's type
      }
    };
  }

  private WatermarkStrategy<Quote> watermarks() {
    return Watermarks.behind(outOfOrdernessMs, idleTimeout,
        (quote, timestamp) -> quote.isRejected() ? Watermarks.NONE : quote.tsEvent / 1_000_000);
  }

  private static String uid(ProviderContext context, String name) {
    return context.generateUid(name).orElse("tickloom-quotes-" + name);
  }

  private static final class Valid extends ProcessFunction<Quote, Quote> {
    private final OutputTag<RowData> aside;
    private final String topic;

    Valid(OutputTag<RowData> aside, String topic) {
      this.aside = aside;
      this.topic = topic;
    }

    @Override
    public void processElement(Quote quote, Context context, Collector<Quote> out) {
      if (quote.isRejected()) {
        context.output(aside, QuoteRows.rejected(quote, topic));
      } else {
        out.collect(quote);
      }
    }
  }
}
