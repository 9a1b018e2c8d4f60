package tickloom;

import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.streaming.api.operators.AbstractStreamOperator;
import org.apache.flink.streaming.api.operators.OneInputStreamOperator;
import org.apache.flink.streaming.runtime.streamrecord.StreamRecord;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/**
 * Messages to runs of consecutive numbers by (symbol, venue), so that gaps can be found at the rate of candles; and sale
 * conditions that no rule names, once each. A rejected message came as well: its number is not missing. Runs leave when they
 * break, with each minute and before every checkpoint, so that they need no state. Where nothing is numbered they only tell
 * how far the trades have been read.
 */
final class Runs extends AbstractStreamOperator<RowData> implements OneInputStreamOperator<Trade, RowData> {
  /** 'emit' = 'runs': a run, or an unknown condition. */
  static final List<String> COLUMNS = List.of(
      "symbol", "rt", "venue", "first_sequence", "last_sequence", "first_ts_event", "last_ts_event", "unknown_condition");

  private static final int RUNS_MAX = 1 << 16;
  private static final long MINUTE_NS = 60 * Trade.NANOS_PER_SECOND;
  private static final Set<String> UNREADABLE =
      Set.of("empty", "magic", "truncated", "schema_id", "schema", "trailing", "malformed");

  private record Series(String symbol, String venue) {}

  private record Unknown(Series series, String condition) {}

  private static final class Run {
    final boolean isNumbered;
    final long first;
    long last;
    final long firstTsEvent;
    long lastTsEvent;

    Run(boolean isNumbered, long sequence, long tsEvent) {
      this.isNumbered = isNumbered;
      first = last = sequence;
      firstTsEvent = lastTsEvent = tsEvent;
    }

    boolean takes(boolean alsoNumbered, long sequence, long tsEvent) {
      if (isNumbered != alsoNumbered || tsEvent / MINUTE_NS != firstTsEvent / MINUTE_NS) {
        return false;
      }
      if (isNumbered && (sequence < first || sequence > last + 1)) {
        return false;
      }
      if (sequence == last + 1) {
        last = sequence;
        lastTsEvent = tsEvent;
      }
      return true;
    }
  }

  private final Wildcards numbered;
  private final Conditions conditions;

  private transient Map<Series, Run> runs;
  private transient Set<Unknown> told;

  Runs(Wildcards numbered, Conditions conditions) {
    this.numbered = numbered;
    this.conditions = conditions;
  }

  @Override
  public void open() throws Exception {
    super.open();
    runs = new HashMap<>();
    told = new HashSet<>();
  }

  @Override
  public void processElement(StreamRecord<Trade> element) {
    Trade trade = element.getValue();
    if (!trade.isRejected()) {
      tellUnknown(trade);
    }
    if (isReadable(trade)) {
      count(trade, new Series(trade.symbolIfAny(), trade.venueName()));
    }
  }

  private static boolean isReadable(Trade trade) {
    return trade.symbolIfAny() != null && (!trade.isRejected() || !UNREADABLE.contains(trade.rule));
  }

  private void count(Trade trade, Series series) {
    long tsEvent = trade.isRejected() ? Math.max(trade.tsKafka(), 0) : trade.tsEvent; // a rejected time may be any
    boolean isNumbered = trade.sequenced && numbered.match(trade.venueName());
    Run run = runs.get(series);
    if (run != null && run.takes(isNumbered, trade.sequence, tsEvent)) {
      return;
    }
    if (run != null) {
      emit(series, run);
    }
    runs.put(series, new Run(isNumbered, trade.sequence, tsEvent));
    if (runs.size() >= RUNS_MAX) {
      flush();
    }
  }

  private void tellUnknown(Trade trade) {
    for (String condition : conditions.unknown(trade)) {
      Series series = new Series(trade.text(trade.symbol), trade.venueName());
      if (told.size() < RUNS_MAX && told.add(new Unknown(series, condition))) {
        emit(series, trade.tsEvent, null, null, null, condition);
      }
    }
  }

  private void emit(Series series, Run run) {
    Long first = run.isNumbered ? run.first : null;
    Long last = run.isNumbered ? run.last : null;
    emit(series, run.firstTsEvent, first, last, run.lastTsEvent, null);
  }

  private void emit(Series series, long tsEvent, Long first, Long last, Long lastTsEvent, String condition) {
    RowData row = GenericRowData.of(
        StringData.fromString(series.symbol), TimestampData.fromEpochMillis(tsEvent / 1_000_000),
        StringData.fromString(series.venue), first, last, tsEvent, lastTsEvent, StringData.fromString(condition));
    output.collect(new StreamRecord<>(row, tsEvent / 1_000_000));
  }

  private void flush() {
    runs.forEach(this::emit);
    runs.clear();
  }

  @Override
  public void prepareSnapshotPreBarrier(long checkpointId) {
    flush();
  }

  @Override
  public void finish() throws Exception {
    flush();
    super.finish();
  }
}
