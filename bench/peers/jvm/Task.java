import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Properties;
import java.util.concurrent.atomic.LongAdder;
import org.apache.avro.Schema;

/** What a peer is to do, from its environment, and how much of it is done. */
final class Task {
    static final String TRADES = System.getenv("TRADES");
    static final String CANDLES = System.getenv("CANDLES");
    static final long COUNT = Long.parseLong(System.getenv("COUNT"));
    static final int PARALLELISM = 2;
    static final int OUT_OF_ORDERNESS_MS = 2_000;
    static final int WINDOW_MS = 1_000;
    static final long COMMIT_INTERVAL_MS = Long.parseLong(System.getenv("COMMIT_INTERVAL_MS"));
    /** Trades read so far. */
    static final LongAdder SEEN = new LongAdder();

    private Task() {}

    static Properties kafka() {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", System.getenv("BROKERS"));
        return properties;
    }

    static Schema schema(String variable) {
        try {
            return new Schema.Parser().parse(new File(System.getenv(variable)));
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }
}
