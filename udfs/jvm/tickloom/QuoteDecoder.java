package tickloom;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.avro.shaded.org.apache.avro.AvroRuntimeException;
import org.apache.flink.avro.shaded.org.apache.avro.LogicalTypes;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericDatumReader;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;
import org.apache.flink.avro.shaded.org.apache.avro.io.BinaryDecoder;
import org.apache.flink.avro.shaded.org.apache.avro.io.DecoderFactory;

/** Confluent-framed Avro to quotes, by Avro's own reader; bad bytes leave a reason in the quote. */
final class QuoteDecoder {
  private static final int HEADER_BYTES = 5;
  /** A quote further ahead would close every window before its time. */
  private static final long AHEAD_MS_MAX = 300_000;

  private final Schema schema;
  private final SchemaLookup lookup;
  private final Map<Integer, GenericDatumReader<GenericRecord>> readers = new HashMap<>();
  private BinaryDecoder decoder;
  private GenericRecord record;

  /** `schema` is schemas/quote.avsc: what records of other versions are read as. */
  QuoteDecoder(String schema, SchemaLookup lookup) {
    this.schema = new Schema.Parser().parse(schema);
    this.lookup = lookup;
  }

  /** Throws only when the registry cannot be reached. */
  Quote decode(byte[] message, long tsKafkaMs) {
    Quote quote = new Quote();
    quote.message = message;
    quote.tsKafkaMs = tsKafkaMs;
    if (message == null || message.length == 0) {
      return quote.reject("empty", "the message is empty");
    }
    if (message[0] != 0) {
      return quote.reject("magic", "the first byte is " + (message[0] & 0xff) + ", Confluent framing starts with 0");
    }
    if (message.length < HEADER_BYTES) {
      return quote.reject("truncated", "the message ends inside its schema id");
    }
    quote.schemaId = ByteBuffer.wrap(message).getInt(1);
    GenericDatumReader<GenericRecord> reader = readers.get(quote.schemaId);
    if (reader == null) {
      Schema writer = lookup.find(quote.schemaId);
      if (writer == null) {
        return quote.reject("schema_id", "schema id " + quote.schemaId + " is not an Avro schema of the registry");
      }
      reader = new GenericDatumReader<>(writer, schema);
      readers.put(quote.schemaId, reader);
    }
    return fill(quote, reader);
  }

  private Quote fill(Quote quote, GenericDatumReader<GenericRecord> reader) {
    byte[] message = quote.message;
    try {
      decoder = DecoderFactory.get().binaryDecoder(message, HEADER_BYTES, message.length - HEADER_BYTES, decoder);
      record = reader.read(record, decoder);
      if (!decoder.isEnd()) {
        return quote.reject("trailing", "bytes are left after the record");
      }
    } catch (IOException e) {
      return quote.reject("truncated", "the message ends inside the record");
    } catch (AvroRuntimeException | IndexOutOfBoundsException | NegativeArraySizeException e) {
      return quote.reject("malformed", String.valueOf(e.getMessage()));
    }
    quote.symbol = record.get("symbol").toString();
    quote.venue = record.get("venue") == null ? "" : record.get("venue").toString();
    String ending = "." + quote.venue;
    quote.instrument = quote.symbol.endsWith(ending)
        ? quote.symbol.substring(0, quote.symbol.length() - ending.length()) : quote.symbol;
    quote.tsEvent = (Long) record.get("ts_event");
    quote.bid = price("bid_price");
    quote.ask = price("ask_price");
    return checked(quote);
  }

  private static Quote checked(Quote quote) {
    if (quote.instrument.isEmpty()) {
      return quote.reject("symbol", "symbol: empty");
    }
    if (quote.tsEvent <= 0) {
      return quote.reject("ts_event", "ts_event: " + quote.tsEvent + " is not after 1970");
    }
    if (quote.tsEvent / 1_000_000 - quote.tsKafkaMs > AHEAD_MS_MAX) {
      return quote.reject("future", "ts_event: " + quote.tsEvent + " is too far ahead of the Kafka timestamp");
    }
    if (quote.bid != null && quote.bid.signum() <= 0 || quote.ask != null && quote.ask.signum() <= 0) {
      return quote.reject("price", "bid_price, ask_price: not above 0");
    }
    return quote;
  }

  private BigDecimal price(String name) {
    ByteBuffer bytes = (ByteBuffer) record.get(name);
    if (bytes == null) {
      return null;
    }
    byte[] digits = new byte[bytes.remaining()];
    bytes.duplicate().get(digits);
    return new BigDecimal(new BigInteger(digits), Int128.SCALE);
  }
}
