package tickloom;

import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.ParsedSchema;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.CachedSchemaRegistryClient;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.RestService;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.entities.SchemaString;
import org.apache.flink.avro.registry.confluent.shaded.io.confluent.kafka.schemaregistry.client.rest.exceptions.RestClientException;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;

/** Writer schemas by id, from a Confluent-compatible registry. */
final class SchemaLookup {
  private static final int CACHED_SCHEMAS = 1000;
  private static final int NOT_FOUND = 404;
  private static final int ATTEMPTS = 5;
  private static final long FIRST_PAUSE_MS = 200;
  private static final long UNKNOWN_TTL_MS = 10_000;

  private final RestService registry;
  private final CachedSchemaRegistryClient client;

  /** Unknown ids and until when they are taken for unknown: a flood of garbage must not become a flood of requests. */
  private final Map<Integer, Long> unknown = new LinkedHashMap<>() {
    @Override
    protected boolean removeEldestEntry(Map.Entry<Integer, Long> eldest) {
      return size() > CACHED_SCHEMAS;
    }
  };

  /** Properties of the registry's client say who asks, whom to trust, and how long to wait. */
  SchemaLookup(String url, Map<String, String> properties) {
    registry = new RestService(url);
    client = new CachedSchemaRegistryClient(registry, CACHED_SCHEMAS, properties);
  }

  /** Returns null when the registry has no Avro schema of that id; throws when it does not answer. */
  Schema find(int id) {
    Long until = unknown.get(id);
    if (until != null && System.currentTimeMillis() < until) {
      return null;
    }
    Schema schema = fetch(id);
    if (schema == null) {
      unknown.remove(id);
      unknown.put(id, System.currentTimeMillis() + UNKNOWN_TTL_MS);
    }
    return schema;
  }

  private Schema fetch(int id) {
    for (int attempt = 1; ; attempt++) {
      try {
        return avro(registry.getId(id));
      } catch (RestClientException e) {
        if (e.getStatus() == NOT_FOUND) {
          return null;
        }
        pauseOrGiveUp(attempt, id, e);
      } catch (IOException e) {
        pauseOrGiveUp(attempt, id, e);
      }
    }
  }

  /** The client itself cannot tell a schema that is not Avro from a registry that does not answer. */
  private Schema avro(SchemaString found) {
    ParsedSchema parsed =
        client.parseSchema(found.getSchemaType(), found.getSchemaString(), found.getReferences()).orElse(null);
    return parsed != null && parsed.rawSchema() instanceof Schema schema ? schema : null;
  }

  private static void pauseOrGiveUp(int attempt, int id, Exception cause) {
    if (attempt == ATTEMPTS) {
      throw new IllegalStateException("the schema registry did not give schema " + id + ": " + cause.getMessage(), cause);
    }
    try {
      Thread.sleep(FIRST_PAUSE_MS << attempt);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while asking the schema registry", e);
    }
  }
}
