package tickloom;

import static tickloom.MessageRows.amount;
import static tickloom.MessageRows.string;

import java.math.BigDecimal;
import java.math.RoundingMode;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.table.data.GenericArrayData;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.Collector;

/**
 * Order books, and what they look like at the end of every interval in which they changed. Updates are taken in the
 * order of the topic, which is the venue's; one that comes after the depth of its interval counts in the next. A book
 * with a gap, or another checksum than the venue's, waits for a snapshot.
 */
final class BookDepths extends KeyedProcessFunction<String, BookUpdate, RowData> {
  private static final ValueStateDescriptor<Book> BOOK = new ValueStateDescriptor<>("book", Types.POJO(Book.class));
  private static final BigDecimal TWO = BigDecimal.valueOf(2);
  private static final BigDecimal BASIS_POINTS = BigDecimal.valueOf(10_000);

  private final long intervalNs;
  private final int levels;
  private final BigDecimal withinBp;
  private final long forgetAfterNs;
  private final String topic;
  private transient ValueState<Book> books;
  private transient Counter updates;
  private transient Counter known;
  private transient Counter waiting;

  BookDepths(long intervalNs, int levels, int withinBp, long forgetAfterNs, String topic) {
    this.forgetAfterNs = forgetAfterNs;
    this.intervalNs = intervalNs;
    this.levels = levels;
    this.withinBp = BigDecimal.valueOf(withinBp);
    this.topic = topic;
  }

  @Override
  public void open(OpenContext context) {
    books = getRuntimeContext().getState(BOOK);
    MetricGroup metrics = getRuntimeContext().getMetricGroup();
    updates = metrics.counter("updates");
    known = metrics.counter("knownUpdates");
    waiting = metrics.counter("updatesWithoutSnapshot");
  }

  @Override
  public void processElement(BookUpdate update, Context context, Collector<RowData> out) throws Exception {
    Book book = books.value();
    book = book == null ? new Book() : book;
    long arrival = Interest.arrival(update.tsEvent, context.timerService());
    book.interest.touch(arrival, forgetAfterNs, context.timerService());
    if (book.endNs != 0 && update.tsEvent >= book.endNs) {
      tell(context.getCurrentKey(), book, out);
    }
    if (book.isWhole && book.has(update)) {
      known.inc();
    } else if (!book.isWhole && !update.isSnapshot) {
      waiting.inc();
    } else {
      take(update, book, context, out);
    }
    books.update(book);
  }

  @Override
  public void onTimer(long millis, OnTimerContext context, Collector<RowData> out) throws Exception {
    Book book = books.value();
    if (book == null) {
      return;
    }
    if (book.endNs != 0 && book.endNs / 1_000_000 - 1 <= millis) {
      tell(context.getCurrentKey(), book, out);
    }
    if (book.interest.isOver((millis + 1) * 1_000_000, forgetAfterNs, context.timerService())) {
      books.clear();
    } else {
      books.update(book);
    }
  }

  private void take(BookUpdate update, Book book, Context context, Collector<RowData> out) {
    String gap = book.gap(update);
    if (gap != null) {
      refuse(update, "gap", gap, book, out);
      return;
    }
    book.apply(update);
    String difference = book.difference(update);
    if (difference != null) {
      refuse(update, "checksum", difference, book, out);
      return;
    }
    updates.inc();
    if (book.endNs == 0) {
      book.endNs = (Math.floorDiv(Math.max(update.tsEvent, book.toldNs), intervalNs) + 1) * intervalNs;
      context.timerService().registerEventTimeTimer(book.endNs / 1_000_000 - 1);
    }
  }

  private void refuse(BookUpdate update, String rule, String reason, Book book, Collector<RowData> out) {
    out.collect(MessageRows.refused(update, rule, reason, topic));
    book.clear();
    book.endNs = 0;
    book.updates = 0;
  }

  private void tell(String symbol, Book book, Collector<RowData> out) {
    out.collect(MessageRows.made(symbol, book.endNs, row(symbol, book)));
    book.toldNs = book.endNs;
    book.endNs = 0;
    book.updates = 0;
  }

  /** The columns of book_depth.avsc. */
  private RowData row(String symbol, Book book) {
    BookSide bids = book.bids;
    BookSide asks = book.asks;
    boolean isTwoSided = bids.levels() > 0 && asks.levels() > 0;
    BigDecimal mid = isTwoSided ? bids.price(0).add(asks.price(0)).divide(TWO) : null;
    BigDecimal band = isTwoSided ? mid.multiply(withinBp).divide(BASIS_POINTS) : null;
    return GenericRowData.of(
        string(symbol), book.venue.isEmpty() ? null : string(book.venue), book.endNs, book.sequence,
        isTwoSided ? amount(asks.price(0).subtract(bids.price(0))) : null,
        isTwoSided ? amount(mid.setScale(Int128.SCALE, RoundingMode.HALF_EVEN)) : null,
        isTwoSided ? amount(microprice(bids, asks)) : null,
        imbalance(bids.top(levels), asks.top(levels)),
        isTwoSided ? amount(bids.through(mid.subtract(band))) : null,
        isTwoSided ? amount(asks.through(mid.add(band))) : null,
        book.updates, top(bids, asks));
  }

  /** (bid × ask size + ask × bid size) / (bid size + ask size), of the best levels. */
  private static BigDecimal microprice(BookSide bids, BookSide asks) {
    BigDecimal weighted = bids.price(0).multiply(asks.size(0)).add(asks.price(0).multiply(bids.size(0)));
    return weighted.divide(bids.size(0).add(asks.size(0)), Int128.SCALE, RoundingMode.HALF_EVEN);
  }

  /** (bid size - ask size) / (bid size + ask size). */
  private static Object imbalance(BigDecimal bidSize, BigDecimal askSize) {
    BigDecimal both = bidSize.add(askSize);
    return both.signum() == 0
        ? null : amount(bidSize.subtract(askSize).divide(both, Int128.SCALE, RoundingMode.HALF_EVEN));
  }

  private GenericArrayData top(BookSide bids, BookSide asks) {
    int bidLevels = Math.min(levels, bids.levels());
    Object[] rows = new Object[bidLevels + Math.min(levels, asks.levels())];
    for (int place = 0; place < rows.length; place++) {
      boolean isBid = place < bidLevels;
      BookSide side = isBid ? bids : asks;
      int level = isBid ? place : place - bidLevels;
      rows[place] = GenericRowData.of(string(isBid ? "bid" : "ask"), amount(side.price(level)), amount(side.size(level)));
    }
    return new GenericArrayData(rows);
  }
}
