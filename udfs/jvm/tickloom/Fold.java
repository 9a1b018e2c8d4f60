package tickloom;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.OutputTag;

/**
 * Trades to partial accumulators a (symbol, second), in the task of the source. Partials leave when the watermark closes
 * their second. A few leave before a checkpoint too: should their partition fall silent, nobody waits for its watermark
 * here. Many stay, as state, like the ids of open seconds: else every other trade would leave alone.
 */
final class Fold extends AbstractStreamOperator<Tuple3<String, Long, Accumulator>>
    implements OneInputStreamOperator<Trade, Tuple3<String, Long, Accumulator>> {
  private static final int PARTIALS_MAX = 1 << 19; // bounds memory while no watermark comes
  private static final int FEW = 1 << 13;
  private static final ListStateDescriptor<byte[]> STATE =
      new ListStateDescriptor<>("partitions", BytePrimitiveArraySerializer.INSTANCE);

  private final OutputTag<RowData> rows;
  private final long outOfOrdernessMs;
  private final Rules rules;
  private final Conditions conditions;

  private transient PriceBands bands;
  private transient SecondTable table;
  private transient IdSet.Key key;
  private transient Map<Integer, PartitionState> partitions;
  private transient PartitionState last;
  private transient List<Tuple3<String, Long, Accumulator>> restored;
  private transient ListState<byte[]> state;
  private transient long watermark;
  private transient StreamRecord<RowData> row;
  private transient StreamRecord<Tuple3<String, Long, Accumulator>> partial;
  private transient Counter trades;
  private transient Counter duplicates;
  private transient Counter late;
  private transient Counter rejected;
  private transient Counter flagged;
  private transient Counter changes;

  Fold(OutputTag<RowData> rows, long outOfOrdernessMs, Rules rules, Conditions conditions) {
    this.rows = rows;
    this.outOfOrdernessMs = outOfOrdernessMs;
    this.rules = rules;
    this.conditions = conditions;
  }

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    table = new SecondTable();
    partitions = new HashMap<>();
    state = context.getOperatorStateStore().getUnionListState(STATE);
    restored = new ArrayList<>();
    for (byte[] bytes : state.get()) {
      PartitionState.restore(bytes, partitions, this::take);
    }
    partitions.values().forEach(PartitionState::forgetClosed);
    bands = new PriceBands(rules, context.getOperatorStateStore());
  }

  /** One subtask emits what a partition had not: the partition may stay silent. */
  private void take(int partition, String symbol, long second, Accumulator accumulator) {
    TaskInfo task = getRuntimeContext().getTaskInfo();
    if (partition % task.getNumberOfParallelSubtasks() == task.getIndexOfThisSubtask()) {
      restored.add(Tuple3.of(symbol, second, accumulator));
    }
  }

  @Override
  public void open() throws Exception {
    super.open();
    key = new IdSet.Key();
    watermark = Long.MIN_VALUE;
    row = new StreamRecord<>(null);
    partial = new StreamRecord<>(null);
    trades = getMetricGroup().counter("trades");
    duplicates = getMetricGroup().counter("duplicates");
    late = getMetricGroup().counter("lateTrades");
    rejected = getMetricGroup().counter("rejectedTrades");
    flagged = getMetricGroup().counter("flaggedTrades");
    changes = getMetricGroup().counter("cancelsAndCorrections");
    getMetricGroup().gauge("unknownConditions", conditions::unknown);
    restored.forEach(each -> emit(each.f0, each.f1, each.f2));
    restored = null;
  }

  @Override
  public void processElement(StreamRecord<Trade> element) {
    Trade trade = element.getValue();
    PartitionState partition = last != null && last.partition == trade.partition ? last : claim(trade.partition);
    SecondTable.Second second = isOpen(trade, partition) ? secondOf(trade) : null;
    bands.judge(trade, second);
    partition.cover(trade, outOfOrdernessMs);
    if (trade.isFlagged()) {
      flagged.inc();
      emit(Rows.rejected(trade)); // and it counts
    }
    if (trade.isRejected()) {
      rejected.inc();
      emit(Rows.rejected(trade));
    } else if (trade.action != Trade.NEW) {
      changes.inc();
      emit(Rows.change(trade, closedUpToMs(partition)));
    } else if (second == null) {
      late.inc();
      emit(Rows.late(trade, closedUpToMs(partition)));
    } else {
      fold(trade, second, partition);
    }
  }

  /** Whether it is a trade whose second is still open. */
  private boolean isOpen(Trade trade, PartitionState partition) {
    return !trade.isRejected() && trade.action == Trade.NEW
        && Rows.lastMilli(trade.second()) > closedUpToMs(partition);
  }

  private SecondTable.Second secondOf(Trade trade) {
    return table.of(trade.partition, trade.bytes, trade.symbol.from, trade.symbol.length, trade.second());
  }

  private long closedUpToMs(PartitionState partition) {
    return Math.max(watermark, partition.closedUpToMs);
  }

  private void fold(Trade trade, SecondTable.Second second, PartitionState partition) {
    Accumulator accumulator = table.partial(second, partition.coveredFromMs);
    accumulator.sources.add(trade.partition, trade.offset);
    if (isCopy(trade, second)) {
      duplicates.inc();
      accumulator.duplicateCount++;
    } else {
      trades.inc();
      accumulator.add(trade, conditions.effects(trade));
    }
    if (table.partials() >= PARTIALS_MAX) {
      flush();
    }
  }

  private boolean isCopy(Trade trade, SecondTable.Second second) {
    if (trade.tradeId.length <= 0) {
      return false; // without an id, equal content says nothing
    }
    if (second.ids == null) {
      second.ids = new IdSet();
    }
    key.set(trade);
    return !second.ids.add(key);
  }

  private PartitionState claim(int partition) {
    last = partitions.computeIfAbsent(partition, PartitionState::new);
    if (!last.claimed) {
      last.claimed = true;
      last.ids.forEach((second, symbols) -> symbols.forEach((symbol, ids) -> {
        byte[] bytes = symbol.getBytes(StandardCharsets.UTF_8);
        table.of(partition, bytes, 0, bytes.length, second).ids = ids;
      }));
      last.ids = new TreeMap<>();
    }
    return last;
  }

  @Override
  public void processWatermark(Watermark mark) throws Exception {
    long before = firstOpenSecond();
    watermark = Math.max(watermark, mark.getTimestamp());
    if (firstOpenSecond() > before) {
      table.close(firstOpenSecond(), this::emit);
    }
    super.processWatermark(mark);
  }

  /** An idle input no longer holds back the watermark of others, so nothing may wait here for its own. */
  @Override
  public void processWatermarkStatus(WatermarkStatus status) throws Exception {
    if (status.isIdle()) {
      flush();
    }
    super.processWatermarkStatus(status);
  }

  /** The first second whose last millisecond the watermark has not passed. */
  private long firstOpenSecond() {
    return watermark == Long.MIN_VALUE ? Long.MIN_VALUE : Math.floorDiv(watermark - 999, 1000) + 1;
  }

  private void flush() {
    table.flush(this::emit);
  }

  private void emit(String symbol, long second, Accumulator accumulator) {
    output.collect(partial.replace(Tuple3.of(symbol, second, accumulator), Rows.lastMilli(second)));
  }

  private void emit(RowData data) {
    output.collect(rows, row.replace(data));
  }

  @Override
  public void prepareSnapshotPreBarrier(long checkpointId) {
    if (table.partials() <= FEW) {
      flush();
    }
  }

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    boolean keepsUnclaimed = getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() == 0;
    List<byte[]> blocks = new ArrayList<>();
    Map<Integer, PartitionState.Blocks> open = new HashMap<>();
    for (PartitionState partition : partitions.values()) {
      if (partition.claimed) {
        partition.closedUpToMs = closedUpToMs(partition);
        open.put(partition.partition, partition.new Blocks(blocks));
      } else if (keepsUnclaimed) { // one subtask keeps what nobody claimed; whether it is closed only the owner knows
        partition.writeUnclaimed(blocks);
      }
    }
    table.forEach(second -> second.write(open.get(second.partition)));
    for (PartitionState.Blocks each : open.values()) {
      each.end();
    }
    state.update(blocks);
    bands.snapshot(keepsUnclaimed);
  }

  /** The list is filled anew for every checkpoint: between them it need not be kept. */
  @Override
  public void notifyCheckpointComplete(long checkpointId) throws Exception {
    super.notifyCheckpointComplete(checkpointId);
    state.clear();
  }

  /** At the end of the input, or drained. An idle source's last watermark is not listened to, so it is repeated here. */
  @Override
  public void finish() throws Exception {
    output.emitWatermarkStatus(WatermarkStatus.ACTIVE);
    processWatermark(Watermark.MAX_WATERMARK);
    super.finish();
  }
}
