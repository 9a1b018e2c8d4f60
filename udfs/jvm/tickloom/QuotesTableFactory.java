package tickloom;

import static tickloom.KafkaTables.GROUP;
import static tickloom.KafkaTables.IDLE_TIMEOUT;
import static tickloom.KafkaTables.OUT_OF_ORDERNESS;
import static tickloom.KafkaTables.PROPERTIES;
import static tickloom.KafkaTables.REGISTRY;
import static tickloom.KafkaTables.REGISTRY_SECRETS;
import static tickloom.KafkaTables.STOP_OFFSETS;
import static tickloom.KafkaTables.TOPIC;
import static tickloom.KafkaTables.required;
import static tickloom.KafkaTables.text;

import java.util.List;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;

/** `'connector' = 'tickloom-quotes'`: candles of the best bid and offer, of quotes on Kafka. */
public final class QuotesTableFactory implements DynamicTableSourceFactory {
  private static final ConfigOption<String> SCHEMA = text("schema", "schemas/quote.avsc");
  private static final ConfigOption<List<String>> RESOLUTIONS = ConfigOptions.key("resolutions").stringType().asList()
      .noDefaultValue().withDescription("lengths of the windows: name=milliseconds;…");

  @Override
  public String factoryIdentifier() {
    return "tickloom-quotes";
  }

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    return Set.of(REGISTRY, TOPIC, SCHEMA, RESOLUTIONS);
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return Set.of(REGISTRY_SECRETS, GROUP, STOP_OFFSETS, OUT_OF_ORDERNESS, IDLE_TIMEOUT);
  }

  @Override
  public DynamicTableSource createDynamicTableSource(Context context) {
    FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
    helper.validateExcept(PROPERTIES);
    ReadableConfig config = helper.getOptions();
    DataType rows = context.getPhysicalRowDataType();
    List<String> names = DataType.getFieldNames(rows);
    if (!names.equals(QuoteRows.COLUMNS)) {
      throw new ValidationException(
          "a 'tickloom-quotes' table must have the columns " + QuoteRows.COLUMNS + ", this one has " + names);
    }
    KafkaQuotes quotes = new KafkaQuotes(config.get(SCHEMA), config.get(REGISTRY), config.get(REGISTRY_SECRETS));
    return new QuotesSource(
        KafkaTables.source(config, context.getCatalogTable().getOptions(), quotes), required(config, TOPIC),
        config.get(OUT_OF_ORDERNESS).toMillis(), config.get(STOP_OFFSETS).isEmpty() ? config.get(IDLE_TIMEOUT) : null,
        config.get(RESOLUTIONS).stream().map(Resolution::parse).toList(), rows);
  }
}
