package tickloom;

import java.nio.charset.StandardCharsets;

/**
 * One message as it was read: a trade, a cancel or correction, or a rejected record. Mutable and reused, so
 * that a tick costs no allocation; texts stay offsets into the message until somebody needs them.
 */
public final class Trade {
  static final byte NEW = 0;
  static final byte CANCEL = 1;
  static final byte CORRECT = 2;
  static final byte NOT_TOLD = -1;
  static final byte BUY = 0;
  static final byte SELL = 1;
  static final long ABSENT = Long.MIN_VALUE;
  static final long NANOS_PER_SECOND = 1_000_000_000L;

  byte[] message; // as it came
  byte[] bytes; // what the texts are pieces of: the message, or what a file's reader made of it
  final Text symbol = new Text();
  final Text venue = new Text();
  final Text tradeId = new Text();
  final Text originalTradeId = new Text();
  boolean sequenced;
  long sequence;
  long tsEvent;
  long tsRecv;
  final Int128 price = new Int128();
  final Int128 size = new Int128();
  byte action;
  byte aggressor;
  long originalTsEvent;
  String[] conditions;

  String topic;
  int partition;
  long offset;
  long tsKafkaMs;
  int schemaId;
  boolean fromFile;

  String rule; // the one that rejected it, or else the first that flagged it
  String reason;
  private boolean rejected;

  private String venueName;
  private final Recurring<String> venues = new Recurring<>();

  /** A piece of the message; length -1 when the field is absent. */
  static final class Text {
    int from;
    int length;

    void set(int from, int length) {
      this.from = from;
      this.length = length;
    }

    boolean isPresent() {
      return length >= 0;
    }
  }

  void reset(byte[] message, String topic, int partition, long offset, long tsKafkaMs) {
    this.message = message;
    this.bytes = message;
    this.topic = topic;
    this.partition = partition;
    this.offset = offset;
    this.tsKafkaMs = tsKafkaMs;
    symbol.length = -1;
    venue.length = -1;
    tradeId.length = -1;
    originalTradeId.length = -1;
    sequenced = false;
    tsEvent = ABSENT;
    tsRecv = ABSENT;
    originalTsEvent = ABSENT;
    action = NEW;
    aggressor = NOT_TOLD;
    conditions = null;
    schemaId = -1;
    rule = null;
    reason = null;
    rejected = false;
    venueName = null;
  }

  /** Marks the record as rejected; the first rule it breaks is the one that is reported. */
  void reject(String brokenRule, String why) {
    if (!rejected) {
      rejected = true;
      rule = brokenRule;
      reason = why;
    }
  }

  /** Marks the trade as doubtful: it counts, and is reported. */
  void flag(String brokenRule, String why) {
    if (rule == null) {
      rule = brokenRule;
      reason = why;
    }
  }

  boolean isRejected() {
    return rejected;
  }

  boolean isFlagged() {
    return rule != null && !rejected;
  }

  String text(Text text) {
    return text.isPresent() ? new String(bytes, text.from, text.length, StandardCharsets.UTF_8) : null;
  }

  /** The symbol of what may be garbage: null when there is none, replacement characters for what is no text. */
  String symbolIfAny() {
    boolean isThere = symbol.length > 0 && symbol.from + symbol.length <= bytes.length;
    return isThere && symbol.length <= Rules.TEXT_BYTES_MAX ? text(symbol) : null;
  }

  /** The Kafka timestamp in nanoseconds, ABSENT when there is none. */
  long tsKafka() {
    return tsKafkaMs < 0 ? ABSENT : tsKafkaMs > Long.MAX_VALUE / 1_000_000 ? Long.MAX_VALUE : tsKafkaMs * 1_000_000;
  }

  String venueName() {
    if (venueName == null) {
      venueName = venue.isPresent() ? venues.of(bytes, venue.from, venue.length, () -> text(venue)) : "";
    }
    return venueName;
  }

  /** buy, sell, or null where the venue does not tell. */
  String aggressorText() {
    return aggressor == NOT_TOLD ? null : aggressor == BUY ? "buy" : "sell";
  }

  long second() {
    return Math.floorDiv(tsEvent, NANOS_PER_SECOND);
  }
}
