package tickloom;

import java.io.Serializable;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;

/** A validation rule of udfs/rules.toml. A broken rule answers with the reason; a kept one costs no allocation. */
abstract class Rule implements Serializable {
  final String name;
  final boolean isOff;
  private final boolean rejects;
  private final Pattern symbols;

  Rule(JsonNode rule) {
    name = rule.get("name").asText();
    isOff = rule.get("severity").asText().equals("off");
    rejects = rule.get("severity").asText().equals("reject");
    symbols = patterns(rule.get("symbols"));
  }

  static Rule of(JsonNode rule) {
    return switch (rule.get("kind").asText()) {
      case "required" -> new Required(rule);
      case "range" -> new Range(rule);
      case "allowed" -> rule.get("field").asText().equals("symbol") ? new AllowedSymbols(rule) : new Allowed(rule);
      case "future" -> new Future(rule);
      case "stale" -> new Stale(rule);
      case "band" -> new Band(rule);
      default -> throw new IllegalArgumentException("rules: no kind of rule is called " + rule.get("kind"));
    };
  }

  /** What is wrong, or null. */
  abstract String broken(Trade trade);

  final void report(Trade trade, String reason) {
    if (rejects) {
      trade.reject(name, reason);
    } else {
      trade.flag(name, reason);
    }
  }

  final boolean appliesTo(String symbol) {
    return symbols.matcher(symbol).matches();
  }

  final boolean isForAll() {
    return symbols.pattern().equals(".*");
  }

  /** Texts in which * stands for any text and ? for one character. */
  static Pattern patterns(JsonNode texts) {
    StringBuilder regex = new StringBuilder();
    for (JsonNode text : texts) {
      regex.append(regex.isEmpty() ? "" : "|");
      text.asText().codePoints().forEach(sign -> regex.append(
          sign == '*' ? ".*" : sign == '?' ? "." : Pattern.quote(Character.toString(sign))));
    }
    return Pattern.compile(regex.toString(), Pattern.DOTALL);
  }

  private static final class Required extends Rule {
    private final String field;

    Required(JsonNode rule) {
      super(rule);
      field = rule.get("field").asText();
    }

    @Override
    String broken(Trade trade) {
      return isThere(trade) ? null : field + ": missing or empty";
    }

    private boolean isThere(Trade trade) {
      return switch (field) {
        case "venue" -> trade.venue.length > 0;
        case "trade_id" -> trade.tradeId.length > 0;
        case "sequence" -> trade.sequenced;
        case "ts_recv" -> trade.tsRecv != Trade.ABSENT;
        default -> trade.conditions != null && trade.conditions.length > 0;
      };
    }
  }

  private static final class Range extends Rule {
    private final String field;
    private final boolean isPrice;
    private final Int128 low;
    private final Int128 high;
    private final boolean withLow;
    private final boolean withHigh;

    Range(JsonNode rule) {
      super(rule);
      field = rule.get("field").asText();
      isPrice = field.equals("price");
      withLow = rule.has("at_least");
      withHigh = rule.has("at_most");
      low = bound(rule.get(withLow ? "at_least" : "above"));
      high = bound(rule.get(withHigh ? "at_most" : "below"));
    }

    private static Int128 bound(JsonNode text) {
      if (text == null) {
        return null;
      }
      Int128 bound = new Int128();
      bound.set(new BigDecimal(text.asText()).setScale(Int128.SCALE).unscaledValue());
      return bound;
    }

    @Override
    String broken(Trade trade) {
      if (trade.action == Trade.CANCEL) {
        return null; // it stands for the original's, whatever it says
      }
      Int128 amount = isPrice ? trade.price : trade.size;
      if (low != null && amount.compareTo(low) < (withLow ? 0 : 1)) {
        return reason(withLow ? "at least" : "above", low, amount);
      }
      if (high != null && amount.compareTo(high) > (withHigh ? 0 : -1)) {
        return reason(withHigh ? "at most" : "below", high, amount);
      }
      return null;
    }

    private String reason(String side, Int128 bound, Int128 amount) {
      return field + ": must be " + side + " " + bound.decimal().stripTrailingZeros().toPlainString() + ", was "
          + amount.decimal().toPlainString();
    }
  }

  private static final class Allowed extends Rule {
    private final boolean ofVenues;
    private final Set<String> values = new HashSet<>();
    private final byte[][] bytes;

    Allowed(JsonNode rule) {
      super(rule);
      ofVenues = rule.get("field").asText().equals("venue");
      rule.get("values").forEach(value -> values.add(value.asText()));
      bytes = values.stream().map(value -> value.getBytes(StandardCharsets.UTF_8)).toArray(byte[][]::new);
    }

    @Override
    String broken(Trade trade) {
      return ofVenues ? brokenVenue(trade) : brokenCondition(trade);
    }

    private String brokenVenue(Trade trade) {
      Trade.Text venue = trade.venue;
      if (!venue.isPresent()) {
        return null;
      }
      for (byte[] each : bytes) {
        if (Arrays.equals(each, 0, each.length, trade.bytes, venue.from, venue.from + venue.length)) {
          return null;
        }
      }
      return "venue: '" + trade.venueName() + "' is not one of those allowed";
    }

    private String brokenCondition(Trade trade) {
      if (trade.conditions != null) {
        for (String each : trade.conditions) {
          if (!values.contains(each)) {
            return "conditions: '" + each + "' is not one of those allowed";
          }
        }
      }
      return null;
    }
  }

  /** What it says of a symbol is always the same: Rules asks once. */
  static final class AllowedSymbols extends Rule {
    private final Pattern values;

    AllowedSymbols(JsonNode rule) {
      super(rule);
      values = patterns(rule.get("values"));
    }

    boolean allows(String symbol) {
      return values.matcher(symbol).matches();
    }

    @Override
    String broken(Trade trade) {
      return "symbol: '" + trade.text(trade.symbol) + "' is not one of those allowed";
    }
  }

  private static final class Future extends Rule {
    private final long boundNanos;

    Future(JsonNode rule) {
      super(rule);
      boundNanos = rule.get("ahead_ms_max").asLong() * 1_000_000;
    }

    @Override
    String broken(Trade trade) {
      if (trade.tsRecv != Trade.ABSENT && isAhead(trade.tsEvent, trade.tsRecv)) {
        return "ts_event: " + time(trade.tsEvent) + " is too far ahead of ts_recv " + time(trade.tsRecv);
      }
      if (trade.tsKafkaMs > 0 && isAhead(trade.tsEvent, trade.tsKafka())) {
        return "ts_event: " + time(trade.tsEvent) + " is too far ahead of the Kafka timestamp " + time(trade.tsKafka());
      }
      return null;
    }

    private boolean isAhead(long tsEvent, long reference) {
      return reference < 0 || tsEvent - reference > boundNanos; // tsEvent > 0: no overflow
    }
  }

  private static final class Stale extends Rule {
    private final long boundNanos;

    Stale(JsonNode rule) {
      super(rule);
      boundNanos = rule.get("age_ms_max").asLong() * 1_000_000;
    }

    @Override
    String broken(Trade trade) {
      if (isBehind(trade.tsEvent, trade.tsRecv)) {
        return "ts_event: " + time(trade.tsEvent) + " is too long before ts_recv " + time(trade.tsRecv);
      }
      if (isBehind(trade.tsEvent, trade.tsKafka())) {
        return "ts_event: " + time(trade.tsEvent) + " is too long before the Kafka timestamp " + time(trade.tsKafka());
      }
      return null;
    }

    private boolean isBehind(long tsEvent, long reference) {
      return reference > tsEvent && reference - tsEvent > boundNanos; // ABSENT is before everything
    }
  }

  /** A price against the symbol's last good one, which PriceBands knows. */
  static final class Band extends Rule {
    final long millionthsMax;
    final long resetAfterNanos;
    final int resetAfterTrades;

    Band(JsonNode rule) {
      super(rule);
      millionthsMax = new BigDecimal(rule.get("percent_max").asText()).movePointRight(4).longValueExact();
      resetAfterNanos = rule.get("reset_after_ms").asLong() * 1_000_000;
      resetAfterTrades = rule.get("reset_after_trades").asInt();
    }

    @Override
    String broken(Trade trade) {
      return null;
    }
  }

  private static Instant time(long nanos) {
    return Instant.ofEpochSecond(0, nanos);
  }
}
