package tickloom;

import java.io.IOException;
import java.util.List;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.connector.kafka.source.enumerator.KafkaSourceEnumState;
import org.apache.flink.connector.kafka.source.split.KafkaPartitionSplit;
import org.apache.flink.runtime.metrics.scope.ScopeFormat;

/** Flink's enumerator, which also knows of which checkpoint its state is, and does not start from a wrong one. */
final class TopicEnumerator implements SplitEnumerator<KafkaPartitionSplit, TopicState> {
  private final SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> enumerator;

  private final String jobId;
  private final long restored;

  /** `restored` is the checkpoint that it goes on from, `TopicState.UNKNOWN` when there is none. */
  TopicEnumerator(SplitEnumerator<KafkaPartitionSplit, KafkaSourceEnumState> enumerator,
      SplitEnumeratorContext<KafkaPartitionSplit> context, long restored) {
    this.enumerator = enumerator;
    jobId = context.metricGroup().getAllVariables().get(ScopeFormat.SCOPE_JOB_ID);
    this.restored = restored;
  }

  @Override
  public void start() { // what fails here fails the job; a constructor that fails leaves it running without partitions
    if (restored != TopicState.UNKNOWN) {
      Stops.check(jobId, restored);
    }
    enumerator.start();
  }

  @Override
  public void handleSplitRequest(int subtask, String host) {
    enumerator.handleSplitRequest(subtask, host);
  }

  @Override
  public void addSplitsBack(List<KafkaPartitionSplit> splits, int subtask) {
    enumerator.addSplitsBack(splits, subtask);
  }

  @Override
  public void addReader(int subtask) {
    enumerator.addReader(subtask);
  }

  @Override
  public void handleSourceEvent(int subtask, SourceEvent event) {
    enumerator.handleSourceEvent(subtask, event);
  }

  @Override
  public TopicState snapshotState(long checkpointId) throws Exception {
    return new TopicState(checkpointId, enumerator.snapshotState(checkpointId));
  }

  @Override
  public void notifyCheckpointComplete(long checkpointId) throws Exception {
    enumerator.notifyCheckpointComplete(checkpointId);
  }

  @Override
  public void notifyCheckpointAborted(long checkpointId) throws Exception {
    enumerator.notifyCheckpointAborted(checkpointId);
  }

  @Override
  public void close() throws IOException {
    enumerator.close();
  }
}
