package tickloom;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
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
 * Quotes of all venues to candles of the best bid and offer, keyed by instrument. Quotes wait, by second, until the
 * watermark says that no earlier ones come; then they are taken in the order of their events. A quote is late when its
 * second was taken already: this is the instrument's own state, so that it holds after a restore as well.
 */
final class QuoteCandles extends KeyedProcessFunction<String, Quote, RowData> {
  private static final TypeInformation<Quote> QUOTE = Types.POJO(Quote.class);
  private static final MapStateDescriptor<Long, List<Quote>> WAITING =
      new MapStateDescriptor<>("waiting", Types.LONG, Types.LIST(QUOTE));
  private static final ValueStateDescriptor<Long> TAKEN = new ValueStateDescriptor<>("taken", Types.LONG);
  private static final ValueStateDescriptor<QuoteBook> BOOK =
      new ValueStateDescriptor<>("book", Types.POJO(QuoteBook.class));
  private static final BigDecimal TWO = BigDecimal.valueOf(2);

  private final List<Resolution> resolutions; // the longest first
  private final long forgetAfterNs;
  private final String topic;
  private transient MapState<Long, List<Quote>> waiting;
  private transient ValueState<Long> taken; // the last second whose quotes are in candles
  private transient ValueState<QuoteBook> books;
  private transient Counter quotes;
  private transient Counter late;

  QuoteCandles(List<Resolution> resolutions, long forgetAfterNs, String topic) {
    this.forgetAfterNs = forgetAfterNs;
    this.topic = topic;
    this.resolutions = new ArrayList<>(resolutions);
    this.resolutions.sort(Comparator.comparingLong(Resolution::lengthNs).reversed());
  }

  @Override
  public void open(OpenContext context) {
    waiting = getRuntimeContext().getMapState(WAITING);
    taken = getRuntimeContext().getState(TAKEN);
    books = getRuntimeContext().getState(BOOK);
    quotes = getRuntimeContext().getMetricGroup().counter("quotes");
    late = getRuntimeContext().getMetricGroup().counter("lateQuotes");
  }

  @Override
  public void processElement(Quote quote, Context context, Collector<RowData> out) throws Exception {
    Long last = taken.value();
    if (last == null ? Interest.isPast(quote.second(), context.timerService()) : quote.second() <= last) {
      late.inc();
      out.collect(MessageRows.refused(quote, "late", "its second is in candles already", topic));
      return;
    }
    List<Quote> together = waiting.get(quote.second());
    if (together == null) {
      together = new ArrayList<>();
      context.timerService().registerEventTimeTimer(Rows.lastMilli(quote.second()));
    }
    together.add(quote.light());
    waiting.put(quote.second(), together);
  }

  @Override
  public void onTimer(long millis, OnTimerContext context, Collector<RowData> out) throws Exception {
    long second = Math.floorDiv(millis, 1_000L);
    QuoteBook book = books.value();
    book = book == null ? new QuoteBook() : book;
    List<Quote> together = waiting.get(second);
    if (together != null) {
      waiting.remove(second);
      taken.update(second);
      together.sort(Quote.ORDER);
      take(together, book, context);
      quotes.inc(together.size());
    }
    long endNs = (second + 1) * Trade.NANOS_PER_SECOND;
    close(endNs, book, context, out);
    if (book.bars.isEmpty() && book.interest.isOver(endNs, forgetAfterNs, context.timerService())) {
      taken.clear();
      books.clear();
    } else {
      books.update(book);
    }
  }

  /** The quotes of a second, in order. It is in one window of each resolution. */
  private void take(List<Quote> together, QuoteBook book, OnTimerContext context) {
    for (Resolution each : resolutions) {
      if (!book.bars.containsKey(each.name())) {
        open(each, together.get(0).tsEvent, book, context);
      }
    }
    QuoteBar second = new QuoteBar();
    for (Quote quote : together) {
      take(quote, book, second);
    }
    for (QuoteBar bar : book.bars.values()) {
      bar.add(second);
    }
    book.interest.touch(book.atNs, forgetAfterNs, context.timerService());
  }

  private static void take(Quote quote, QuoteBook book, QuoteBar second) {
    book.advance(quote.tsEvent);
    book.atNs = quote.tsEvent; // also of the first
    book.take(quote);
    BigDecimal bid = book.bid();
    BigDecimal ask = book.ask();
    BigDecimal mid = bid == null || ask == null ? null
        : bid.add(ask).divide(TWO, Int128.SCALE, RoundingMode.HALF_EVEN);
    second.add(bid, ask, mid);
  }

  /** A window begins before its first quote: what holds then counts from there. */
  private void open(Resolution resolution, long tsEvent, QuoteBook book, OnTimerContext context) {
    long start = Math.floorDiv(tsEvent, resolution.lengthNs()) * resolution.lengthNs();
    long end = start + resolution.lengthNs();
    book.advance(start);
    book.bars.put(resolution.name(), QuoteBar.of(book, start, end));
    context.timerService().registerEventTimeTimer(end / 1_000_000 - 1);
  }

  private void close(long endNs, QuoteBook book, OnTimerContext context, Collector<RowData> out) {
    for (Resolution each : resolutions) {
      QuoteBar bar = book.bars.get(each.name());
      if (bar != null && bar.endNs <= endNs) {
        book.advance(bar.endNs);
        RowData row = bar.row(context.getCurrentKey(), each.name(), book);
        out.collect(MessageRows.made(context.getCurrentKey(), bar.endNs, row));
        book.bars.remove(each.name());
      }
    }
  }
}
