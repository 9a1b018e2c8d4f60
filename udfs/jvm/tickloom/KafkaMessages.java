package tickloom;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.util.Collector;

/** Kafka records to messages of a kind. */
final class KafkaMessages<T extends Message> implements KafkaRecordDeserializationSchema<T> {
  private final MessageFormat<T> format;
  private final String schema;
  private final String registryUrl;
  private final HashMap<String, String> registryProperties;
  private transient MessageDecoder<T> decoder;

  KafkaMessages(MessageFormat<T> format, String schema, String registryUrl, Map<String, String> registryProperties) {
    this.format = format;
    this.schema = schema;
    this.registryUrl = registryUrl;
    this.registryProperties = new HashMap<>(registryProperties);
  }

  @Override
  public void open(DeserializationSchema.InitializationContext context) {
    decoder = new MessageDecoder<>(schema, new SchemaLookup(registryUrl, registryProperties), format);
  }

  @Override
  public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<T> out) {
    T message = decoder.decode(record.value(), record.timestamp());
    message.partition = record.partition();
    message.offset = record.offset();
    out.collect(message);
  }

  @Override
  public TypeInformation<T> getProducedType() {
    return format.type();
  }
}
