package tickloom;

import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;

/** What a decoded message must satisfy to be a trade. Runs before the record can touch the watermark. */
final class Rules implements Serializable {
  static final int TEXT_BYTES_MAX = 256;
  /** Sizes below 10^18 units: a window holds 10^8 of them before its volume leaves decimal(38, 12). */
  private static final java.math.BigInteger SIZE_LIMIT = java.math.BigInteger.TEN.pow(18 + Int128.SCALE);

  private final long futureBoundNanos;

  Rules(long futureBoundMs) {
    this.futureBoundNanos = futureBoundMs * 1_000_000;
  }

  void check(Trade trade) {
    if (trade.isRejected()) {
      return;
    }
    checkSymbol(trade);
    checkLength(trade, "venue", trade.venue);
    checkLength(trade, "trade_id", trade.tradeId);
    checkLength(trade, "original_trade_id", trade.originalTradeId);
    checkTime(trade);
    if (trade.action == Trade.NEW) {
      checkAmounts(trade);
    } else {
      checkOriginal(trade);
    }
  }

  private void checkSymbol(Trade trade) {
    if (trade.symbol.length <= 0) {
      trade.reject("symbol", "symbol: missing or empty");
    } else if (!isText(trade, trade.symbol)) {
      trade.reject("symbol", "symbol: not valid UTF-8");
    }
    checkLength(trade, "symbol", trade.symbol);
  }

  private static void checkLength(Trade trade, String field, Trade.Text text) {
    if (text.length > TEXT_BYTES_MAX) {
      trade.reject(field, field + ": longer than " + TEXT_BYTES_MAX + " bytes");
    }
  }

  private static boolean isText(Trade trade, Trade.Text text) {
    int signs = 0;
    for (int i = text.from; i < text.from + text.length; i++) {
      signs |= trade.bytes[i];
    }
    if (signs >= 0) {
      return true; // ASCII
    }
    try {
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(trade.bytes, text.from, text.length));
      return true;
    } catch (CharacterCodingException e) {
      return false;
    }
  }

  private void checkTime(Trade trade) {
    if (trade.tsEvent == Trade.ABSENT) {
      trade.reject("ts_event", "ts_event: missing");
    } else if (trade.tsEvent <= 0) {
      trade.reject("ts_event", "ts_event: must be after 1970, was " + trade.tsEvent + " ns");
    } else if (trade.tsRecv != Trade.ABSENT && isAhead(trade.tsEvent, trade.tsRecv)) {
      trade.reject("future", "ts_event: " + time(trade.tsEvent) + " is too far ahead of ts_recv " + time(trade.tsRecv));
    } else if (trade.tsKafkaMs > 0 && isAhead(trade.tsEvent, trade.tsKafkaMs * 1_000_000)) {
      trade.reject("future", "ts_event: " + time(trade.tsEvent) + " is too far ahead of the Kafka timestamp "
          + Instant.ofEpochMilli(trade.tsKafkaMs));
    }
  }

  private boolean isAhead(long tsEvent, long reference) {
    return reference < 0 || tsEvent - reference > futureBoundNanos; // tsEvent > 0: no overflow
  }

  private static Instant time(long nanos) {
    return Instant.ofEpochSecond(0, nanos);
  }

  private static void checkAmounts(Trade trade) {
    if (trade.price.signum() <= 0) {
      trade.reject("price", "price: must be above 0, was " + trade.price.decimal().toPlainString());
    } else if (trade.size.signum() <= 0) {
      trade.reject("size", "size: must be above 0, was " + trade.size.decimal().toPlainString());
    } else if (!trade.size.fitsLong() && trade.size.big().compareTo(SIZE_LIMIT) >= 0) {
      trade.reject("size", "size: must be below 10^18, was " + trade.size.decimal().toPlainString());
    }
  }

  private static void checkOriginal(Trade trade) {
    if (trade.originalTradeId.length <= 0) {
      trade.reject("original", "original_trade_id: a cancel or correction must name the trade it refers to");
    } else if (trade.originalTsEvent == Trade.ABSENT || trade.originalTsEvent <= 0) {
      trade.reject("original", "original_ts_event: a cancel or correction must name the time of its trade");
    }
    if (trade.action == Trade.CORRECT) {
      checkAmounts(trade);
    }
  }
}
