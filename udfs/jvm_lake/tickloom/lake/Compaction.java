package tickloom.lake;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import org.apache.iceberg.DataFile;
import org.apache.iceberg.FileScanTask;
import org.apache.iceberg.RewriteFiles;
import org.apache.iceberg.Table;
import org.apache.iceberg.data.Record;
import org.apache.iceberg.data.parquet.GenericParquetReaders;
import org.apache.iceberg.data.parquet.GenericParquetWriter;
import org.apache.iceberg.exceptions.CommitFailedException;
import org.apache.iceberg.exceptions.ValidationException;
import org.apache.iceberg.io.CloseableIterable;
import org.apache.iceberg.io.DataWriter;
import org.apache.iceberg.io.OutputFile;
import org.apache.iceberg.parquet.Parquet;

/**
 * Writes the small files of each partition anew as few, and replaces them in one commit. It is tried again when a job
 * has committed meanwhile, and given up when a file is no longer there: then another compaction was first.
 */
final class Compaction {
  private final Table table;
  private final long targetBytes;
  private final List<DataFile> written = new ArrayList<>();

  Compaction(Table table, long targetBytes) {
    this.table = table;
    this.targetBytes = targetBytes;
  }

  Map<String, Long> run() throws IOException {
    if (table.currentSnapshot() == null) {
      return Map.of("replaced", 0L, "written", 0L);
    }
    RewriteFiles rewrite = table.newRewrite().validateFromSnapshot(table.currentSnapshot().snapshotId());
    long replaced = 0;
    try {
      for (List<FileScanTask> group : groups()) {
        DataFile merged = merge(group);
        written.add(merged);
        rewrite.addFile(merged);
        group.forEach(task -> rewrite.deleteFile(task.file()));
        replaced += group.size();
      }
      if (replaced > 0) {
        rewrite.commit();
      }
    } catch (CommitFailedException | ValidationException e) { // of any other it is not known whether it has committed
      written.forEach(file -> table.io().deleteFile(file.location()));
      throw e;
    }
    return Map.of("replaced", replaced, "written", (long) written.size());
  }

  /** Files of one partition that come to about a target's size, at least two. */
  private List<List<FileScanTask>> groups() throws IOException {
    Map<String, List<List<FileScanTask>>> byPartition = new TreeMap<>();
    try (CloseableIterable<FileScanTask> tasks = table.newScan().planFiles()) {
      for (FileScanTask task : tasks) {
        if (task.file().fileSizeInBytes() < targetBytes / 2 && task.deletes().isEmpty()
            && task.spec().specId() == table.spec().specId()) {
          add(task, byPartition.computeIfAbsent(task.spec().partitionToPath(task.partition()), path -> new ArrayList<>()));
        }
      }
    }
    return byPartition.values().stream().flatMap(List::stream).filter(group -> group.size() > 1).toList();
  }

  private void add(FileScanTask task, List<List<FileScanTask>> groups) {
    List<FileScanTask> last = groups.isEmpty() ? List.of() : groups.get(groups.size() - 1);
    long size = last.stream().mapToLong(each -> each.file().fileSizeInBytes()).sum();
    if (last.isEmpty() || size + task.file().fileSizeInBytes() > targetBytes) {
      last = new ArrayList<>();
      groups.add(last);
    }
    last.add(task);
  }

  private DataFile merge(List<FileScanTask> group) throws IOException {
    FileScanTask first = group.get(0);
    String name = "compacted-" + UUID.randomUUID() + ".parquet";
    OutputFile output = table.io().newOutputFile(
        table.locationProvider().newDataLocation(first.spec(), first.partition(), name));
    DataWriter<Record> writer = Parquet.writeData(output)
        .forTable(table)
        .withSpec(first.spec())
        .withPartition(first.partition())
        .createWriterFunc(GenericParquetWriter::create)
        .build();
    try (writer) {
      for (FileScanTask task : group) {
        copy(task, writer);
      }
    }
    return writer.toDataFile();
  }

  private void copy(FileScanTask task, DataWriter<Record> writer) throws IOException {
    try (CloseableIterable<Record> rows = Parquet.read(table.io().newInputFile(task.file().location()))
        .project(table.schema())
        .createReaderFunc(schema -> GenericParquetReaders.buildReader(table.schema(), schema))
        .build()) {
      rows.forEach(writer::write);
    }
  }
}
