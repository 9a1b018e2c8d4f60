package tickloom;

import static tickloom.MessageRows.amount;
import static tickloom.MessageRows.string;

import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.TimestampData;

/** The rows of `'connector' = 'tickloom-trades-with-quotes'`: exactly one of the last three is set. */
final class QuotedTradeRows {
  static final List<String> COLUMNS = List.of("symbol", "rt", "trade", "flow", "rejected");
  private static final BestQuote NONE = new BestQuote();

  private QuotedTradeRows() {}

  /** The columns of quoted_trade.avsc; `later` is the quote that realises the spread, null where there is none. */
  static RowData trade(QuotedTrade trade, BestQuote later) {
    Tick tick = trade.tick;
    BestQuote quote = trade.quote == null ? NONE : trade.quote;
    RowData row = GenericRowData.of(
        string(tick.symbol), string(tick.venue), string(tick.tradeId), tick.sequence, tick.tsEvent,
        amount(tick.price), amount(tick.size), amount(quote.bid), amount(quote.bidSize), amount(quote.ask),
        amount(quote.askSize), trade.quote == null ? null : quote.sinceNs, string(trade.aggressor),
        string(trade.aggressorSource), amount(trade.spread(trade.quote)), amount(trade.spread(later)));
    return GenericRowData.of(string(tick.symbol), time(tick.tsEvent / 1_000_000), row, null, null);
  }

  /** The columns of order_flow.avsc. */
  static RowData flow(String symbol, FlowBar bar) {
    RowData row = GenericRowData.of(
        string(symbol), string(bar.resolution), bar.startNs, bar.endNs, bar.trades, bar.quotes, amount(bar.bought),
        amount(bar.sold), amount(bar.unknown), amount(bar.effective.value()), amount(bar.realised.value()),
        amount(bar.imbalance));
    return GenericRowData.of(string(symbol), time(bar.endNs / 1_000_000 - 1), null, row, null);
  }

  /** A trade that was understood and cannot be taken; its bytes are where it came from. */
  static RowData refused(Tick tick, String rule, String reason, String topic) {
    return rejected(GenericRowData.of(
        null, string(rule), string(reason), string(topic), tick.partition, tick.offset, null, null, string("reject"),
        string(tick.symbol)));
  }

  static RowData refused(Quote quote, String rule, String reason, String topic) {
    return rejected(MessageRows.reason(quote, null, rule, reason, topic));
  }

  /** A record that is no quote. */
  static RowData rejected(Quote quote, String topic) {
    return rejected(MessageRows.reason(quote, quote.message, quote.rule, quote.reason, topic));
  }

  /** A record that is no trade. */
  static RowData rejected(Trade trade) {
    return rejected(Rows.reason(trade));
  }

  private static RowData rejected(RowData reason) {
    return GenericRowData.of(null, time(0), null, null, reason);
  }

  private static TimestampData time(long millis) {
    return TimestampData.fromEpochMillis(millis);
  }
}
