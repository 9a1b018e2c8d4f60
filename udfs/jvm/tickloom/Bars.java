package tickloom;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.Collector;

/**
 * Trades to activity bars, keyed by symbol. Trades wait, by millisecond, until the watermark says that no earlier ones
 * come; then they are put in order and sampled. A trade is late when a later one of its symbol is in a bar already: this
 * is the symbol's own state, so that it holds after a restore as well, when sources start again without a watermark.
 */
final class Bars extends KeyedProcessFunction<String, Tick, RowData> {
  private static final TypeInformation<Tick> TICK = Types.POJO(Tick.class);
  private static final MapStateDescriptor<Long, List<Tick>> WAITING =
      new MapStateDescriptor<>("waiting", Types.LONG, Types.LIST(TICK));
  private static final ValueStateDescriptor<Long> TAKEN = new ValueStateDescriptor<>("taken", Types.LONG);
  private static final MapStateDescriptor<String, Boolean> IDS =
      new MapStateDescriptor<>("ids", Types.STRING, Types.BOOLEAN);
  private static final MapStateDescriptor<String, BarState> OPEN =
      new MapStateDescriptor<>("bars", Types.STRING, Types.POJO(BarState.class));

  private final BarOptions options;
  private transient List<BarSampler> samplers;
  private transient MapState<Long, List<Tick>> waiting; // by millisecond
  private transient ValueState<Long> taken; // the last millisecond whose trades are in bars
  private transient MapState<String, Boolean> ids; // of the second of that millisecond
  private transient MapState<String, BarState> bars; // by kind and size
  private transient Counter trades;
  private transient Counter duplicates;
  private transient Counter late;
  private transient Counter changes;

  Bars(BarOptions options) {
    this.options = options;
  }

  @Override
  public void open(OpenContext context) {
    samplers = new ArrayList<>();
    options.specs().forEach(spec -> samplers.add(new BarSampler(spec, options.spanTicks(), options.spanBars())));
    waiting = getRuntimeContext().getMapState(WAITING);
    taken = getRuntimeContext().getState(TAKEN);
    ids = getRuntimeContext().getMapState(IDS);
    bars = getRuntimeContext().getMapState(OPEN);
    trades = getRuntimeContext().getMetricGroup().counter("trades");
    duplicates = getRuntimeContext().getMetricGroup().counter("duplicates");
    late = getRuntimeContext().getMetricGroup().counter("lateTrades");
    changes = getRuntimeContext().getMetricGroup().counter("cancelsAndCorrections");
  }

  @Override
  public void processElement(Tick tick, Context context, Collector<RowData> out) throws Exception {
    long millis = tick.millis();
    Long last = taken.value();
    if (tick.change != null) {
      changes.inc();
      out.collect(BarRows.late(tick, tick.change, context.timerService().currentWatermark()));
    } else if (last != null && millis <= last) {
      late.inc();
      out.collect(BarRows.late(tick, "late", context.timerService().currentWatermark()));
    } else {
      List<Tick> together = waiting.get(millis);
      if (together == null) {
        together = new ArrayList<>(1);
        context.timerService().registerEventTimeTimer(millis);
      }
      together.add(tick);
      waiting.put(millis, together);
    }
  }

  @Override
  public void onTimer(long millis, OnTimerContext context, Collector<RowData> out) throws Exception {
    List<Tick> ticks = TickOrder.ordered(waiting.get(millis));
    waiting.remove(millis);
    Set<Tick> copies = copies(ticks, millis);
    taken.update(millis);
    for (BarSampler sampler : samplers) {
      BarState bar = bars.get(sampler.spec.text());
      bar = bar == null ? new BarState() : bar;
      for (Tick tick : ticks) {
        if (copies.contains(tick)) {
          bar.duplicateCount++;
        } else if (sampler.add(bar, tick)) {
          out.collect(BarRows.bar(context.getCurrentKey(), sampler, bar, millis));
          sampler.next(bar);
        }
      }
      bars.put(sampler.spec.text(), bar);
    }
    trades.inc(ticks.size() - copies.size());
    duplicates.inc(copies.size());
  }

  /** Those that an earlier trade of the same second has the id of, as in candles. */
  private Set<Tick> copies(List<Tick> ticks, long millis) throws Exception {
    Long last = taken.value();
    if (last == null || Math.floorDiv(last, 1000L) != Math.floorDiv(millis, 1000L)) {
      ids.clear();
    }
    Set<Tick> copies = new HashSet<>();
    for (Tick tick : ticks) {
      String id = tick.identity();
      if (id != null && ids.contains(id)) {
        copies.add(tick);
      } else if (id != null) {
        ids.put(id, true);
      }
    }
    return copies;
  }
}
