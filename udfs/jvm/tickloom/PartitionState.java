package tickloom;

import java.io.IOException;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/**
 * What the fold must remember of a partition across a restart: how far it was closed, from when it was covered, and the
 * trade ids of its open seconds. Every subtask restores every partition's; the one that then reads a record of the
 * partition claims it.
 */
final class PartitionState {
  private static final byte VERSION = 2;
  private static final int BLOCK_BYTES = 200_000; // below what G1 calls humongous, also in a small heap
  private static final long NOT_COVERED_YET = Long.MAX_VALUE;

  final int partition;
  long closedUpToMs = Long.MIN_VALUE;
  long coveredFromMs = NOT_COVERED_YET;
  boolean claimed;
  Map<Long, Map<String, IdSet>> ids = new TreeMap<>(); // second → symbol → ids; empty once claimed

  PartitionState(int partition) {
    this.partition = partition;
  }

  /**
   * Notes a record: a file, and a partition read from its first offset, are covered from the beginning of time; any other
   * partition from its first trade plus the allowed disorder, because trades that were not read may be as late as that.
   */
  void cover(Trade trade, long outOfOrdernessMs) {
    if (coveredFromMs == NOT_COVERED_YET) {
      if (trade.offset == 0 || trade.fromFile) {
        coveredFromMs = Long.MIN_VALUE;
      } else if (!trade.isRejected()) {
        coveredFromMs = trade.tsEvent / 1_000_000 + outOfOrdernessMs;
      }
    }
  }

  void addIds(long second, String symbol, IdSet added) {
    ids.computeIfAbsent(second, s -> new HashMap<>()).merge(symbol, added, (known, more) -> {
      known.addAll(more);
      return known;
    });
  }

  /** Drops what an older copy of this state still had of seconds that the owner has closed since. */
  void forgetClosed() {
    ids.keySet().removeIf(second -> Rows.lastMilli(second) <= closedUpToMs);
  }

  /** Adds this state as blocks, each of them a state that says a part: one that says all would have to be in memory twice. */
  void write(List<byte[]> blocks) throws IOException {
    DataOutputSerializer out = new DataOutputSerializer(BLOCK_BYTES + BLOCK_BYTES / 8);
    if (ids.isEmpty()) {
      begin(out, 0);
      blocks.add(out.getCopyOfBuffer());
    }
    for (Map.Entry<Long, Map<String, IdSet>> second : ids.entrySet()) {
      Iterator<Map.Entry<String, IdSet>> symbols = second.getValue().entrySet().iterator();
      while (symbols.hasNext()) {
        begin(out, 1);
        out.writeLong(second.getKey());
        writeSome(symbols, out);
        blocks.add(out.getCopyOfBuffer());
      }
    }
  }

  private void begin(DataOutputSerializer out, int seconds) throws IOException {
    out.clear();
    out.writeByte(VERSION);
    out.writeInt(partition);
    out.writeLong(closedUpToMs);
    out.writeLong(coveredFromMs);
    out.writeInt(seconds);
  }

  private static void writeSome(Iterator<Map.Entry<String, IdSet>> symbols, DataOutputSerializer out) throws IOException {
    int place = out.length();
    out.writeInt(0);
    int count = 0;
    while (symbols.hasNext() && out.length() < BLOCK_BYTES) {
      Map.Entry<String, IdSet> symbol = symbols.next();
      out.writeUTF(symbol.getKey());
      symbol.getValue().write(out);
      count++;
    }
    out.writeIntUnsafe(count, place);
  }

  /** Adds what a block says to the states by partition; what several say of one partition is united. */
  static void restore(byte[] bytes, Map<Integer, PartitionState> states) throws IOException {
    DataInputDeserializer in = new DataInputDeserializer(bytes);
    byte version = in.readByte();
    if (version != VERSION && version != 1) {
      throw new IOException("fold state written in format " + version + ", this version reads " + VERSION);
    }
    PartitionState state = states.computeIfAbsent(in.readInt(), PartitionState::new);
    state.closedUpToMs = Math.max(state.closedUpToMs, in.readLong());
    state.coveredFromMs = Math.min(state.coveredFromMs, in.readLong());
    for (int seconds = in.readInt(); seconds > 0; seconds--) {
      long second = in.readLong();
      for (int symbols = in.readInt(); symbols > 0; symbols--) {
        state.addIds(second, in.readUTF(), version == 1 ? IdSet.readOfVersion1(in) : IdSet.read(in));
      }
    }
  }
}
