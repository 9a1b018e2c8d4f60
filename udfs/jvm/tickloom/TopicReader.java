package tickloom;

import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.connector.kafka.source.KafkaSourceOptions;
import org.apache.flink.connector.kafka.source.metrics.KafkaSourceReaderMetrics;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplitState;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.TopicPartition;
import org.apache.flink.metrics.groups.SourceReaderMetricGroup;
import org.apache.flink.util.Collector;
import org.apache.flink.util.concurrent.FutureUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads partitions in the task's own thread, a poll at a time. Only what is known to be there is waited for in it, so that
 * a task without work is idle, and is seen to be.
 */
final class TopicReader<T> implements SourceReader<T, KafkaPartitionSplit> {
  private static final Logger LOG = LoggerFactory.getLogger(TopicReader.class);
  private static final CompletableFuture<Void> AVAILABLE = CompletableFuture.completedFuture(null);
  private static final Duration TRANSFER = Duration.ofMillis(10);
  private static final long WAIT_MS_MAX = 8;
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(5); // committed offsets only inform

  private final KafkaRecordDeserializationSchema<T> deserializer;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final KafkaSourceReaderMetrics metrics;
  private final boolean commitsOffsets;
  private final Emitter<T> emitter = new Emitter<>();
  private final Map<TopicPartition, Partition> partitions = new HashMap<>();
  private final Map<TopicPartition, OffsetAndMetadata> ended = new HashMap<>();
  private final TreeMap<Long, Map<TopicPartition, OffsetAndMetadata>> toCommit = new TreeMap<>(); // by checkpoint
  private boolean noMoreSplits;
  private long waitMs;
  private CompletableFuture<Void> available = AVAILABLE;

  private record Partition(KafkaPartitionSplitState state, long stop) {
    boolean isBounded() {
      return stop != Long.MAX_VALUE;
    }
  }

  private static final class Emitter<T> implements Collector<T> {
    SourceOutput<T> output;
    long timestamp;

    @Override
    public void collect(T record) {
      output.collect(record, timestamp);
    }

    @Override
    public void close() {}
  }

  TopicReader(Properties properties, KafkaRecordDeserializationSchema<T> deserializer, SourceReaderMetricGroup group) {
    this.deserializer = deserializer;
    commitsOffsets = Boolean.parseBoolean(properties.getProperty(KafkaSourceOptions.COMMIT_OFFSETS_ON_CHECKPOINT.key()));
    consumer = new KafkaConsumer<>(properties);
    metrics = new KafkaSourceReaderMetrics(group);
    metrics.registerNumBytesIn(consumer);
  }

  @Override
  public void start() {}

  @Override
  public void addSplits(List<KafkaPartitionSplit> splits) {
    for (KafkaPartitionSplit split : splits) {
      partitions.put(split.getTopicPartition(), new Partition(new KafkaPartitionSplitState(split), stop(split)));
      metrics.registerTopicPartition(split.getTopicPartition());
    }
    consumer.assign(partitions.keySet());
    splits.forEach(this::seek);
    available.complete(null);
  }

  private long stop(KafkaPartitionSplit split) {
    long stop = split.getStoppingOffset().orElse(Long.MAX_VALUE);
    TopicPartition partition = split.getTopicPartition();
    return stop == KafkaPartitionSplit.LATEST_OFFSET ? consumer.endOffsets(List.of(partition)).get(partition) : stop;
  }

  private void seek(KafkaPartitionSplit split) {
    if (split.getStartingOffset() == KafkaPartitionSplit.EARLIEST_OFFSET) {
      consumer.seekToBeginning(List.of(split.getTopicPartition()));
    } else {
      consumer.seek(split.getTopicPartition(), split.getStartingOffset());
    }
  }

  @Override
  public void notifyNoMoreSplits() {
    noMoreSplits = true;
    available.complete(null);
  }

  @Override
  public InputStatus pollNext(ReaderOutput<T> output) throws Exception {
    if (partitions.isEmpty()) {
      available = new CompletableFuture<>();
      return noMoreSplits ? InputStatus.END_OF_INPUT : InputStatus.NOTHING_AVAILABLE;
    }
    ConsumerRecords<byte[], byte[]> records = consumer.poll(isBehind() ? TRANSFER : Duration.ZERO);
    for (TopicPartition each : records.partitions()) {
      emit(partitions.get(each), records.records(each), output);
      metrics.maybeAddRecordsLagMetric(consumer, each);
    }
    metrics.updateNumBytesInCounter();
    partitions.entrySet().removeIf(each -> hasEnded(each.getKey(), each.getValue(), output));
    return records.isEmpty() ? nothing() : more();
  }

  /** Whether the broker had more than has been read: then it is on its way. */
  private boolean isBehind() {
    return consumer.assignment().stream().anyMatch(each ->
        !consumer.paused().contains(each) && consumer.currentLag(each).orElse(0) > 0);
  }

  private void emit(Partition partition, List<ConsumerRecord<byte[], byte[]>> records, ReaderOutput<T> output)
      throws Exception {
    emitter.output = output.createOutputForSplit(partition.state.splitId()); // the same one every time
    for (ConsumerRecord<byte[], byte[]> record : records) {
      if (record.offset() >= partition.stop) {
        break;
      }
      emitter.timestamp = record.timestamp();
      deserializer.deserialize(record, emitter);
    }
    long last = records.get(records.size() - 1).offset();
    partition.state.setCurrentOffset(last + 1);
    metrics.recordCurrentOffset(partition.state.getTopicPartition(), last);
  }

  /** By the consumer's position: a partition may end with the markers of transactions, which are no records. */
  private boolean hasEnded(TopicPartition key, Partition partition, ReaderOutput<T> output) {
    if (!partition.isBounded() || consumer.position(key) < partition.stop) {
      return false;
    }
    LOG.info("{} is read to its end, {}", key, partition.stop);
    ended.put(key, new OffsetAndMetadata(partition.stop));
    consumer.pause(List.of(key));
    metrics.removeRecordsLagMetric(key);
    output.releaseOutputForSplit(partition.state.splitId());
    return true;
  }

  private InputStatus more() {
    waitMs = 0;
    available = AVAILABLE;
    return InputStatus.MORE_AVAILABLE;
  }

  private InputStatus nothing() {
    waitMs = Math.min(2 * waitMs + 1, WAIT_MS_MAX);
    available = new CompletableFuture<>();
    FutureUtils.completeDelayed(available, null, Duration.ofMillis(waitMs));
    return InputStatus.NOTHING_AVAILABLE;
  }

  @Override
  public CompletableFuture<Void> isAvailable() {
    return available;
  }

  @Override
  public List<KafkaPartitionSplit> snapshotState(long checkpointId) {
    List<KafkaPartitionSplit> splits =
        partitions.values().stream().map(partition -> partition.state.toKafkaPartitionSplit()).toList();
    if (commitsOffsets) {
      Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>(ended);
      splits.stream().filter(split -> split.getStartingOffset() >= 0).forEach(split ->
          offsets.put(split.getTopicPartition(), new OffsetAndMetadata(split.getStartingOffset())));
      toCommit.put(checkpointId, offsets);
    }
    return splits;
  }

  @Override
  public void notifyCheckpointComplete(long checkpointId) {
    Map<TopicPartition, OffsetAndMetadata> offsets = toCommit.getOrDefault(checkpointId, Map.of());
    toCommit.headMap(checkpointId, true).clear();
    if (!offsets.isEmpty()) {
      consumer.commitAsync(offsets, this::committed);
    }
  }

  private void committed(Map<TopicPartition, OffsetAndMetadata> offsets, Exception problem) {
    if (problem != null) {
      metrics.recordFailedCommit();
      LOG.warn("the group's offsets, which tell of its progress, were not committed", problem);
      return;
    }
    metrics.recordSucceededCommit();
    offsets.forEach((partition, offset) -> metrics.recordCommittedOffset(partition, offset.offset()));
  }

  @Override
  public void pauseOrResumeSplits(Collection<String> toPause, Collection<String> toResume) {
    consumer.pause(named(toPause));
    consumer.resume(named(toResume));
  }

  private List<TopicPartition> named(Collection<String> splits) {
    return partitions.values().stream().map(Partition::state).filter(state -> splits.contains(state.splitId()))
        .map(KafkaPartitionSplitState::getTopicPartition).toList();
  }

  @Override
  public void close() {
    consumer.close(CLOSE_TIMEOUT);
  }
}
