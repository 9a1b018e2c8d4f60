package tickloom;

import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;

/** schemas/quote.avsc. The key is the symbol: that of the trades that it is in force for. */
final class SizedQuoteFormat implements MessageFormat<SizedQuote> {
  @Override
  public SizedQuote create() {
    return new SizedQuote();
  }

  @Override
  public void fill(SizedQuote quote, GenericRecord record) {
    QuoteFormat.fillPrices(quote, record);
    quote.bidSize = MessageFormat.amount(record, "bid_size");
    quote.askSize = MessageFormat.amount(record, "ask_size");
  }

  @Override
  public TypeInformation<SizedQuote> type() {
    return Types.POJO(SizedQuote.class);
  }
}
