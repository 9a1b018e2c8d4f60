package tickloom;

import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.util.Collector;

/** Kafka records to trades. One mutable trade is handed on again and again: the fold is chained and keeps none. */
final class KafkaTrades implements KafkaRecordDeserializationSchema<Trade> {
  private final String registryUrl;
  private final HashMap<String, String> registryProperties;
  private final Rules rules;
  private transient TradeDecoder decoder;
  private transient Trade trade;

  KafkaTrades(String registryUrl, Map<String, String> registryProperties, Rules rules) {
    this.registryUrl = registryUrl;
    this.registryProperties = new HashMap<>(registryProperties);
    this.rules = rules;
  }

  @Override
  public void open(DeserializationSchema.InitializationContext context) {
    decoder = new TradeDecoder(new SchemaLookup(registryUrl, registryProperties));
    trade = new Trade();
  }

  @Override
  public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Trade> out) {
    trade.reset(record.value(), record.topic(), record.partition(), record.offset(), record.timestamp());
    decoder.decode(trade);
    rules.check(trade);
    out.collect(trade);
  }

  @Override
  public TypeInformation<Trade> getProducedType() {
    return TypeInformation.of(Trade.class);
  }
}
