package tickloom;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/**
 * What the fold must remember of a partition across a restart: how far it was closed, from when it was covered, and of its
 * open seconds the trade ids and what was not emitted yet. Every subtask restores every partition's; the one that then
 * reads a record of the partition claims it.
 */
final class PartitionState {
  private static final byte VERSION = 3;
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

  /** Adds what nobody has claimed to the blocks. */
  void writeUnclaimed(List<byte[]> blocks) throws IOException {
    Blocks own = new Blocks(blocks);
    for (Map.Entry<Long, Map<String, IdSet>> second : ids.entrySet()) {
      for (Map.Entry<String, IdSet> symbol : second.getValue().entrySet()) {
        own.add(second.getKey(), symbol.getKey().getBytes(StandardCharsets.UTF_8), symbol.getValue(), null);
      }
    }
    own.end();
  }

  /** Writes this state as blocks, each of them a state that says a part: one that says all would need as large an array. */
  final class Blocks {
    private final List<byte[]> ended;
    private final DataOutputSerializer out = new DataOutputSerializer(1 << 10);
    private int place; // of the count
    private int count;

    Blocks(List<byte[]> ended) throws IOException {
      this.ended = ended;
      begin();
    }

    private void begin() throws IOException {
      out.clear();
      out.writeByte(VERSION);
      out.writeInt(partition);
      out.writeLong(closedUpToMs);
      out.writeLong(coveredFromMs);
      place = out.length();
      count = 0;
      out.writeInt(count);
    }

    /** Adds what is open of a symbol in a second; there may be no ids, and nothing that was not emitted. */
    void add(long second, byte[] symbol, IdSet ids, Accumulator partial) throws IOException {
      if (out.length() >= BLOCK_BYTES) {
        end();
        begin();
      }
      out.writeLong(second);
      out.writeShort(symbol.length);
      out.write(symbol);
      out.writeBoolean(ids != null);
      if (ids != null) {
        ids.write(out);
      }
      out.writeBoolean(partial != null);
      if (partial != null) {
        AccumulatorSerializer.INSTANCE.serialize(partial, out);
      }
      count++;
    }

    void end() throws IOException {
      out.writeIntUnsafe(count, place);
      ended.add(out.getCopyOfBuffer());
    }
  }

  interface PartialSink {
    void accept(int partition, String symbol, long second, Accumulator partial);
  }

  /** Adds what a block says to the states by partition; what several say of one partition is united. */
  static void restore(byte[] bytes, Map<Integer, PartitionState> states, PartialSink partials) throws IOException {
    DataInputDeserializer in = new DataInputDeserializer(bytes);
    byte version = in.readByte();
    if (version < 1 || version > VERSION) {
      throw new IOException("fold state written in format " + version + ", this version reads " + VERSION);
    }
    PartitionState state = states.computeIfAbsent(in.readInt(), PartitionState::new);
    state.closedUpToMs = Math.max(state.closedUpToMs, in.readLong());
    state.coveredFromMs = Math.min(state.coveredFromMs, in.readLong());
    if (version < 3) {
      state.restoreSeconds(in, version);
    } else {
      state.restoreAll(in, partials);
    }
  }

  private void restoreAll(DataInputDeserializer in, PartialSink partials) throws IOException {
    for (int count = in.readInt(); count > 0; count--) {
      long second = in.readLong();
      byte[] bytes = new byte[in.readUnsignedShort()];
      in.readFully(bytes);
      String symbol = new String(bytes, StandardCharsets.UTF_8);
      if (in.readBoolean()) {
        addIds(second, symbol, IdSet.read(in, VERSION));
      }
      if (in.readBoolean()) {
        partials.accept(partition, symbol, second, AccumulatorSerializer.INSTANCE.deserialize(in));
      }
    }
  }

  /** Versions before the third: nothing waited across a checkpoint. */
  private void restoreSeconds(DataInputDeserializer in, int version) throws IOException {
    for (int seconds = in.readInt(); seconds > 0; seconds--) {
      long second = in.readLong();
      for (int symbols = in.readInt(); symbols > 0; symbols--) {
        addIds(second, in.readUTF(), IdSet.read(in, version));
      }
    }
  }
}
