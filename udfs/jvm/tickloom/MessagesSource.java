package tickloom;

import java.time.Duration;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.datastream.SingleOutputStreamOperator;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;
import org.apache.flink.util.function.SerializableFunction;

/** A table source on messages of a kind: source → what a function makes of those of a key, and what is rejected. */
final class MessagesSource<T extends Message> extends StreamSource {
  private final TopicSource<T> messages;
  private final MessageFormat<T> format;
  private final Time time;
  private final String topic;
  private final KeyedProcessFunction<String, T, RowData> function;

  /** How far records may come in the wrong order, and how long a silent partition is waited for; null: it has none. */
  record Time(long outOfOrdernessMs, Duration idleTimeout) {
    /** What ends at stated offsets is not idle before. */
    static Time of(ReadableConfig config) {
      Duration idleTimeout = config.get(KafkaTables.STOP_OFFSETS).isEmpty() ? config.get(KafkaTables.IDLE_TIMEOUT) : null;
      return new Time(config.get(KafkaTables.OUT_OF_ORDERNESS).toMillis(), idleTimeout);
    }

    WatermarkStrategy<Trade> ofTrades() {
      return Watermarks.ofTrades(outOfOrdernessMs, idleTimeout);
    }

    <T extends Message> WatermarkStrategy<T> watermarks() {
      return Watermarks.behind(outOfOrdernessMs, idleTimeout,
          (message, timestamp) -> message.isRejected() ? Watermarks.NONE : message.tsEvent / 1_000_000);
    }
  }

  MessagesSource(TopicSource<T> messages, MessageFormat<T> format, Time time, String topic,
      KeyedProcessFunction<String, T, RowData> function, DataType rowType) {
    super(rowType);
    this.messages = messages;
    this.format = format;
    this.time = time;
    this.topic = topic;
    this.function = function;
  }

  @Override
  boolean isBounded() {
    return messages.getBoundedness() == Boundedness.BOUNDED;
  }

  @Override
  DataStream<RowData> rows(StreamExecutionEnvironment env, Uids uids, TypeInformation<RowData> type) {
    OutputTag<RowData> aside = new OutputTag<>("rejected", type);
    String topic = this.topic; // all that the step below takes along
    SingleOutputStreamOperator<T> valid = env.fromSource(messages, time.watermarks(), "messages").uid(uids.of("messages"))
        .process(new Valid<T>(aside, message -> MessageRows.rejected(message, topic)), format.type()).name("valid").uid(uids.of("valid"));
    return valid.keyBy(message -> message.key, Types.STRING)
        .process(function, type).name("made").uid(uids.of("made"))
        .union(valid.getSideOutput(aside))
        .map(row -> row, type).name("rows").uid(uids.of("rows")); // a union cannot take the planner's type
  }

  /** Messages, and aside the rows of those that are rejected. */
  static final class Valid<T extends Message> extends ProcessFunction<T, T> {
    private final OutputTag<RowData> aside;
    private final SerializableFunction<T, RowData> row;

    Valid(OutputTag<RowData> aside, SerializableFunction<T, RowData> row) {
      this.aside = aside;
      this.row = row;
    }

    @Override
    public void processElement(T message, Context context, Collector<T> out) {
      if (message.isRejected()) {
        context.output(aside, row.apply(message));
      } else {
        out.collect(message);
      }
    }
  }
}
