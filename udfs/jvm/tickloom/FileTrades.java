package tickloom;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.src.FileSourceSplit;
import org.apache.flink.connector.file.src.reader.BulkFormat;
import org.apache.flink.connector.file.src.util.ArrayResultIterator;
import org.apache.flink.connector.file.src.util.CheckpointedPosition;
import org.apache.flink.core.fs.Path;

/**
 * CSV files (also .gz) as a source of trades. Together they are one tape, in the order of the list: one partition, so that
 * a trade that is in two files is found, and the offset is the file's place in the list and, in its lower bits, the line.
 */
final class FileTrades implements BulkFormat<Trade, FileSourceSplit> {
  private static final int LINE_BITS = 40;
  private static final int BATCH = 4096;

  private final List<Path> files;
  private final Map<String, String> columns;
  private final Map<String, String> constants;
  private final Rules rules;

  FileTrades(List<Path> files, Map<String, String> columns, Map<String, String> constants, Rules rules) {
    this.files = files;
    this.columns = columns;
    this.constants = constants;
    this.rules = rules;
  }

  @Override
  public Reader createReader(Configuration config, FileSourceSplit split) throws IOException {
    return new Reader(split.path(), 0);
  }

  @Override
  public Reader restoreReader(Configuration config, FileSourceSplit split) throws IOException {
    long read = split.getReaderPosition().map(CheckpointedPosition::getRecordsAfterOffset).orElse(0L);
    return new Reader(split.path(), read);
  }

  @Override
  public boolean isSplittable() {
    return false;
  }

  @Override
  public TypeInformation<Trade> getProducedType() {
    return TypeInformation.of(Trade.class);
  }

  final class Reader implements BulkFormat.Reader<Trade> {
    private final Path file;
    private final long first;
    private final InputStream in;
    private final CsvTrades csv;
    private final ByteArrayOutputStream buffer = new ByteArrayOutputStream(256);
    private long line;
    private long read;

    Reader(Path file, long skip) throws IOException {
      this.file = file;
      first = (long) files.stream().map(Path::getPath).toList().indexOf(file.getPath()) << LINE_BITS;
      InputStream raw = file.getFileSystem().open(file);
      in = new BufferedInputStream(file.getName().endsWith(".gz") ? new GZIPInputStream(raw) : raw, 1 << 20);
      byte[] header = nextLine();
      Map<String, byte[]> values = new HashMap<>();
      constants.forEach((field, value) -> values.put(field, value.getBytes(StandardCharsets.UTF_8)));
      csv = new CsvTrades(header == null ? new byte[0] : header, columns, values);
      while (read < skip && next() != null) { }
    }

    @Override
    public RecordIterator<Trade> readBatch() throws IOException {
      Trade[] batch = new Trade[BATCH];
      long before = read;
      int count = 0;
      for (Trade trade; count < BATCH && (trade = next()) != null; count++) {
        batch[count] = trade;
      }
      if (count == 0) {
        return null;
      }
      ArrayResultIterator<Trade> records = new ArrayResultIterator<>();
      records.set(batch, count, CheckpointedPosition.NO_OFFSET, before);
      return records;
    }

    private Trade next() throws IOException {
      byte[] bytes = nextLine();
      while (bytes != null && bytes.length == 0) {
        bytes = nextLine();
      }
      if (bytes == null) {
        return null;
      }
      Trade trade = new Trade(); // batches leave the reader's thread, so trades are not reused here
      trade.reset(bytes, file.getPath(), 0, first + line, -1);
      trade.fromFile = true;
      csv.parse(trade);
      rules.check(trade);
      read++;
      return trade;
    }

    private byte[] nextLine() throws IOException {
      buffer.reset();
      int next = in.read();
      if (next < 0) {
        return null;
      }
      for (; next >= 0 && next != '\n'; next = in.read()) {
        buffer.write(next);
      }
      line++;
      byte[] bytes = buffer.toByteArray();
      int length = bytes.length;
      return length > 0 && bytes[length - 1] == '\r' ? java.util.Arrays.copyOf(bytes, length - 1) : bytes;
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }
}
