package tickloom;

import java.util.Properties;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.java.typeutils.ResultTypeQueryable;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.KafkaSourceEnumState;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.util.UserCodeClassLoader;

/**
 * Flink's Kafka source with a reader of our own, in which the task fetches by itself: what another thread has fetched
 * would have to come out of another core's cache. Which task reads which partition from where, and what of it is state,
 * stays Flink's.
 */
final class TopicSource<T>
    implements Source<T, KafkaPartitionSplit, TopicState>, ResultTypeQueryable<T> {
  private final KafkaSource<T> source;
  private final KafkaRecordDeserializationSchema<T> deserializer;
  private final Properties consumer;

  TopicSource(KafkaSource<T> source, KafkaRecordDeserializationSchema<T> deserializer, Properties consumer) {
    this.source = source;
    this.deserializer = deserializer;
    this.consumer = consumer;
  }

  @Override
  public SourceReader<T, KafkaPartitionSplit> createReader(SourceReaderContext context) throws Exception {
    deserializer.open(new DeserializationSchema.InitializationContext() {
      @Override
      public MetricGroup getMetricGroup() {
        return context.metricGroup().addGroup("deserializer");
      }

      @Override
      public UserCodeClassLoader getUserCodeClassLoader() {
        return context.getUserCodeClassLoader();
      }
    });
    return new TopicReader<>(consumer, deserializer, context.metricGroup());
  }

  @Override
  public Boundedness getBoundedness() {
    return source.getBoundedness();
  }

  @Override
  public SplitEnumerator<KafkaPartitionSplit, TopicState> createEnumerator(
      SplitEnumeratorContext<KafkaPartitionSplit> context) throws Exception {
    return new TopicEnumerator(source.createEnumerator(context), context, TopicState.UNKNOWN);
  }

  @Override
  public SplitEnumerator<KafkaPartitionSplit, TopicState> restoreEnumerator(
      SplitEnumeratorContext<KafkaPartitionSplit> context, TopicState topic) throws Exception {
    return new TopicEnumerator(source.restoreEnumerator(context, topic.state()), context, topic.checkpointId());
  }

  @Override
  public SimpleVersionedSerializer<KafkaPartitionSplit> getSplitSerializer() {
    return source.getSplitSerializer();
  }

  @Override
  public SimpleVersionedSerializer<TopicState> getEnumeratorCheckpointSerializer() {
    return new TopicState.Serializer(source.getEnumeratorCheckpointSerializer());
  }

  @Override
  public TypeInformation<T> getProducedType() {
    return deserializer.getProducedType();
  }
}
