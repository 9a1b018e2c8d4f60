package tickloom;

import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.typeutils.base.LongSerializer;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.metrics.Counter;
import org.apache.flink.runtime.state.StateInitializationContext;
import org.apache.flink.runtime.state.StateSnapshotContext;
import org.apache.flink.runtime.state.VoidNamespace;
import org.apache.flink.runtime.state.VoidNamespaceSerializer;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.InternalTimer;
import org.apache.flink.streaming.api.operators.InternalTimerService;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.api.operators.Triggerable;
import org.apache.flink.streaming.api.watermark.Watermark;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.streaming.runtime.watermarkstatus.WatermarkStatus;
import org.apache.flink.table.data.RowData;

/**
 * Partial accumulators to one accumulator a (symbol, second), keyed by symbol, emitted when the watermark closes the
 * second. It decides what is late, because only it sees the combined watermark; that watermark is state, since after a
 * restore the sources start again from none.
 */
final class Merge extends AbstractStreamOperator<RowData>
    implements OneInputStreamOperator<Tuple3<String, Long, Accumulator>, RowData>, Triggerable<String, VoidNamespace> {
  private static final ListStateDescriptor<Long> WATERMARK =
      new ListStateDescriptor<>("watermark", LongSerializer.INSTANCE);
  private static final MapStateDescriptor<Long, Accumulator> SECONDS =
      new MapStateDescriptor<>("seconds", LongSerializer.INSTANCE, AccumulatorSerializer.INSTANCE);

  private transient ListState<Long> watermarkState;
  private transient long watermark;
  private transient MapState<Long, Accumulator> seconds;
  private transient InternalTimerService<VoidNamespace> timers;
  private transient StreamRecord<RowData> row;
  private transient Counter late;

  @Override
  public void initializeState(StateInitializationContext context) throws Exception {
    super.initializeState(context);
    watermark = Long.MIN_VALUE;
    watermarkState = context.getOperatorStateStore().getUnionListState(WATERMARK);
    for (long restored : watermarkState.get()) {
      watermark = Math.max(watermark, restored);
    }
  }

  @Override
  public void open() throws Exception {
    super.open();
    seconds = getRuntimeContext().getMapState(SECONDS);
    timers = getInternalTimerService("seconds", VoidNamespaceSerializer.INSTANCE, this);
    row = new StreamRecord<>(null);
    late = getMetricGroup().counter("lateTrades");
  }

  @Override
  public void processElement(StreamRecord<Tuple3<String, Long, Accumulator>> element) throws Exception {
    Tuple3<String, Long, Accumulator> partial = element.getValue();
    long second = partial.f1;
    long closing = Rows.lastMilli(second);
    if (closing <= watermark) {
      late.inc(partial.f2.tradeCount + partial.f2.duplicateCount);
      output.collect(row.replace(Rows.late(partial.f0, second, partial.f2, watermark), closing));
      return;
    }
    Accumulator accumulator = seconds.get(second);
    if (accumulator == null) {
      accumulator = partial.f2;
      timers.registerEventTimeTimer(VoidNamespace.INSTANCE, closing);
    } else {
      accumulator.merge(partial.f2);
    }
    seconds.put(second, accumulator);
  }

  @Override
  public void onEventTime(InternalTimer<String, VoidNamespace> timer) throws Exception {
    long second = Math.floorDiv(timer.getTimestamp(), 1000L);
    Accumulator accumulator = seconds.get(second);
    seconds.remove(second);
    output.collect(row.replace(Rows.candle(timer.getKey(), second, accumulator), timer.getTimestamp()));
    if (accumulator.sources.spanPartitions()) { // copies on two partitions met different folds, so none saw the other
      output.collect(row.replace(Rows.partitions(timer.getKey(), second, watermark), timer.getTimestamp()));
    }
  }

  @Override
  public void onProcessingTime(InternalTimer<String, VoidNamespace> timer) {
    throw new IllegalStateException("no processing-time timer is ever registered");
  }

  @Override
  public void processWatermark(Watermark mark) throws Exception {
    watermark = Math.max(watermark, mark.getTimestamp());
    super.processWatermark(mark);
  }

  /**
   * Idleness ends here. Subtasks that hold open seconds resume one after the other; were they idle for those downstream,
   * the first to resume would close the windows that the seconds of the others still belong to.
   */
  @Override
  public void processWatermarkStatus(WatermarkStatus status) {}

  @Override
  public void snapshotState(StateSnapshotContext context) throws Exception {
    super.snapshotState(context);
    watermarkState.update(java.util.List.of(watermark));
  }
}
