package tickloom;

import java.io.IOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.OffsetDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Lines of a CSV file with a header to trades. A bad line leaves a reason in its trade. */
final class CsvTrades {
  private static final long NANOS_MIN = 100_000_000_000_000_000L; // 1973: smaller integers are seconds, ms or µs
  private static final int INTEGER_DIGITS_MAX = Int128.PRECISION - Int128.SCALE;
  private static final DateTimeFormatter ISO = new DateTimeFormatterBuilder()
      .append(DateTimeFormatter.ISO_LOCAL_DATE_TIME).appendPattern("[XXX][XX][X]").toFormatter();

  private final Map<String, String> columns;
  private final Map<String, byte[]> constants;
  private final List<String> header;
  private int[] from = new int[16];
  private int[] length = new int[16];

  /** The header is the file's first line; columns maps our field names to the file's, constants fields to values. */
  CsvTrades(byte[] firstLine, Map<String, String> columns, Map<String, byte[]> constants) throws IOException {
    this.columns = columns;
    this.constants = constants;
    header = new ArrayList<>();
    byte[] names = withoutByteOrderMark(firstLine);
    int fields = split(names);
    for (int i = 0; i < fields; i++) {
      header.add(new String(names, from[i], length[i], StandardCharsets.UTF_8).strip());
    }
    for (String required : List.of("ts_event", "symbol", "price", "size")) {
      if (!constants.containsKey(required) && column(required) < 0) {
        throw new IOException("no column " + columns.getOrDefault(required, required) + " for " + required
            + " in the header " + header);
      }
    }
  }

  private static byte[] withoutByteOrderMark(byte[] line) {
    boolean marked = new String(line, 0, Math.min(3, line.length), StandardCharsets.UTF_8).equals("\uFEFF");
    return marked ? Arrays.copyOfRange(line, 3, line.length) : line;
  }

  private int column(String field) {
    return header.indexOf(columns.getOrDefault(field, field));
  }

  /** Fills the trade from its bytes, one line without its end; trade.reset has been called. */
  void parse(Trade trade) {
    trade.bytes = trade.message.clone(); // taking quotes off changes it
    int fields = split(trade.bytes);
    if (fields != header.size()) {
      trade.reject("columns", "the line has " + fields + " fields, the header has " + header.size());
      return;
    }
    text(trade, "symbol", trade.symbol);
    text(trade, "venue", trade.venue);
    text(trade, "trade_id", trade.tradeId);
    trade.tsEvent = time(trade, "ts_event");
    trade.tsRecv = time(trade, "ts_recv");
    amount(trade, "price", trade.price);
    amount(trade, "size", trade.size);
    String sequence = value(trade, "sequence");
    if (sequence != null) {
      sequence(trade, sequence);
    }
    String conditions = value(trade, "conditions");
    trade.conditions = conditions == null ? null : conditions.split(" +");
    aggressor(trade, value(trade, "aggressor"));
  }

  private static void aggressor(Trade trade, String text) {
    if (text != null) {
      trade.aggressor = (byte) List.of("buy", "sell").indexOf(text);
      if (trade.aggressor == Trade.NOT_TOLD) {
        trade.reject("aggressor", "aggressor: '" + text + "' is neither buy nor sell");
      }
    }
  }

  private static void sequence(Trade trade, String text) {
    try {
      trade.sequence = Long.parseLong(text);
      trade.sequenced = true;
    } catch (NumberFormatException e) {
      trade.reject("sequence", "sequence: '" + text + "' is not an integer");
    }
  }

  private void text(Trade trade, String field, Trade.Text text) {
    byte[] constant = constants.get(field);
    int column = column(field);
    if (constant != null) {
      int end = trade.bytes.length;
      trade.bytes = Arrays.copyOf(trade.bytes, end + constant.length);
      System.arraycopy(constant, 0, trade.bytes, end, constant.length);
      text.set(end, constant.length);
    } else if (column >= 0 && length[column] > 0) {
      text.set(from[column], length[column]);
    }
  }

  /** The field's text, or null when it is absent or empty. */
  private String value(Trade trade, String field) {
    byte[] constant = constants.get(field);
    if (constant != null) {
      return new String(constant, StandardCharsets.UTF_8);
    }
    int column = column(field);
    if (column < 0 || length[column] == 0) {
      return null;
    }
    String text = new String(trade.bytes, from[column], length[column], StandardCharsets.UTF_8).strip();
    return text.isEmpty() ? null : text;
  }

  private long time(Trade trade, String field) {
    String text = value(trade, field);
    if (text == null) {
      return Trade.ABSENT;
    }
    try {
      long nanos = text.matches("[+-]?\\d+") ? Long.parseLong(text) : iso(text);
      if (nanos > 0 && nanos < NANOS_MIN) {
        trade.reject(field, field + ": " + text + " does not look like nanoseconds since 1970 (seconds? milliseconds?)");
      }
      return nanos;
    } catch (ArithmeticException | DateTimeException | NumberFormatException e) {
      trade.reject(field, field + ": '" + text + "' is neither integer nanoseconds nor ISO-8601 with a zone");
      return Trade.ABSENT;
    }
  }

  private static long iso(String text) {
    String joined = text.length() > 10 && text.charAt(10) == ' ' ? text.substring(0, 10) + 'T' + text.substring(11) : text;
    OffsetDateTime time = OffsetDateTime.parse(joined, ISO);
    return Math.addExact(Math.multiplyExact(time.toEpochSecond(), Trade.NANOS_PER_SECOND), time.getNano());
  }

  private void amount(Trade trade, String field, Int128 amount) {
    String text = value(trade, field);
    if (text == null) {
      trade.reject(field, field + ": missing");
      return;
    }
    try {
      BigDecimal decimal = new BigDecimal(text);
      if (decimal.scale() > Int128.SCALE) {
        decimal = decimal.stripTrailingZeros();
      }
      // the digits are counted first: setScale would spell out 1e999999999
      boolean fits = decimal.scale() <= Int128.SCALE
          && (decimal.signum() == 0 || (long) decimal.precision() - decimal.scale() <= INTEGER_DIGITS_MAX)
          && amount.set(decimal.signum() == 0
              ? java.math.BigInteger.ZERO : decimal.setScale(Int128.SCALE).unscaledValue());
      if (!fits) {
        trade.reject(field, field + ": " + text + " does not fit decimal(38, 12) exactly");
      }
    } catch (NumberFormatException e) {
      trade.reject(field, field + ": '" + text + "' is not a number");
    }
  }

  /** Finds the fields of a line, quoted ones (RFC 4180) without their quotes; returns how many there are. */
  private int split(byte[] line) {
    int field = 0;
    int at = 0;
    do {
      if (field == from.length) {
        from = Arrays.copyOf(from, 2 * field);
        length = Arrays.copyOf(length, 2 * field);
      }
      if (at < line.length && line[at] == '"') {
        at = quoted(line, at + 1, field);
      } else {
        from[field] = at;
        while (at < line.length && line[at] != ',') {
          at++;
        }
        length[field] = at - from[field];
      }
      field++;
    } while (at++ < line.length);
    return field;
  }

  private int quoted(byte[] line, int start, int field) {
    int to = start;
    int at = start;
    while (at < line.length && (line[at] != '"' || at + 1 < line.length && line[at + 1] == '"')) {
      at += line[at] == '"' ? 1 : 0; // a doubled quote stands for one
      line[to++] = line[at++];
    }
    from[field] = start;
    length[field] = to - start;
    while (at < line.length && line[at] != ',') {
      at++;
    }
    return at;
  }
}
