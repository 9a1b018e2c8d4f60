import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;

/** Open and close by event time, in the order of arrival where times are equal; high, low, volume, number of trades. */
public final class Candle implements Serializable {
    private static final int BYTES = 8 * Long.BYTES;
    private static final Schema SCHEMA = Task.schema("CANDLE_SCHEMA");
    private static final int SCHEMA_ID = Integer.parseInt(System.getenv("CANDLE_SCHEMA_ID"));
    private static final GenericDatumWriter<GenericData.Record> WRITER = new GenericDatumWriter<>(SCHEMA);

    private long firstTs = Long.MAX_VALUE;
    private long lastTs = Long.MIN_VALUE;
    private long open;
    private long high = Long.MIN_VALUE;
    private long low = Long.MAX_VALUE;
    private long close;
    private long volume;
    private long trades;

    Candle add(long tsEvent, long price, long size) {
        if (tsEvent < firstTs) {
            firstTs = tsEvent;
            open = price;
        }
        if (tsEvent >= lastTs) {
            lastTs = tsEvent;
            close = price;
        }
        high = Math.max(high, price);
        low = Math.min(low, price);
        volume += size;
        trades++;
        return this;
    }

    Candle add(Candle later) {
        if (later.firstTs < firstTs) {
            firstTs = later.firstTs;
            open = later.open;
        }
        if (later.lastTs >= lastTs) {
            lastTs = later.lastTs;
            close = later.close;
        }
        high = Math.max(high, later.high);
        low = Math.min(low, later.low);
        volume += later.volume;
        trades += later.trades;
        return this;
    }

    /** The message: Confluent's header and the record. */
    byte[] encoded(String symbol, long windowStartMs) {
        GenericData.Record row = new GenericData.Record(SCHEMA);
        row.put("symbol", symbol);
        row.put("window_start", windowStartMs);
        row.put("open", decimal(open));
        row.put("high", decimal(high));
        row.put("low", decimal(low));
        row.put("close", decimal(close));
        row.put("volume", decimal(volume));
        row.put("trade_count", trades);
        ByteArrayOutputStream out = new ByteArrayOutputStream(128);
        out.writeBytes(ByteBuffer.allocate(Trade.HEADER_BYTES).put((byte) 0).putInt(SCHEMA_ID).array());
        try {
            BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(out, null);
            WRITER.write(row, encoder);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
        return out.toByteArray();
    }

    byte[] state() {
        return ByteBuffer.allocate(BYTES).putLong(firstTs).putLong(lastTs).putLong(open).putLong(high).putLong(low)
            .putLong(close).putLong(volume).putLong(trades).array();
    }

    static Candle ofState(byte[] state) {
        ByteBuffer in = ByteBuffer.wrap(state);
        Candle candle = new Candle();
        candle.firstTs = in.getLong();
        candle.lastTs = in.getLong();
        candle.open = in.getLong();
        candle.high = in.getLong();
        candle.low = in.getLong();
        candle.close = in.getLong();
        candle.volume = in.getLong();
        candle.trades = in.getLong();
        return candle;
    }

    private static ByteBuffer decimal(long unscaled) {
        return ByteBuffer.wrap(BigInteger.valueOf(unscaled).toByteArray());
    }
}
