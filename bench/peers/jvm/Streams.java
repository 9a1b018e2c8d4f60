import java.time.Duration;
import java.util.Properties;
import java.util.UUID;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.StreamsConfig.InternalConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.EmitStrategy;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;
import org.apache.kafka.streams.state.WindowStore;

/** Kafka Streams with exactly_once_v2 and stores in memory: the topic is keyed by symbol, so nothing is repartitioned. */
public final class Streams {
    private static final int POLL_MS = 100;
    private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(60);

    private Streams() {}

    public static void main(String[] arguments) throws InterruptedException {
        KafkaStreams streams = new KafkaStreams(topology(), properties());
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace();
            Runtime.getRuntime().halt(1);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        while (Task.SEEN.sum() < Task.COUNT) {
            Thread.sleep(POLL_MS);
        }
        Thread.sleep(2 * Task.WINDOW_MS); // what is read but not yet folded
        streams.close(CLOSE_TIMEOUT); // commits
    }

    private static Topology topology() {
        Serde<Trade> trade = Serdes.serdeFrom((topic, none) -> null, (topic, value) -> decode(value));
        Serde<Candle> candle = Serdes.serdeFrom(
            (topic, each) -> each == null ? null : each.state(), (topic, state) -> state == null ? null : Candle.ofState(state));
        Duration grace = Duration.ofMillis(Task.OUT_OF_ORDERNESS_MS);
        StreamsBuilder builder = new StreamsBuilder();
        builder
            .stream(Task.TRADES, Consumed.with(Serdes.String(), trade)
                .withTimestampExtractor((message, time) -> ((Trade) message.value()).tsEvent() / 1_000_000))
            .groupByKey(Grouped.with(Serdes.String(), trade))
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(Task.WINDOW_MS), grace))
            .emitStrategy(EmitStrategy.onWindowClose())
            .aggregate(
                Candle::new,
                (symbol, each, sum) -> sum.add(each.tsEvent(), each.price(), each.size()),
                Materialized.<String, Candle, WindowStore<Bytes, byte[]>>as("candles")
                    .withKeySerde(Serdes.String())
                    .withValueSerde(candle)
                    .withRetention(Duration.ofSeconds(10)))
            .toStream()
            .map((window, sum) -> KeyValue.pair(window.key(), sum.encoded(window.key(), window.window().start())))
            .to(Task.CANDLES, Produced.with(Serdes.String(), Serdes.ByteArray()));
        return builder.build();
    }

    private static Properties properties() {
        Properties properties = Task.kafka();
        properties.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-streams-" + UUID.randomUUID());
        properties.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        properties.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Task.PARALLELISM);
        properties.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Task.COMMIT_INTERVAL_MS);
        // By default closed windows are written once a second by the clock: the last would wait for a trade after the end.
        properties.put(InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, 100L);
        properties.put(StreamsConfig.STATE_DIR_CONFIG, System.getenv("WORK"));
        properties.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
        properties.put(
            StreamsConfig.DSL_STORE_SUPPLIERS_CLASS_CONFIG, BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers.class);
        properties.put(StreamsConfig.consumerPrefix("auto.offset.reset"), "earliest");
        properties.put(StreamsConfig.producerPrefix("transaction.timeout.ms"), 600_000);
        return properties;
    }

    private static Trade decode(byte[] value) {
        Task.SEEN.increment();
        return Trade.decode(value);
    }
}
