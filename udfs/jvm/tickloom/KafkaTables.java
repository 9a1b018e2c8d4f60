package tickloom;

import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.KafkaSourceBuilder;
import org.apache.flink.connector.kafka.source.KafkaSourceOptions;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.TopicPartition;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.apache.flink.table.types.DataType;

/** What tables on Kafka have in common: their options, and the source that these describe. */
final class KafkaTables {
  static final String PROPERTIES = "properties.";

  static final ConfigOption<String> REGISTRY = text("registry", "URL of the schema registry");
  static final ConfigOption<Map<String, String>> REGISTRY_SECRETS = map("registry-secrets",
      "properties of the registry's client; by the name of this option Flink knows that they are not to be printed");
  static final ConfigOption<String> TOPIC = text("topic", "topic to read");
  static final ConfigOption<String> GROUP = text("group", "consumer group that shows progress; not used to resume");
  static final ConfigOption<Map<String, String>> STOP_OFFSETS = map("stop-offsets",
      "partition:offset,… at which to end; a partition not named is not read");
  static final ConfigOption<Boolean> BOUNDED = ConfigOptions.key("bounded").booleanType().defaultValue(false)
      .withDescription("read what is there and end; the watermark waits for the end, so that no trade is late");
  static final ConfigOption<Duration> OUT_OF_ORDERNESS = duration("out-of-orderness", 2_000);
  static final ConfigOption<Duration> IDLE_TIMEOUT = duration("idle-timeout", 5_000);

  static final ConfigOption<Duration> FORGET_AFTER = duration("forget-after", Duration.ofDays(7).toMillis());

  private KafkaTables() {}

  static ConfigOption<String> text(String key, String description) {
    return ConfigOptions.key(key).stringType().noDefaultValue().withDescription(description);
  }

  static ConfigOption<Map<String, String>> map(String key, String description) {
    return ConfigOptions.key(key).mapType().defaultValue(Map.of()).withDescription(description);
  }

  static ConfigOption<Duration> duration(String key, long defaultMs) {
    return ConfigOptions.key(key).durationType().defaultValue(Duration.ofMillis(defaultMs));
  }

  /** From the earliest record, or from where a checkpoint says; a test or a backfill says where to end. */
  static <T> TopicSource<T> source(
      ReadableConfig config, Map<String, String> table, KafkaRecordDeserializationSchema<T> deserializer) {
    return source(config, required(config, TOPIC), table, deserializer);
  }

  /** Likewise, of another topic than the table's first. */
  static <T> TopicSource<T> source(ReadableConfig config, String topic, Map<String, String> table,
      KafkaRecordDeserializationSchema<T> deserializer) {
    Properties consumer = consumerProperties(config, table);
    KafkaSourceBuilder<T> builder = KafkaSource.<T>builder()
        .setStartingOffsets(OffsetsInitializer.earliest())
        .setDeserializer(deserializer)
        .setProperties(consumer);
    Map<String, String> stops = config.get(STOP_OFFSETS);
    if (stops.isEmpty()) {
      builder.setTopics(topic);
    } else {
      Map<TopicPartition, Long> offsets = new HashMap<>();
      stops.forEach((partition, offset) ->
          offsets.put(new TopicPartition(topic, Integer.parseInt(partition)), Long.parseLong(offset)));
      builder.setPartitions(new HashSet<>(offsets.keySet())).setBounded(OffsetsInitializer.offsets(offsets));
    }
    if (config.get(BOUNDED) && stops.isEmpty()) {
      builder.setBounded(OffsetsInitializer.latest());
    }
    return new TopicSource<>(builder.build(), deserializer, consumer);
  }

  static String required(ReadableConfig config, ConfigOption<String> option) {
    return config.getOptional(option).orElseThrow(() ->
        new ValidationException("a table on Kafka needs '" + option.key() + "'"));
  }

  /** Rows are made by place: their columns must be those that the connector makes. */
  static void checkColumns(DynamicTableFactory factory, DataType rows, List<String> expected) {
    List<String> names = DataType.getFieldNames(rows);
    if (!names.equals(expected)) {
      throw new ValidationException("a '" + factory.factoryIdentifier() + "' table must have the columns " + expected
          + ", this one has " + names);
    }
  }

  private static Properties consumerProperties(ReadableConfig config, Map<String, String> table) {
    Properties properties = new Properties();
    properties.put("isolation.level", "read_committed"); // trades of an aborted transaction never happened
    properties.put("fetch.min.bytes", "65536");
    properties.put("fetch.max.wait.ms", "50");
    properties.put("max.partition.fetch.bytes", "4194304");
    properties.put("max.poll.records", "4000");
    properties.put("receive.buffer.bytes", "-1"); // as much as the system finds useful: a poll takes what has come
    properties.put("auto.offset.reset", "earliest");
    properties.put("enable.auto.commit", "false");
    properties.put("key.deserializer", ByteArrayDeserializer.class.getName());
    properties.put("value.deserializer", ByteArrayDeserializer.class.getName());
    properties.put(KafkaSourceOptions.COMMIT_OFFSETS_ON_CHECKPOINT.key(),
        String.valueOf(config.getOptional(GROUP).isPresent()));
    config.getOptional(GROUP).ifPresent(group -> properties.put("group.id", group));
    table.forEach((key, value) -> {
      if (key.startsWith(PROPERTIES)) {
        properties.put(key.substring(PROPERTIES.length()), value);
      }
    });
    return properties;
  }
}
