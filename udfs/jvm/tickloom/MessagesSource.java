package tickloom;

import java.io.Serializable;
import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
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

/** A table source on messages of a kind: source → what a function makes of those of a key, and what is rejected. */
final class MessagesSource<T extends Message> implements ScanTableSource, SupportsSourceWatermark {
  private final KafkaSource<T> messages;
  private final MessageFormat<T> format;
  private final Time time;
  private final String topic;
  private final KeyedProcessFunction<String, T, RowData> function;
  private final DataType rowType;

  /** How far records may come in the wrong order, and how long a silent partition is waited for; null: it has none. */
  record Time(long outOfOrdernessMs, Duration idleTimeout) implements Serializable {}

  MessagesSource(KafkaSource<T> messages, MessageFormat<T> format, Time time, String topic,
      KeyedProcessFunction<String, T, RowData> function, DataType rowType) {
    this.messages = messages;
    this.format = format;
    this.time = time;
    this.topic = topic;
    this.function = function;
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
    return new MessagesSource<>(messages, format, time, topic, function, rowType);
  }

  @Override
  public String asSummaryString() {
    return "tickloom messages of " + topic;
  }

  @Override
  public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
    TypeInformation<RowData> rows = context.createTypeInformation(rowType);
    return new DataStreamScanProvider() {
      @Override
      public boolean isBounded() {
        return messages.getBoundedness() == Boundedness.BOUNDED;
      }

      @Override
      public DataStream<RowData> produceDataStream(ProviderContext context, StreamExecutionEnvironment env) {
        env.getConfig().enableObjectReuse(); // nobody keeps a message before it is sent on
        OutputTag<RowData> aside = new OutputTag<>("rejected", rows);
        SingleOutputStreamOperator<T> valid = env.fromSource(messages, watermarks(), "messages").uid(uid(context, "messages"))
            .process(new Valid<T>(aside, topic), format.type()).name("valid").uid(uid(context, "valid"));
        return valid.keyBy(message -> message.key, Types.STRING)
            .process(function, rows).name("made").uid(uid(context, "made"))
            .union(valid.getSideOutput(aside))
            .map(row -> row, rows).name("rows").uid(uid(context, "rows")); // a union cannot take the planner's type
      }
    };
  }

  private WatermarkStrategy<T> watermarks() {
    return Watermarks.behind(time.outOfOrdernessMs(), time.idleTimeout(),
        (message, timestamp) -> message.isRejected() ? Watermarks.NONE : message.tsEvent / 1_000_000);
  }

  private static String uid(ProviderContext context, String name) {
    return context.generateUid(name).orElse("tickloom-" + name);
  }

  private static final class Valid<T extends Message> extends ProcessFunction<T, T> {
    private final OutputTag<RowData> aside;
    private final String topic;

    Valid(OutputTag<RowData> aside, String topic) {
      this.aside = aside;
      this.topic = topic;
    }

    @Override
    public void processElement(T message, Context context, Collector<T> out) {
      if (message.isRejected()) {
        context.output(aside, MessageRows.rejected(message, topic));
      } else {
        out.collect(message);
      }
    }
  }
}
