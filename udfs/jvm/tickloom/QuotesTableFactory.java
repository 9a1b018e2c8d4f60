package tickloom;

import static tickloom.KafkaTables.FORGET_AFTER;
import static tickloom.KafkaTables.TOPIC;

import java.util.List;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.table.data.RowData;

/** `'connector' = 'tickloom-quotes'`: candles of the best bid and offer. */
public final class QuotesTableFactory extends MessagesTableFactory<Quote> {
  static final ConfigOption<List<String>> RESOLUTIONS = ConfigOptions.key("resolutions").stringType().asList()
      .noDefaultValue().withDescription("lengths of the windows: name=milliseconds;…");

  /** For Flink, which looks it up. */
  public QuotesTableFactory() {
    super(new QuoteFormat(), "candle", Set.of(RESOLUTIONS));
  }

  @Override
  public String factoryIdentifier() {
    return "tickloom-quotes";
  }

  @Override
  KeyedProcessFunction<String, Quote, RowData> function(ReadableConfig config) {
    List<Resolution> resolutions = config.get(RESOLUTIONS).stream().map(Resolution::parse).toList();
    return new QuoteCandles(resolutions, config.get(FORGET_AFTER).toNanos(), config.get(TOPIC));
  }
}
