package tickloom;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.util.Collector;

/** Kafka records to quotes. */
final class KafkaQuotes implements KafkaRecordDeserializationSchema<Quote> {
  private final String schema;
  private final String registryUrl;
  private final HashMap<String, String> registryProperties;
  private transient QuoteDecoder decoder;

  KafkaQuotes(String schema, String registryUrl, Map<String, String> registryProperties) {
    this.schema = schema;
    this.registryUrl = registryUrl;
    this.registryProperties = new HashMap<>(registryProperties);
  }

  @Override
  public void open(DeserializationSchema.InitializationContext context) {
    decoder = new QuoteDecoder(schema, new SchemaLookup(registryUrl, registryProperties));
  }

  @Override
  public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Quote> out) {
    Quote quote = decoder.decode(record.value(), record.timestamp());
    quote.partition = record.partition();
    quote.offset = record.offset();
    out.collect(quote);
  }

  @Override
  public TypeInformation<Quote> getProducedType() {
    return Types.POJO(Quote.class);
  }
}
