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
import static tickloom.KafkaTables.required;
import static tickloom.KafkaTables.text;

import java.util.HashSet;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;

/** A connector of messages on Kafka: what a function makes of them, and what is rejected. */
abstract class MessagesTableFactory<T extends Message> implements DynamicTableSourceFactory {
  private static final ConfigOption<String> SCHEMA = text("schema", "the Avro schema that all versions are read as");

  private final MessageFormat<T> format;
  private final String made;
  private final Set<ConfigOption<?>> own;

  /** `made` is the column of what is made, `own` are options beside those of every such connector. */
  MessagesTableFactory(MessageFormat<T> format, String made, Set<ConfigOption<?>> own) {
    this.format = format;
    this.made = made;
    this.own = own;
  }

  abstract KeyedProcessFunction<String, T, RowData> function(ReadableConfig config);

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    Set<ConfigOption<?>> all = new HashSet<>(own);
    all.addAll(Set.of(REGISTRY, TOPIC, SCHEMA));
    return all;
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return Set.of(REGISTRY_SECRETS, GROUP, STOP_OFFSETS, OUT_OF_ORDERNESS, IDLE_TIMEOUT, FORGET_AFTER);
  }

  @Override
  public DynamicTableSource createDynamicTableSource(Context context) {
    FactoryUtil.TableFactoryHelper helper = FactoryUtil.createTableFactoryHelper(this, context);
    helper.validateExcept(PROPERTIES);
    ReadableConfig config = helper.getOptions();
    DataType rows = context.getPhysicalRowDataType();
    KafkaTables.checkColumns(this, rows, MessageRows.columns(made));
    KafkaMessages<T> messages =
        new KafkaMessages<>(format, config.get(SCHEMA), config.get(REGISTRY), config.get(REGISTRY_SECRETS));
    return new MessagesSource<>(
        KafkaTables.source(config, context.getCatalogTable().getOptions(), messages), format,
        MessagesSource.Time.of(config), required(config, TOPIC), function(config), rows);
  }
}
