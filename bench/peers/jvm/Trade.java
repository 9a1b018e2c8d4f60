import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;

/** What a candle needs of a trade; price and size unscaled (12 decimals). Read by Avro's own generic reader. */
public record Trade(String symbol, long price, long size, long tsEvent) implements Serializable {
    static final int HEADER_BYTES = 5;
    private static final ThreadLocal<Reader> READER = ThreadLocal.withInitial(Reader::new);

    static Trade decode(byte[] value) {
        try {
            return READER.get().read(value);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static final class Reader {
        private final GenericDatumReader<GenericRecord> datums = new GenericDatumReader<>(Task.schema("TRADE_SCHEMA"));
        private BinaryDecoder decoder;
        private GenericRecord reused;

        Trade read(byte[] value) throws IOException {
            decoder = DecoderFactory.get().binaryDecoder(value, HEADER_BYTES, value.length - HEADER_BYTES, decoder);
            reused = datums.read(reused, decoder);
            return new Trade(
                reused.get("symbol").toString(),
                unscaled(reused.get("price")),
                unscaled(reused.get("size")),
                (long) reused.get("ts_event"));
        }

        private static long unscaled(Object decimal) {
            ByteBuffer bytes = (ByteBuffer) decimal;
            return new BigInteger(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining()).longValueExact();
        }
    }
}
