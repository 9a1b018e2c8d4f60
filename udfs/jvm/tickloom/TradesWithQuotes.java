package tickloom;

import java.io.Serializable;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.MapState;
import org.apache.flink.api.common.state.MapStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.metrics.Counter;
import org.apache.flink.streaming.api.functions.co.KeyedCoProcessFunction;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.Collector;

/**
 * Each trade of a symbol with the quote in force at its time, which is the last one before it: one of the same instant is
 * what the trade has left. Trades and quotes wait, by second, until the watermark of both says that no earlier ones come.
 * A trade is told once the quote that realises its spread is known too.
 */
final class TradesWithQuotes extends KeyedCoProcessFunction<String, Tick, SizedQuote, RowData> {
  private static final MapStateDescriptor<Long, List<Tick>> TRADES =
      new MapStateDescriptor<>("trades", Types.LONG, Types.LIST(Types.POJO(Tick.class)));
  private static final MapStateDescriptor<Long, List<SizedQuote>> QUOTES =
      new MapStateDescriptor<>("quotes", Types.LONG, Types.LIST(Types.POJO(SizedQuote.class)));
  private static final ValueStateDescriptor<Long> TAKEN = new ValueStateDescriptor<>("taken", Types.LONG);
  private static final ValueStateDescriptor<Tape> TAPE = new ValueStateDescriptor<>("tape", Types.POJO(Tape.class));

  private final Options options;
  private transient MapState<Long, List<Tick>> trades;
  private transient MapState<Long, List<SizedQuote>> quotes;
  private transient ValueState<Long> taken; // the last second that is told of
  private transient ValueState<Tape> tapes;
  private transient Counter joined;
  private transient Counter duplicates;
  private transient Counter late;

  /** `realisedAfterNs` is how long after a trade the quote is that realises its spread. */
  record Options(List<Resolution> resolutions, long realisedAfterNs, long forgetAfterNs, String tradesTopic,
      String quotesTopic) implements Serializable {}

  TradesWithQuotes(Options options) {
    this.options = options;
  }

  @Override
  public void open(OpenContext context) {
    trades = getRuntimeContext().getMapState(TRADES);
    quotes = getRuntimeContext().getMapState(QUOTES);
    taken = getRuntimeContext().getState(TAKEN);
    tapes = getRuntimeContext().getState(TAPE);
    joined = getRuntimeContext().getMetricGroup().counter("trades");
    duplicates = getRuntimeContext().getMetricGroup().counter("duplicates");
    late = getRuntimeContext().getMetricGroup().counter("late");
  }

  @Override
  public void processElement1(Tick tick, Context context, Collector<RowData> out) throws Exception {
    if (tick.change != null) {
      out.collect(QuotedTradeRows.refused(tick, tick.change, "what was told of its trade stands", options.tradesTopic()));
    } else if (isLate(second(tick.tsEvent), context)) {
      out.collect(QuotedTradeRows.refused(tick, "late", "its second is told of already", options.tradesTopic()));
    } else {
      wait(trades, tick.tsEvent, tick, context);
    }
  }

  @Override
  public void processElement2(SizedQuote quote, Context context, Collector<RowData> out) throws Exception {
    if (isLate(quote.second(), context)) {
      out.collect(QuotedTradeRows.refused(quote, "late", "its second is told of already", options.quotesTopic()));
    } else {
      wait(quotes, quote.tsEvent, quote, context);
    }
  }

  private boolean isLate(long second, Context context) throws Exception {
    Long last = taken.value();
    boolean isLate = last == null ? Interest.isPast(second, context.timerService()) : second <= last;
    late.inc(isLate ? 1 : 0);
    return isLate;
  }

  private <T> void wait(MapState<Long, List<T>> waiting, long tsEvent, T event, Context context) throws Exception {
    List<T> together = waiting.get(second(tsEvent));
    together = together == null ? new ArrayList<>() : together;
    together.add(event);
    waiting.put(second(tsEvent), together);
    wake(second(tsEvent), context);
  }

  @Override
  public void onTimer(long millis, OnTimerContext context, Collector<RowData> out) throws Exception {
    long second = Math.floorDiv(millis, 1_000L);
    Tape tape = tapes.value();
    tape = tape == null ? new Tape() : tape;
    List<SizedQuote> quoted = taken(quotes, second);
    quoted.sort(Quote.ORDER);
    Iterator<SizedQuote> next = quoted.iterator();
    SizedQuote quote = next.hasNext() ? next.next() : null;
    for (Tick tick : withoutCopies(TickOrder.ordered(taken(trades, second)))) {
      for (; quote != null && quote.tsEvent < tick.tsEvent; quote = next.hasNext() ? next.next() : null) {
        take(quote, tape, context, out);
      }
      take(tick, tape, context);
    }
    for (; quote != null; quote = next.hasNext() ? next.next() : null) {
      take(quote, tape, context, out);
    }
    long endNs = (second + 1) * Trade.NANOS_PER_SECOND;
    tell(endNs, tape, out);
    close(endNs, context.getCurrentKey(), tape, out);
    if (tape.bars.isEmpty() && tape.interest.isOver(endNs, options.forgetAfterNs(), context.timerService())) {
      tapes.clear();
      taken.clear();
    } else {
      tapes.update(tape);
      taken.update(second);
    }
  }

  private static <T> List<T> taken(MapState<Long, List<T>> waiting, long second) throws Exception {
    List<T> together = waiting.get(second);
    waiting.remove(second);
    return together == null ? new ArrayList<>() : together;
  }

  /** As in candles, a trade of the id of an earlier one of its second is a copy. */
  private List<Tick> withoutCopies(List<Tick> ticks) {
    Set<String> ids = new HashSet<>();
    List<Tick> kept = new ArrayList<>(ticks);
    kept.removeIf(tick -> tick.identity() != null && !ids.add(tick.identity()));
    duplicates.inc(ticks.size() - kept.size());
    return kept;
  }

  private void take(SizedQuote quote, Tape tape, OnTimerContext context, Collector<RowData> out) {
    tell(quote.tsEvent, tape, out); // their quote is the one before this
    open(quote.tsEvent, tape, context);
    BigDecimal flow = tape.take(quote);
    tape.bars.stream().filter(bar -> bar.has(quote.tsEvent)).forEach(bar -> bar.addQuote(flow));
  }

  private void take(Tick tick, Tape tape, OnTimerContext context) {
    open(tick.tsEvent, tape, context);
    QuotedTrade trade = tape.take(tick, tick.tsEvent + options.realisedAfterNs());
    wake(second(trade.dueNs - 1), context);
  }

  /** The windows of an event are there, and will be closed once the spreads of all of their trades are realised. */
  private void open(long tsEvent, Tape tape, OnTimerContext context) {
    tape.interest.touch(tsEvent, options.forgetAfterNs(), context.timerService());
    for (Resolution each : options.resolutions()) {
      if (tape.bars.stream().noneMatch(bar -> bar.resolution.equals(each.name()) && bar.has(tsEvent))) {
        FlowBar bar = new FlowBar();
        bar.resolution = each.name();
        bar.startNs = Math.floorDiv(tsEvent, each.lengthNs()) * each.lengthNs();
        bar.endNs = bar.startNs + each.lengthNs();
        tape.bars.add(bar);
        wake(second(bar.endNs + options.realisedAfterNs() - 1), context);
      }
    }
  }

  /** The trades whose time has come. */
  private void tell(long untilNs, Tape tape, Collector<RowData> out) {
    Iterator<QuotedTrade> waiting = tape.waiting.iterator();
    for (QuotedTrade trade; waiting.hasNext() && (trade = waiting.next()).dueNs <= untilNs; waiting.remove()) {
      QuotedTrade told = trade;
      tape.bars.stream().filter(bar -> bar.has(told.tick.tsEvent)).forEach(bar -> bar.add(told, tape.best));
      out.collect(QuotedTradeRows.trade(told, tape.best));
      joined.inc();
    }
  }

  private void close(long untilNs, String symbol, Tape tape, Collector<RowData> out) {
    Iterator<FlowBar> bars = tape.bars.iterator();
    while (bars.hasNext()) {
      FlowBar bar = bars.next();
      if (bar.endNs + options.realisedAfterNs() <= untilNs) {
        out.collect(QuotedTradeRows.flow(symbol, bar));
        bars.remove();
      }
    }
  }

  private static void wake(long second, Context context) {
    context.timerService().registerEventTimeTimer(Rows.lastMilli(second));
  }

  private static long second(long ns) {
    return Math.floorDiv(ns, Trade.NANOS_PER_SECOND);
  }
}
