import com.hazelcast.config.Config;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.jet.Job;
import com.hazelcast.jet.aggregate.AggregateOperation;
import com.hazelcast.jet.aggregate.AggregateOperation1;
import com.hazelcast.jet.config.JobConfig;
import com.hazelcast.jet.config.ProcessingGuarantee;
import com.hazelcast.jet.core.JobStatus;
import com.hazelcast.jet.datamodel.KeyedWindowResult;
import com.hazelcast.jet.kafka.KafkaSinks;
import com.hazelcast.jet.kafka.KafkaSources;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.WindowDefinition;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;

/** Hazelcast Jet, one member inside this process; exactly once by its snapshots and Kafka's transactions. */
public final class Jet {
    private static final int POLL_MS = 50;

    private Jet() {}

    public static void main(String[] arguments) throws InterruptedException {
        HazelcastInstance member = Hazelcast.newHazelcastInstance(config());
        JobConfig exactlyOnce = new JobConfig()
            .setProcessingGuarantee(ProcessingGuarantee.EXACTLY_ONCE)
            .setSnapshotIntervalMillis(Task.COMMIT_INTERVAL_MS);
        Job job = member.getJet().newJob(pipeline(), exactlyOnce);
        while (Task.SEEN.sum() < Task.COUNT && job.getStatus() != JobStatus.FAILED) {
            Thread.sleep(POLL_MS);
        }
        Thread.sleep(2 * Task.WINDOW_MS); // what is on its way through the pipeline
        job.suspend(); // with a last snapshot, which commits the sink's transaction
        while (job.getStatus() != JobStatus.SUSPENDED && job.getStatus() != JobStatus.FAILED) {
            Thread.sleep(POLL_MS);
        }
        boolean failed = job.getStatus() == JobStatus.FAILED;
        member.shutdown();
        System.exit(failed ? 1 : 0);
    }

    private static Pipeline pipeline() {
        Properties source = Task.kafka();
        source.put("key.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
        source.put("value.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
        source.put("auto.offset.reset", "earliest");
        Properties sink = Task.kafka();
        sink.put("key.serializer", "org.apache.kafka.common.serialization.StringSerializer");
        sink.put("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
        sink.put("transaction.timeout.ms", "600000");
        String out = Task.CANDLES;
        AggregateOperation1<Trade, Candle, Candle> candle = AggregateOperation.withCreate(Candle::new)
            .<Trade>andAccumulate((sum, trade) -> sum.add(trade.tsEvent(), trade.price(), trade.size()))
            .andCombine(Candle::add)
            .andExportFinish(sum -> new Candle().add(sum));
        Pipeline pipeline = Pipeline.create();
        pipeline.readFrom(KafkaSources.<byte[], byte[], Trade>kafka(source, Jet::decode, Task.TRADES))
            .withTimestamps(trade -> trade.tsEvent() / 1_000_000, Task.OUT_OF_ORDERNESS_MS)
            .groupingKey(Trade::symbol)
            .window(WindowDefinition.tumbling(Task.WINDOW_MS))
            .aggregate(candle)
            .writeTo(KafkaSinks.<KeyedWindowResult<String, Candle>>kafka(sink)
                .toRecordFn(each -> new ProducerRecord<>(out, each.key(), each.result().encoded(each.key(), each.start())))
                .exactlyOnce(true)
                .build());
        return pipeline;
    }

    private static Config config() {
        Config config = new Config();
        config.getJetConfig().setEnabled(true).setCooperativeThreadCount(Task.PARALLELISM);
        config.getNetworkConfig().getJoin().getAutoDetectionConfig().setEnabled(false);
        config.getNetworkConfig().getJoin().getMulticastConfig().setEnabled(false);
        config.setProperty("hazelcast.logging.type", "none");
        config.setProperty("hazelcast.phone.home.enabled", "false");
        return config;
    }

    private static Trade decode(ConsumerRecord<byte[], byte[]> message) {
        Task.SEEN.increment();
        return Trade.decode(message.value());
    }
}
