package tickloom;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.avro.shaded.org.apache.avro.AvroRuntimeException;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericDatumReader;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryDecoder;
import org.apache.flink.avro.shaded.org.apache.avro.io.DecoderFactory;

/** Confluent-framed Avro to messages, by Avro's own reader; bad bytes leave a reason in the message. */
final class MessageDecoder<T extends Message> {
  private static final int HEADER_BYTES = 5;
  /** A record further ahead would close every window before its time. */
  private static final long AHEAD_MS_MAX = 300_000;

  private final Schema schema;
  private final SchemaLookup lookup;
  private final MessageFormat<T> format;
  private final Map<Integer, GenericDatumReader<GenericRecord>> readers = new HashMap<>();
  private BinaryDecoder decoder;
  private GenericRecord record;

  /** `schema` is that of the newest version: what records of others are read as. */
  MessageDecoder(String schema, SchemaLookup lookup, MessageFormat<T> format) {
    this.schema = new Schema.Parser().parse(schema);
    this.lookup = lookup;
    this.format = format;
  }

  /** Throws only when the registry cannot be reached. */
  T decode(byte[] bytes, long tsKafkaMs) {
    T message = format.create();
    message.message = bytes;
    message.tsKafkaMs = tsKafkaMs;
    GenericDatumReader<GenericRecord> reader = reader(message);
    if (reader != null && read(message, reader)) {
      fill(message);
    }
    return message;
  }

  private GenericDatumReader<GenericRecord> reader(T message) {
    byte[] bytes = message.message;
    if (bytes == null || bytes.length == 0) {
      message.reject("empty", "the message is empty");
      return null;
    }
    if (bytes[0] != 0) {
      message.reject("magic", "the first byte is " + (bytes[0] & 0xff) + ", Confluent framing starts with 0");
      return null;
    }
    if (bytes.length < HEADER_BYTES) {
      message.reject("truncated", "the message ends inside its schema id");
      return null;
    }
    message.schemaId = ByteBuffer.wrap(bytes).getInt(1);
    GenericDatumReader<GenericRecord> known = readers.get(message.schemaId);
    if (known != null) {
      return known;
    }
    Schema writer = lookup.find(message.schemaId);
    if (writer == null) {
      message.reject("schema_id", "schema id " + message.schemaId + " is not an Avro schema of the registry");
      return null;
    }
    GenericDatumReader<GenericRecord> made = new GenericDatumReader<>(writer, schema);
    readers.put(message.schemaId, made);
    return made;
  }

  private boolean read(T message, GenericDatumReader<GenericRecord> reader) {
    byte[] bytes = message.message;
    try {
      decoder = DecoderFactory.get().binaryDecoder(bytes, HEADER_BYTES, bytes.length - HEADER_BYTES, decoder);
      record = reader.read(record, decoder);
      if (!decoder.isEnd()) {
        message.reject("trailing", "bytes are left after the record");
      }
    } catch (IOException e) {
      message.reject("truncated", "the message ends inside the record");
    } catch (AvroRuntimeException | IndexOutOfBoundsException | NegativeArraySizeException e) {
      message.reject("malformed", String.valueOf(e.getMessage()));
    }
    return !message.isRejected();
  }

  private void fill(T message) {
    message.symbol = record.get("symbol").toString();
    message.key = message.symbol;
    message.tsEvent = (Long) record.get("ts_event");
    if (message.symbol.isEmpty()) {
      message.reject("symbol", "symbol: empty");
    } else if (message.tsEvent <= 0) {
      message.reject("ts_event", "ts_event: " + message.tsEvent + " is not after 1970");
    } else if (message.tsEvent / 1_000_000 - message.tsKafkaMs > AHEAD_MS_MAX) {
      message.reject("future", "ts_event: " + message.tsEvent + " is too far ahead of the Kafka timestamp");
    } else {
      format.fill(message, record);
    }
  }
}
