package tickloom;

import static tickloom.KafkaTables.FORGET_AFTER;
import static tickloom.KafkaTables.TOPIC;

import java.time.Duration;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.table.data.RowData;

/** `'connector' = 'tickloom-books'`: the depth of order books at the end of every interval. */
public final class BooksTableFactory extends MessagesTableFactory<BookUpdate> {
  private static final ConfigOption<Duration> INTERVAL =
      ConfigOptions.key("interval").durationType().noDefaultValue().withDescription("how often the depth is told");
  private static final ConfigOption<Integer> LEVELS =
      ConfigOptions.key("levels").intType().noDefaultValue().withDescription("levels of a side that are told");
  private static final ConfigOption<Integer> WITHIN_BP = ConfigOptions.key("within-bp").intType().noDefaultValue()
      .withDescription("basis points from the middle within which units are summed up");

  /** For Flink, which looks it up. */
  public BooksTableFactory() {
    super(new BookFormat(), "depth", Set.of(INTERVAL, LEVELS, WITHIN_BP));
  }

  @Override
  public String factoryIdentifier() {
    return "tickloom-books";
  }

  @Override
  KeyedProcessFunction<String, BookUpdate, RowData> function(ReadableConfig config) {
    return new BookDepths(
        config.get(INTERVAL).toNanos(), config.get(LEVELS), config.get(WITHIN_BP), config.get(FORGET_AFTER).toNanos(),
        config.get(TOPIC));
  }
}
