package tickloom;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.flink.avro.shaded.org.apache.avro.LogicalTypes;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;

/** How to read the records of one writer schema: a step a field, in the writer's order. */
final class TradePlan {
  private enum Target { SYMBOL, VENUE, TRADE_ID, SEQUENCE, TS_EVENT, TS_RECV, PRICE, SIZE, CONDITIONS, ACTION,
    ORIGINAL_TRADE_ID, ORIGINAL_TS_EVENT, AGGRESSOR, SKIP }

  private static final Map<String, Target> TARGETS = Map.ofEntries(
      Map.entry("symbol", Target.SYMBOL), Map.entry("venue", Target.VENUE), Map.entry("trade_id", Target.TRADE_ID),
      Map.entry("sequence", Target.SEQUENCE), Map.entry("ts_event", Target.TS_EVENT),
      Map.entry("ts_recv", Target.TS_RECV), Map.entry("price", Target.PRICE), Map.entry("size", Target.SIZE),
      Map.entry("conditions", Target.CONDITIONS), Map.entry("action", Target.ACTION),
      Map.entry("original_trade_id", Target.ORIGINAL_TRADE_ID),
      Map.entry("original_ts_event", Target.ORIGINAL_TS_EVENT), Map.entry("aggressor", Target.AGGRESSOR));
  private static final List<String> REQUIRED = List.of("symbol", "ts_event", "price", "size");

  private static final int DEPTH_MAX = 100;
  private static final int NUMBER_BYTES_MAX = 10;

  private final Step[] steps;
  private final String unreadable;
  private byte[] bytes;
  private int at;
  private int items;
  private int depth;

  private static final class Step {
    final String name;
    final Schema type; // without null
    final Target target;
    final int valueBranch; // -1: not a union
    final int branches;
    final int shift; // decimal digits to our scale
    final byte[] codes; // by index of the writer's enum

    Step(Schema.Field field) {
      name = field.name();
      Schema schema = field.schema();
      target = TARGETS.getOrDefault(name, Target.SKIP);
      boolean nullable = target != Target.SKIP && schema.isUnion();
      valueBranch = nullable ? valueBranch(schema) : -1;
      branches = nullable ? schema.getTypes().size() : 0;
      type = nullable ? schema.getTypes().get(valueBranch) : schema;
      shift = isAmount() ? Int128.SCALE - scale(name, type) : 0;
      codes = switch (target) {
        case ACTION -> codes(type, List.of("new", "cancel", "correct")); // the order of Trade.NEW, CANCEL, CORRECT
        case AGGRESSOR -> codes(type, List.of("buy", "sell")); // the order of Trade.BUY, SELL
        default -> null;
      };
      if (target != Target.SKIP && !isReadable()) {
        throw new IllegalArgumentException(name + ": cannot be read from Avro " + type);
      }
    }

    boolean isAmount() {
      return target == Target.PRICE || target == Target.SIZE;
    }

    private boolean isReadable() {
      Schema.Type t = type.getType();
      return switch (target) {
        case SYMBOL, VENUE, TRADE_ID, ORIGINAL_TRADE_ID -> t == Schema.Type.STRING || t == Schema.Type.BYTES;
        case SEQUENCE, TS_EVENT, TS_RECV, ORIGINAL_TS_EVENT -> // a logical type would mean another unit
            (t == Schema.Type.LONG || t == Schema.Type.INT) && type.getProp("logicalType") == null;
        case PRICE, SIZE -> t == Schema.Type.BYTES || t == Schema.Type.FIXED;
        case CONDITIONS -> t == Schema.Type.ARRAY && type.getElementType().getType() == Schema.Type.STRING;
        case ACTION, AGGRESSOR -> t == Schema.Type.ENUM;
        case SKIP -> true;
      };
    }

    private static int valueBranch(Schema union) {
      List<Schema> types = union.getTypes();
      int value = types.get(0).getType() == Schema.Type.NULL && types.size() > 1 ? 1 : 0;
      boolean plain = types.size() == 1
          || types.size() == 2 && types.get(1 - value).getType() == Schema.Type.NULL;
      if (!plain) {
        throw new IllegalArgumentException("a union of " + types + " cannot be read");
      }
      return value;
    }

    private static int scale(String name, Schema type) {
      if (type.getLogicalType() instanceof LogicalTypes.Decimal decimal && decimal.getScale() <= Int128.PRECISION) {
        return decimal.getScale();
      }
      throw new IllegalArgumentException(
          name + ": is not a decimal of a scale up to " + Int128.PRECISION + " in the writer's schema");
    }

    private static byte[] codes(Schema type, List<String> known) {
      List<String> symbols = type.getType() == Schema.Type.ENUM ? type.getEnumSymbols() : List.of();
      byte[] codes = new byte[symbols.size()];
      for (int i = 0; i < codes.length; i++) {
        codes[i] = (byte) known.indexOf(symbols.get(i));
      }
      return codes;
    }
  }

  TradePlan(Schema writer) {
    List<Step> plan = new ArrayList<>();
    String problem = null;
    try {
      if (writer.getType() != Schema.Type.RECORD) {
        throw new IllegalArgumentException("it is not a record");
      }
      for (Schema.Field field : writer.getFields()) {
        plan.add(new Step(field));
      }
      for (String name : REQUIRED) {
        if (writer.getField(name) == null) {
          throw new IllegalArgumentException(name + ": missing in the writer's schema");
        }
      }
    } catch (IllegalArgumentException e) {
      problem = e.getMessage();
    }
    steps = plan.toArray(new Step[0]);
    unreadable = problem;
  }

  /** Fills the trade from trade.bytes, starting at the body of the record. */
  void decode(Trade trade, int from) {
    if (unreadable != null) {
      trade.reject("schema", unreadable);
      return;
    }
    bytes = trade.bytes;
    at = from;
    items = 0;
    depth = 0;
    try {
      for (Step step : steps) {
        read(step, trade);
      }
      if (at != bytes.length) {
        trade.reject("trailing", (bytes.length - at) + " bytes are left after the record");
      }
    } catch (ArrayIndexOutOfBoundsException e) {
      trade.reject("truncated", "the message ends inside the record");
    } catch (MalformedException e) {
      trade.reject("malformed", e.getMessage());
    }
  }

  private void read(Step step, Trade trade) throws MalformedException {
    if (step.valueBranch >= 0) {
      long branch = number();
      if (branch != step.valueBranch) {
        if (branch < 0 || branch >= step.branches) {
          throw new MalformedException(step.name + ": the union has no branch " + branch);
        }
        if (step.isAmount()) {
          trade.reject(step.name, step.name + ": missing");
        }
        return;
      }
    }
    switch (step.target) {
      case SYMBOL -> text(trade.symbol);
      case VENUE -> text(trade.venue);
      case TRADE_ID -> text(trade.tradeId);
      case ORIGINAL_TRADE_ID -> text(trade.originalTradeId);
      case SEQUENCE -> {
        trade.sequence = number();
        trade.sequenced = true;
      }
      case TS_EVENT -> trade.tsEvent = number();
      case TS_RECV -> trade.tsRecv = number();
      case ORIGINAL_TS_EVENT -> trade.originalTsEvent = number();
      case PRICE -> amount(step, trade, trade.price);
      case SIZE -> amount(step, trade, trade.size);
      case CONDITIONS -> trade.conditions = texts();
      case ACTION -> action(step, trade);
      case AGGRESSOR -> trade.aggressor = code(step); // a word of a later schema says nothing
      case SKIP -> skip(step.type);
    }
  }

  private void amount(Step step, Trade trade, Int128 amount) throws MalformedException {
    int length = step.type.getType() == Schema.Type.FIXED ? step.type.getFixedSize() : length();
    int from = at;
    advance(length);
    if (!amount.set(bytes, from, length, step.shift)) {
      trade.reject(step.name, step.name + ": does not fit decimal(38, 12) exactly");
    }
  }

  private void action(Step step, Trade trade) throws MalformedException {
    int from = at;
    trade.action = code(step);
    if (trade.action < 0) {
      at = from;
      trade.reject("action", "action: unknown '" + step.type.getEnumSymbols().get((int) number()) + "'");
    }
  }

  /** Of an enum's symbol; -1 for one that we do not know. */
  private byte code(Step step) throws MalformedException {
    long index = number();
    if (index < 0 || index >= step.codes.length) {
      throw new MalformedException(step.name + ": the enum has no symbol " + index);
    }
    return step.codes[(int) index];
  }

  private void text(Trade.Text text) throws MalformedException {
    int length = length();
    text.set(at, length);
    advance(length);
  }

  private static final String[] NONE = {};

  private final Recurring<String[]> conditions = new Recurring<>();

  private String[] texts() throws MalformedException {
    int from = at;
    skipTexts();
    int length = at - from;
    return length == 1 ? NONE : conditions.of(bytes, from, length, () -> textsAgain(from));
  }

  private void skipTexts() throws MalformedException {
    for (long count = blockLength(); count != 0; count = blockLength()) {
      for (long i = 0; i < count; i++) {
        advance(length());
      }
    }
  }

  /** Of an array that has been skipped, so that it is well-formed. */
  private String[] textsAgain(int from) {
    int end = at;
    at = from;
    items = 0;
    try {
      return readTexts();
    } catch (MalformedException e) {
      throw new IllegalStateException(e);
    } finally {
      at = end;
    }
  }

  private String[] readTexts() throws MalformedException {
    List<String> texts = new ArrayList<>();
    for (long count = blockLength(); count != 0; count = blockLength()) {
      for (long i = 0; i < count; i++) {
        int length = length();
        advance(length);
        texts.add(new String(bytes, at - length, length, StandardCharsets.UTF_8));
      }
    }
    return texts.toArray(NONE);
  }

  private void skip(Schema type) throws MalformedException {
    switch (type.getType()) {
      case NULL -> { }
      case BOOLEAN -> advance(1);
      case INT, LONG, ENUM -> number();
      case FLOAT -> advance(4);
      case DOUBLE -> advance(8);
      case STRING, BYTES -> advance(length());
      case FIXED -> advance(type.getFixedSize());
      case RECORD -> skipRecord(type);
      case ARRAY -> skipBlocks(null, type.getElementType());
      case MAP -> skipBlocks(Schema.create(Schema.Type.STRING), type.getValueType());
      case UNION -> {
        long branch = number();
        if (branch < 0 || branch >= type.getTypes().size()) {
          throw new MalformedException("a union has no branch " + branch);
        }
        skip(type.getTypes().get((int) branch));
      }
    }
  }

  private void skipRecord(Schema type) throws MalformedException {
    if (++depth > DEPTH_MAX) { // a recursive schema lets garbage nest as deep as it is long
      throw new MalformedException("records are nested more than " + DEPTH_MAX + " deep");
    }
    for (Schema.Field field : type.getFields()) {
      skip(field.schema());
    }
    depth--;
  }

  private void skipBlocks(Schema key, Schema value) throws MalformedException {
    for (long count = blockLength(); count != 0; count = blockLength()) {
      for (long i = 0; i < count; i++) {
        if (key != null) {
          skip(key);
        }
        skip(value);
      }
    }
  }

  /** Items of the next block of an array or map; a negative count is followed by the block's size in bytes. */
  private long blockLength() throws MalformedException {
    long count = number();
    if (count < 0) {
      number();
      count = -count;
    }
    if (count < 0 || count > bytes.length - items) { // garbage must not spin, even over items of no length
      throw new MalformedException("a block claims " + count + " items");
    }
    items += (int) count;
    return count;
  }

  private int length() throws MalformedException {
    long length = number();
    if (length < 0 || length > bytes.length) {
      throw new MalformedException("a text claims " + length + " bytes");
    }
    return (int) length;
  }

  private void advance(int length) {
    at += length;
    if (at > bytes.length) {
      throw new ArrayIndexOutOfBoundsException();
    }
  }

  private long number() throws MalformedException {
    byte first = bytes[at];
    if (first >= 0) {
      at++;
      return zigzag(first);
    }
    return at + NUMBER_BYTES_MAX <= bytes.length ? numberByWord() : numberByBytes();
  }

  private long numberByWord() throws MalformedException {
    long word = Words.at(bytes, at);
    int length = Words.lengthOfNumber(word);
    if (length <= Words.BYTES) {
      at += length;
      return zigzag(Words.sevens(word, length));
    }
    byte next = bytes[at + Words.BYTES];
    long value = Words.sevens(word, Words.BYTES) | (next & 0x7fL) << 56;
    at += Words.BYTES + 1;
    return zigzag(next < 0 ? value | lastOfNumber() << 63 : value);
  }

  private long numberByBytes() throws MalformedException {
    long value = 0;
    for (int shift = 0; shift < 63; shift += 7) {
      byte next = bytes[at++];
      value |= (next & 0x7fL) << shift;
      if (next >= 0) {
        return zigzag(value);
      }
    }
    return zigzag(value | lastOfNumber() << 63);
  }

  private long lastOfNumber() throws MalformedException {
    byte last = bytes[at++];
    if (last < 0) {
      throw new MalformedException("a number is longer than " + NUMBER_BYTES_MAX + " bytes");
    }
    return last;
  }

  private static long zigzag(long value) {
    return value >>> 1 ^ -(value & 1);
  }

  private static final class MalformedException extends Exception {
    MalformedException(String message) {
      super(message, null, false, false); // no stack trace: garbage may come in floods
    }
  }
}
