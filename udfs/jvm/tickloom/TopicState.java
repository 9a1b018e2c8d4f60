package tickloom;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.flink.connector.kafka.source.enumerator.KafkaSourceEnumState;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** What the enumerator of a topic keeps: Flink's state, and of which checkpoint it is, which earlier releases did not. */
record TopicState(long checkpointId, KafkaSourceEnumState state) {
  static final long UNKNOWN = Long.MAX_VALUE;

  /** Versions below `FIRST` are those of Flink's own serializer, which wrote the state alone. */
  record Serializer(SimpleVersionedSerializer<KafkaSourceEnumState> flinks)
      implements SimpleVersionedSerializer<TopicState> {
    private static final int FIRST = 1_000;

    @Override
    public int getVersion() {
      return FIRST + flinks.getVersion();
    }

    @Override
    public byte[] serialize(TopicState topic) throws IOException {
      byte[] state = flinks.serialize(topic.state);
      return ByteBuffer.allocate(Long.BYTES + state.length).putLong(topic.checkpointId).put(state).array();
    }

    @Override
    public TopicState deserialize(int version, byte[] bytes) throws IOException {
      if (version < FIRST) {
        return new TopicState(UNKNOWN, flinks.deserialize(version, bytes));
      }
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      long checkpointId = buffer.getLong();
      byte[] state = new byte[buffer.remaining()];
      buffer.get(state);
      return new TopicState(checkpointId, flinks.deserialize(version - FIRST, state));
    }
  }
}
