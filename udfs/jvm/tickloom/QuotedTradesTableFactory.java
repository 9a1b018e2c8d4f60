package tickloom;

import static tickloom.KafkaTables.FORGET_AFTER;
import static tickloom.KafkaTables.GROUP;
import static tickloom.KafkaTables.IDLE_TIMEOUT;
import static tickloom.KafkaTables.OUT_OF_ORDERNESS;
import static tickloom.KafkaTables.PROPERTIES;
import static tickloom.KafkaTables.REGISTRY;
import static tickloom.KafkaTables.REGISTRY_SECRETS;
import static tickloom.KafkaTables.STOP_OFFSETS;
import static tickloom.KafkaTables.TOPIC;
import static tickloom.KafkaTables.text;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;

/** `'connector' = 'tickloom-trades-with-quotes'`: trades with the quotes in force, the order flow of windows. */
public final class QuotedTradesTableFactory implements DynamicTableSourceFactory {
  private static final ConfigOption<String> RULES = text("rules", "what trades must satisfy, as udfs/rules.py writes it");
  private static final ConfigOption<String> QUOTES_TOPIC = text("quotes-topic", "topic of the quotes");
  private static final ConfigOption<String> QUOTES_SCHEMA =
      text("quotes-schema", "the Avro schema that all versions of quotes are read as");
  private static final ConfigOption<Duration> REALISED_AFTER = KafkaTables.duration("realised-after", 5_000);

  @Override
  public String factoryIdentifier() {
    return "tickloom-trades-with-quotes";
  }

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    return Set.of(REGISTRY, TOPIC, RULES, QUOTES_TOPIC, QUOTES_SCHEMA, QuotesTableFactory.RESOLUTIONS);
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return Set.of(REGISTRY_SECRETS, GROUP, STOP_OFFSETS, OUT_OF_ORDERNESS, IDLE_TIMEOUT, FORGET_AFTER, REALISED_AFTER);
  }

  @Override
  public DynamicTableSource createDynamicTableSource(Context context) {
    FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
    helper.validateExcept(PROPERTIES);
    ReadableConfig config = helper.getOptions();
    Map<String, String> table = context.getCatalogTable().getOptions();
    KafkaTables.checkColumns(this, context.getPhysicalRowDataType(), QuotedTradeRows.COLUMNS);
    Map<String, String> secrets = config.get(REGISTRY_SECRETS);
    KafkaTrades trades = new KafkaTrades(config.get(REGISTRY), secrets, Rules.parse(config.get(RULES)));
    KafkaMessages<SizedQuote> quotes =
        new KafkaMessages<>(new SizedQuoteFormat(), config.get(QUOTES_SCHEMA), config.get(REGISTRY), secrets);
    List<Resolution> resolutions = config.get(QuotesTableFactory.RESOLUTIONS).stream().map(Resolution::parse).toList();
    return new QuotedTradesSource(
        KafkaTables.source(config, table, trades), KafkaTables.source(config, config.get(QUOTES_TOPIC), table, quotes),
        MessagesSource.Time.of(config),
        new TradesWithQuotes.Options(
            resolutions, config.get(REALISED_AFTER).toNanos(), config.get(FORGET_AFTER).toNanos(), config.get(TOPIC),
            config.get(QUOTES_TOPIC)),
        context.getPhysicalRowDataType());
  }
}
