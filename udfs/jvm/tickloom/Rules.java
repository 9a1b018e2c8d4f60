package tickloom;

import java.io.IOException;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.table.api.ValidationException;

/**
 * What a decoded message must satisfy to be a trade: what the arithmetic needs, and the rules of udfs/rules.toml. Runs
 * before the record can touch the watermark. What the rules of a symbol are is worked out once a symbol.
 */
final class Rules implements Serializable {
  static final int TEXT_BYTES_MAX = 256;
  /** Sizes below 10^18 units: a window holds 10^8 of them before its volume leaves decimal(38, 12). */
  private static final java.math.BigInteger SIZE_LIMIT = java.math.BigInteger.TEN.pow(18 + Int128.SCALE);

  private final List<Rule> all;
  private final Chosen ofAny; // null when the symbol decides
  private transient SymbolMap<Chosen> ofSymbols;

  /** The rules for a symbol, in order; its band, or null, apart. */
  record Chosen(Rule[] rules, Rule.Band band) implements Serializable {}

  private Rules(List<Rule> all) {
    this.all = all;
    ofAny = all.stream().allMatch(rule -> rule.isForAll() && !(rule instanceof Rule.AllowedSymbols)) ? choose("") : null;
  }

  /** Reads what udfs/rules.py has checked and written as JSON. */
  static Rules parse(String json) {
    try {
      List<Rule> rules = new ArrayList<>();
      for (JsonNode rule : new ObjectMapper().readTree(json).get("rules")) {
        rules.add(Rule.of(rule));
      }
      return new Rules(rules);
    } catch (IOException | RuntimeException e) {
      throw new ValidationException("'rules' of a 'tickloom' table must be what udfs/rules.py makes of a rules file", e);
    }
  }

  /** Of the rules of one name, the last for the symbol. */
  Chosen choose(String symbol) {
    Map<String, Rule> chosen = new LinkedHashMap<>();
    for (Rule rule : all) {
      if (rule.appliesTo(symbol)) {
        chosen.put(rule.name, rule);
      }
    }
    chosen.values().removeIf(rule -> rule.isOff || rule instanceof Rule.AllowedSymbols known && known.allows(symbol));
    Rule.Band band = null;
    for (Rule rule : chosen.values()) {
      band = rule instanceof Rule.Band found ? found : band;
    }
    chosen.values().remove(band);
    return new Chosen(chosen.values().toArray(new Rule[0]), band);
  }

  boolean haveBands() {
    return all.stream().anyMatch(rule -> rule instanceof Rule.Band && !rule.isOff);
  }

  void check(Trade trade) {
    if (trade.isRejected()) {
      return;
    }
    checkSymbol(trade);
    checkLength(trade, "venue", trade.venue);
    checkLength(trade, "trade_id", trade.tradeId);
    checkLength(trade, "original_trade_id", trade.originalTradeId);
    if (trade.tsEvent == Trade.ABSENT) {
      trade.reject("ts_event", "ts_event: missing");
    } else if (trade.tsEvent <= 0) {
      trade.reject("ts_event", "ts_event: must be after 1970, was " + trade.tsEvent + " ns");
    }
    if (trade.action != Trade.NEW) {
      checkOriginal(trade);
    }
    if (trade.action != Trade.CANCEL) {
      checkSize(trade);
    }
    if (!trade.isRejected()) {
      checkRules(trade, ofAny == null ? ofSymbol(trade) : ofAny);
    }
  }

  private static void checkRules(Trade trade, Chosen chosen) {
    for (Rule rule : chosen.rules) {
      String reason = rule.broken(trade);
      if (reason != null) {
        rule.report(trade, reason);
        if (trade.isRejected()) {
          return;
        }
      }
    }
  }

  private Chosen ofSymbol(Trade trade) {
    if (ofSymbols == null) {
      ofSymbols = new SymbolMap<>();
    }
    Chosen known = ofSymbols.get(trade.bytes, trade.symbol.from, trade.symbol.length);
    if (known == null) {
      String symbol = trade.text(trade.symbol);
      known = choose(symbol);
      ofSymbols.put(symbol.getBytes(StandardCharsets.UTF_8), known);
    }
    return known;
  }

  private void checkSymbol(Trade trade) {
    if (trade.symbol.length <= 0) {
      trade.reject("symbol", "symbol: missing or empty");
    } else {
      checkText(trade);
    }
    checkLength(trade, "symbol", trade.symbol);
  }

  private static void checkLength(Trade trade, String field, Trade.Text text) {
    if (text.length > TEXT_BYTES_MAX) {
      trade.reject(field, field + ": longer than " + TEXT_BYTES_MAX + " bytes");
    }
  }

  private static void checkText(Trade trade) {
    Trade.Text text = trade.symbol;
    int signs = 0;
    for (int i = text.from; i < text.from + text.length; i++) {
      signs |= trade.bytes[i] | trade.bytes[i] - 1;
    }
    if (signs >= 0) {
      return; // ASCII without NUL
    }
    try {
      ByteBuffer bytes = ByteBuffer.wrap(trade.bytes, text.from, text.length);
      if (StandardCharsets.UTF_8.newDecoder().decode(bytes).toString().indexOf('\0') >= 0) {
        trade.reject("symbol", "symbol: has a NUL, which no database takes");
      }
    } catch (CharacterCodingException e) {
      trade.reject("symbol", "symbol: not valid UTF-8");
    }
  }

  private static void checkSize(Trade trade) {
    if (trade.size.signum() <= 0) {
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
  }
}
