package tickloom.lake;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.type.TypeReference;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.Snapshot;
import org.apache.iceberg.Table;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.util.SnapshotUtil;

/** Compacts a table or expires its snapshots, as JSON on stdin asks for it; the answer is a line of JSON on stdout. */
public final class Upkeep {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final TypeReference<Map<String, String>> OPTIONS = new TypeReference<>() {};

  public static void main(String[] arguments) throws IOException {
    PrintStream replies = new PrintStream(new FileOutputStream(FileDescriptor.out), true, StandardCharsets.UTF_8);
    System.setOut(System.err); // what libraries print is no reply
    JsonNode asked = JSON.readTree(System.in);
    try (LakeCatalog catalog = new LakeCatalog()) {
      catalog.setConf(new Configuration());
      catalog.initialize(asked.get("name").textValue(), JSON.convertValue(asked.get("catalog"), OPTIONS));
      Table table = catalog.loadTable(TableIdentifier.parse(asked.get("table").textValue()));
      replies.println(JSON.writeValueAsString(asked.has("expire_before_ms")
          ? expire(table, asked.get("expire_before_ms").longValue())
          : new Compaction(table, asked.get("target_bytes").longValue()).run()));
    }
  }

  /**
   * From the newest snapshot of the job on, none is expired: a job that starts again looks there, from snapshot to
   * parent, for what it has committed, and would commit its latest files once more.
   */
  private static Map<String, Long> expire(Table table, long beforeMs) {
    long before = beforeMs;
    for (Snapshot snapshot : SnapshotUtil.currentAncestors(table)) {
      if (snapshot.summary().containsKey("flink.max-committed-checkpoint-id")) {
        before = Math.min(before, snapshot.timestampMillis());
        break;
      }
    }
    long held = count(table);
    table.expireSnapshots().expireOlderThan(before).commit();
    table.refresh();
    return Map.of("expired", held - count(table), "left", count(table));
  }

  private static long count(Table table) {
    long count = 0;
    for (Snapshot ignored : table.snapshots()) {
      count++;
    }
    return count;
  }

  private Upkeep() {}
}
