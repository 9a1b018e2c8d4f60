package tickloom;

/** What a record of a topic says, on its way to the state of its key, or why it says nothing. Its subclasses are Flink POJOs. */
public abstract class Message {
  /** What has the state: an instrument, or a book. */
  public String key;
  public long tsEvent;
  public int partition;
  public long offset;

  // of a record that is rejected; never sent on
  transient String symbol;
  transient String rule;
  transient String reason;
  transient byte[] message;
  transient int schemaId = -1;
  transient long tsKafkaMs;

  boolean isRejected() {
    return rule != null;
  }

  void reject(String brokenRule, String why) {
    rule = brokenRule;
    reason = why;
  }
}
