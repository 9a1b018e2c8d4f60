import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * No engine: a thread a partition, fields found in the message by hand, arrays of candles a second. It keeps no state,
 * knows no transaction and checks nothing, so that no engine could do the same work faster on the same client.
 */
public final class Limit {
    private static final long NANOS = 1_000_000_000L;
    private static final long LATE_S = Task.OUT_OF_ORDERNESS_MS / 1_000;
    private static final int SYMBOLS_MAX = 16_384;

    private final TopicPartition place;
    private final KafkaProducer<String, byte[]> producer;
    private final TreeMap<Long, Candle[]> open = new TreeMap<>();
    private final Symbols symbols = new Symbols();
    private long newest = Long.MIN_VALUE;
    private long second = Long.MIN_VALUE;
    private Candle[] candles;

    private Limit(int partition, KafkaProducer<String, byte[]> producer) {
        this.place = new TopicPartition(Task.TRADES, partition);
        this.producer = producer;
    }

    public static void main(String[] arguments) throws InterruptedException {
        Properties properties = Task.kafka();
        properties.put("linger.ms", "50");
        KafkaProducer<String, byte[]> producer =
            new KafkaProducer<>(properties, new StringSerializer(), new ByteArraySerializer());
        Thread[] threads = new Thread[Task.PARALLELISM];
        for (int partition = 0; partition < threads.length; partition++) {
            threads[partition] = new Thread(new Limit(partition, producer)::run);
            threads[partition].start();
        }
        for (Thread thread : threads) {
            thread.join();
        }
        producer.close();
    }

    private void run() {
        Properties properties = Task.kafka();
        properties.put("max.poll.records", "10000");
        properties.put("max.partition.fetch.bytes", String.valueOf(8 << 20));
        try (KafkaConsumer<byte[], byte[]> consumer =
                new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.assign(List.of(place));
            consumer.seekToBeginning(List.of(place));
            long end = consumer.endOffsets(List.of(place)).get(place);
            long at = 0;
            while (at < end) {
                for (ConsumerRecord<byte[], byte[]> message : consumer.poll(Duration.ofSeconds(1))) {
                    add(message.value());
                    at = message.offset() + 1;
                }
            }
        }
        close(Long.MAX_VALUE);
    }

    private void add(byte[] message) {
        Fields fields = new Fields(message);
        int symbol = symbols.number(message, fields.textStart(), fields.textEnd);
        fields.skipOptionalText(); // venue
        fields.skipOptionalText(); // trade_id
        fields.skipOptionalLong(); // sequence
        long ts = fields.number();
        fields.skipOptionalLong(); // ts_recv
        long price = fields.decimal();
        long size = fields.decimal();
        long in = ts / NANOS;
        if (in != second) {
            second = in;
            candles = open.computeIfAbsent(in, none -> new Candle[SYMBOLS_MAX]);
        }
        Candle candle = candles[symbol];
        if (candle == null) {
            candle = candles[symbol] = new Candle();
        }
        candle.add(ts, price, size);
        if (in > newest) {
            newest = in;
            close(in - LATE_S);
        }
    }

    /** Write the windows that end at a second or before. */
    private void close(long until) {
        while (!open.isEmpty() && open.firstKey() < until) {
            Map.Entry<Long, Candle[]> first = open.pollFirstEntry();
            for (int symbol = 0; symbol < symbols.count; symbol++) {
                Candle candle = first.getValue()[symbol];
                if (candle != null) {
                    String name = symbols.names[symbol];
                    producer.send(new ProducerRecord<>(Task.CANDLES, name, candle.encoded(name, first.getKey() * 1_000)));
                }
            }
        }
    }

    /** The fields of a message one after the other. */
    private static final class Fields {
        private final byte[] bytes;
        private int at = Trade.HEADER_BYTES;
        int textEnd;

        Fields(byte[] bytes) {
            this.bytes = bytes;
        }

        /** Avro's numbers: seven bits a byte, the lowest first, zigzag. */
        long number() {
            long value = 0;
            for (int shift = 0; ; shift += 7) {
                byte next = bytes[at++];
                value |= (next & 0x7FL) << shift;
                if (next >= 0) {
                    return (value >>> 1) ^ -(value & 1);
                }
            }
        }

        int textStart() {
            int length = (int) number();
            int start = at;
            textEnd = at += length;
            return start;
        }

        void skipOptionalText() {
            if (number() == 1) {
                textStart();
            }
        }

        void skipOptionalLong() {
            if (number() == 1) {
                number();
            }
        }

        long decimal() {
            int length = (int) number();
            long value = bytes[at];
            for (int i = 1; i < length; i++) {
                value = value << 8 | bytes[at + i] & 0xFF;
            }
            at += length;
            return value;
        }
    }

    /** Numbers symbols as they come, by their bytes. */
    private static final class Symbols {
        final String[] names = new String[SYMBOLS_MAX];
        private final int[] slots = new int[4 * SYMBOLS_MAX];
        private final byte[][] keys = new byte[SYMBOLS_MAX][];
        int count;

        int number(byte[] message, int from, int to) {
            int hash = 0;
            for (int i = from; i < to; i++) {
                hash = 31 * hash + message[i];
            }
            for (int slot = spread(hash); ; slot = slot + 1 & slots.length - 1) {
                int number = slots[slot] - 1;
                if (number < 0) {
                    return add(message, from, to, slot);
                }
                if (Arrays.equals(keys[number], 0, keys[number].length, message, from, to)) {
                    return number;
                }
            }
        }

        private int add(byte[] message, int from, int to, int slot) {
            keys[count] = Arrays.copyOfRange(message, from, to);
            names[count] = new String(keys[count], StandardCharsets.UTF_8);
            slots[slot] = ++count;
            return count - 1;
        }

        private int spread(int hash) {
            return (hash ^ hash >>> 15) & slots.length - 1;
        }
    }
}
