package tickloom.transactions;

import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import org.apache.flink.connector.kafka.sink.internal.FlinkKafkaInternalProducer;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.Admin;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.DescribeProducersResult;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.DescribeTransactionsResult;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.ListOffsetsResult.ListOffsetsResultInfo;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.ListTopicsOptions;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.ProducerState;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.TransactionDescription;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.TransactionListing;
import org.apache.flink.kafka.shaded.org.apache.kafka.clients.admin.TransactionState;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.IsolationLevel;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.TopicPartition;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.errors.TransactionalIdNotFoundException;
import org.apache.flink.kafka.shaded.org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;

/**
 * Kafka's transactions for the command line: a line of JSON a request on stdin, a line of JSON a reply on stdout.
 *
 * <p>It uses the Kafka client inside Flink's connector, so the client properties of the jobs work here as they are.
 */
public final class TransactionAdmin {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<TransactionState> OPEN = List.of(
      TransactionState.ONGOING,
      TransactionState.PREPARE_COMMIT,
      TransactionState.PREPARE_ABORT,
      TransactionState.PREPARE_EPOCH_FENCE);

  private final Properties client = new Properties();
  private Admin admin;

  public static void main(String[] arguments) throws IOException {
    PrintStream replies = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    System.setOut(System.err); // what libraries print is no reply
    BufferedReader requests = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    TransactionAdmin transactions = new TransactionAdmin();
    for (String line = requests.readLine(); line != null; line = requests.readLine()) {
      replies.println(JSON.writeValueAsString(transactions.reply(JSON.readTree(line))));
    }
    Runtime.getRuntime().halt(0); // nothing is under way, and a broker that does not answer would be waited for
  }

  private Map<String, Object> reply(JsonNode request) {
    Map<String, Object> reply = new LinkedHashMap<>();
    try {
      reply.put("answer", answer(request));
    } catch (Exception e) {
      Throwable error = e instanceof ExecutionException ? e.getCause() : e;
      reply.put("error", error.getClass().getSimpleName());
      reply.put("message", told(error));
    }
    return reply;
  }

  /** Kafka's own message often says only what failed; the innermost says why. */
  private static String told(Throwable error) {
    Throwable root = error;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root == error ? error.getMessage() : error.getMessage() + ": " + root.getMessage();
  }

  private Object answer(JsonNode request) throws ExecutionException, InterruptedException {
    return switch (request.get("do").asText()) {
      case "connect" -> connect(request.get("client"));
      case "list" -> describe(open());
      case "describe" -> describe(texts(request.get("ids")));
      case "partitions" -> partitions(request.get("asked"));
      case "end" -> end(request);
      default -> throw new IllegalArgumentException("no such request: " + request.get("do"));
    };
  }

  private boolean connect(JsonNode properties) {
    properties.fields().forEachRemaining(each -> client.put(each.getKey(), each.getValue().asText()));
    admin = Admin.create(client);
    return true;
  }

  private List<String> open() throws ExecutionException, InterruptedException {
    return admin.listTransactions(new ListTransactionsOptions().filterStates(OPEN)).all().get().stream()
        .map(TransactionListing::transactionalId)
        .toList();
  }

  /** Leaves out what the coordinator does not know. */
  private List<Object> describe(List<String> ids) throws ExecutionException, InterruptedException {
    DescribeTransactionsResult described = admin.describeTransactions(ids);
    List<Object> found = new ArrayList<>();
    for (String id : ids) {
      try {
        found.add(described(id, described.description(id).get()));
      } catch (ExecutionException e) {
        if (!(e.getCause() instanceof TransactionalIdNotFoundException)) {
          throw e;
        }
      }
    }
    return found;
  }

  private static Map<String, Object> described(String id, TransactionDescription each) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("id", id);
    fields.put("state", each.state().toString());
    fields.put("producer_id", each.producerId());
    fields.put("epoch", each.producerEpoch());
    fields.put("started_ms", boxed(each.transactionStartTimeMs()));
    fields.put("timeout_ms", each.transactionTimeoutMs());
    fields.put("partitions", each.topicPartitions().stream().map(TransactionAdmin::place).toList());
    return fields;
  }

  /** The partitions whose last stable offset is behind their end, and those asked for that exist. */
  private List<Object> partitions(JsonNode named) throws ExecutionException, InterruptedException {
    Set<TopicPartition> asked = new HashSet<>();
    named.forEach(each -> asked.add(new TopicPartition(each.get(0).asText(), each.get(1).asInt())));
    Set<TopicPartition> places = everywhere();
    // Ends first: what is written between the two questions must not look as if it were held back.
    Map<TopicPartition, Long> ends = latest(places, IsolationLevel.READ_UNCOMMITTED);
    Map<TopicPartition, Long> stable = latest(places, IsolationLevel.READ_COMMITTED);
    places.removeIf(each -> stable.get(each) >= ends.get(each) && !asked.contains(each));
    DescribeProducersResult producers = admin.describeProducers(places);
    List<Object> found = new ArrayList<>();
    for (TopicPartition each : places) {
      Map<String, Object> fields = new LinkedHashMap<>();
      fields.put("topic", each.topic());
      fields.put("partition", each.partition());
      fields.put("stable", stable.get(each));
      fields.put("end", ends.get(each));
      fields.put("writers", writers(producers.partitionResult(each).get().activeProducers()));
      found.add(fields);
    }
    return found;
  }

  private Set<TopicPartition> everywhere() throws ExecutionException, InterruptedException {
    Set<TopicPartition> places = new HashSet<>();
    Set<String> topics = admin.listTopics(new ListTopicsOptions().listInternal(true)).names().get();
    admin.describeTopics(topics).allTopicNames().get().forEach((topic, description) ->
        description.partitions().forEach(each -> places.add(new TopicPartition(topic, each.partition()))));
    return places;
  }

  private Map<TopicPartition, Long> latest(Collection<TopicPartition> places, IsolationLevel isolation)
      throws ExecutionException, InterruptedException {
    Map<TopicPartition, OffsetSpec> question = new HashMap<>();
    places.forEach(each -> question.put(each, OffsetSpec.latest()));
    Map<TopicPartition, Long> offsets = new HashMap<>();
    for (Map.Entry<TopicPartition, ListOffsetsResultInfo> each :
        admin.listOffsets(question, new ListOffsetsOptions(isolation)).all().get().entrySet()) {
      offsets.put(each.getKey(), each.getValue().offset());
    }
    return offsets;
  }

  private static List<Object> writers(List<ProducerState> producers) {
    List<Object> found = new ArrayList<>();
    for (ProducerState each : producers) {
      if (each.currentTransactionStartOffset().isPresent()) {
        found.add(Map.of(
            "producer_id", each.producerId(),
            "epoch", each.producerEpoch(),
            "first_offset", each.currentTransactionStartOffset().getAsLong()));
      }
    }
    return found;
  }

  /** Ends this very transaction: the broker refuses when its producer has been fenced or replaced meanwhile. */
  private boolean end(JsonNode request) {
    Properties properties = new Properties();
    properties.putAll(client);
    properties.put("key.serializer", ByteArraySerializer.class.getName());
    properties.put("value.serializer", ByteArraySerializer.class.getName());
    String id = request.get("id").asText();
    try (FlinkKafkaInternalProducer<byte[], byte[]> producer = new FlinkKafkaInternalProducer<>(properties, id)) {
      producer.resumeTransaction(request.get("producer_id").asLong(), request.get("epoch").shortValue());
      if (request.get("commit").asBoolean()) {
        producer.commitTransaction();
      } else {
        producer.abortTransaction();
      }
    }
    return true;
  }

  private static List<String> texts(JsonNode array) {
    List<String> found = new ArrayList<>();
    array.forEach(each -> found.add(each.asText()));
    return found;
  }

  private static List<Object> place(TopicPartition each) {
    return List.of(each.topic(), each.partition());
  }

  private static Long boxed(OptionalLong value) {
    return value.isPresent() ? value.getAsLong() : null;
  }
}
