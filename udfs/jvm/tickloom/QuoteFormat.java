package tickloom;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;

/** schemas/quote.avsc. The key is the instrument: the symbol without its venue. */
final class QuoteFormat implements MessageFormat<Quote> {
  @Override
  public Quote create() {
    return new Quote();
  }

  @Override
  public void fill(Quote quote, GenericRecord record) {
    fillPrices(quote, record);
    String ending = "." + quote.venue;
    if (quote.symbol.endsWith(ending)) {
      quote.key = quote.symbol.substring(0, quote.symbol.length() - ending.length());
    }
  }

  static void fillPrices(Quote quote, GenericRecord record) {
    quote.venue = MessageFormat.text(record, "venue");
    quote.bid = MessageFormat.amount(record, "bid_price");
    quote.ask = MessageFormat.amount(record, "ask_price");
    if (quote.bid != null && quote.bid.signum() <= 0 || quote.ask != null && quote.ask.signum() <= 0) {
      quote.reject("price", "bid_price, ask_price: not above 0");
    }
  }

  @Override
  public TypeInformation<Quote> type() {
    return Types.POJO(Quote.class);
  }
}
