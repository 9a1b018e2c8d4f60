package tickloom;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.OperatorStateStore;
import org.apache.flink.api.common.typeutils.base.array.BytePrimitiveArraySerializer;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataOutputSerializer;

/**
 * The last good price of every symbol that has a band, by partition, in the task of the source. It is state, so that a
 * restart judges as if there had been none: every subtask restores every partition's, the one that reads on claims it.
 */
final class PriceBands {
  private static final byte VERSION = 1;
  private static final BigInteger MILLION = BigInteger.valueOf(1_000_000);
  private static final ListStateDescriptor<byte[]> STATE =
      new ListStateDescriptor<>("price-bands", BytePrimitiveArraySerializer.INSTANCE);

  private final Rules rules;
  private final boolean none;
  private final Map<Integer, Prices> partitions = new HashMap<>();
  private final ListState<byte[]> state;
  private Prices last;

  private static final class Prices {
    final int partition;
    boolean claimed;
    long offset = -1; // of the last trade judged: of two copies of this state the later one counts
    final SymbolMap<Price> bySymbol = new SymbolMap<>();

    Prices(int partition) {
      this.partition = partition;
    }
  }

  /** The last good price of a symbol. */
  static final class Price {
    final Rule.Band band; // null: the symbol has none
    final Int128 price = new Int128();
    long tsEvent = Trade.ABSENT;
    int brokenInARow;

    Price(Rule.Band band) {
      this.band = band;
    }
  }

  PriceBands(Rules rules, OperatorStateStore store) throws Exception {
    this.rules = rules;
    none = !rules.haveBands();
    state = store.getUnionListState(STATE);
    for (byte[] bytes : state.get()) {
      restore(bytes);
    }
  }

  /**
   * Flags or rejects a trade whose price is out of its band, and remembers the price of any other. The open second, null
   * when there is none, keeps the symbol's price at hand.
   */
  void judge(Trade trade, SecondTable.Second second) {
    if (none || trade.isRejected() || trade.action != Trade.NEW) {
      return;
    }
    if (last == null || last.partition != trade.partition) {
      last = partitions.computeIfAbsent(trade.partition, Prices::new);
      last.claimed = true;
    }
    last.offset = trade.offset;
    Price good = second == null || second.price == null ? price(trade) : second.price;
    if (second != null) {
      second.price = good;
    }
    if (good.band != null) {
      judge(trade, good);
    }
  }

  private Price price(Trade trade) {
    Price known = last.bySymbol.get(trade.bytes, trade.symbol.from, trade.symbol.length);
    if (known == null) {
      String symbol = trade.text(trade.symbol);
      known = new Price(rules.choose(symbol).band());
      last.bySymbol.put(symbol.getBytes(StandardCharsets.UTF_8), known);
    }
    return known;
  }

  private static void judge(Trade trade, Price good) {
    Rule.Band band = good.band;
    boolean isOlder = trade.tsEvent < good.tsEvent;
    boolean isKnown = good.tsEvent != Trade.ABSENT
        && Math.abs(trade.tsEvent - good.tsEvent) <= band.resetAfterNanos // both are after 1970
        && good.brokenInARow < band.resetAfterTrades;
    if (isKnown && isOutside(trade.price, good.price, band.millionthsMax)) {
      good.brokenInARow++;
      band.report(trade, "price: " + trade.price.decimal().toPlainString() + " is too far from the last good price "
          + good.price.decimal().toPlainString());
    } else if (!isOlder) { // a late price says nothing of the next
      good.price.set(trade.price);
      good.tsEvent = trade.tsEvent;
      good.brokenInARow = 0;
    }
  }

  /** Whether |price - good| / |good| is above so many millionths; exact. */
  static boolean isOutside(Int128 price, Int128 good, long millionths) {
    if (price.hi == 0 && good.hi == 0 && (price.lo | good.lo) >= 0) { // 63 bits: 128 hold the products
      long distance = Math.abs(price.lo - good.lo);
      int order = Long.compare(Math.multiplyHigh(distance, 1_000_000), Math.multiplyHigh(good.lo, millionths));
      return order != 0 ? order > 0 : Long.compareUnsigned(distance * 1_000_000, good.lo * millionths) > 0;
    }
    BigInteger distance = price.big().subtract(good.big()).abs();
    return distance.multiply(MILLION).compareTo(good.big().abs().multiply(BigInteger.valueOf(millionths))) > 0;
  }

  void snapshot(boolean keepsUnclaimed) throws Exception {
    List<byte[]> blocks = new ArrayList<>();
    for (Prices prices : partitions.values()) {
      if (prices.claimed || keepsUnclaimed) {
        blocks.add(toBytes(prices));
      }
    }
    state.update(blocks);
  }

  private static byte[] toBytes(Prices prices) throws IOException {
    DataOutputSerializer out = new DataOutputSerializer(64);
    out.writeByte(VERSION);
    out.writeInt(prices.partition);
    out.writeLong(prices.offset);
    Map<byte[], Price> known = new HashMap<>(); // arrays compare by identity, which will do
    prices.bySymbol.forEach((symbol, price) -> {
      if (price.tsEvent != Trade.ABSENT) {
        known.put(symbol, price);
      }
    });
    out.writeInt(known.size());
    for (Map.Entry<byte[], Price> each : known.entrySet()) {
      out.writeInt(each.getKey().length);
      out.write(each.getKey());
      each.getValue().price.write(out);
      out.writeLong(each.getValue().tsEvent);
      out.writeInt(each.getValue().brokenInARow);
    }
    return out.getCopyOfBuffer();
  }

  private void restore(byte[] bytes) throws IOException {
    DataInputDeserializer in = new DataInputDeserializer(bytes);
    byte version = in.readByte();
    if (version != VERSION) {
      throw new IOException("price bands written in format " + version + ", this version reads " + VERSION);
    }
    Prices prices = new Prices(in.readInt());
    prices.offset = in.readLong();
    for (int count = in.readInt(); count > 0; count--) {
      byte[] symbol = new byte[in.readInt()];
      in.readFully(symbol);
      Price price = new Price(rules.choose(new String(symbol, StandardCharsets.UTF_8)).band());
      price.price.read(in);
      price.tsEvent = in.readLong();
      price.brokenInARow = in.readInt();
      prices.bySymbol.put(symbol, price);
    }
    partitions.merge(prices.partition, prices, (one, other) -> one.offset >= other.offset ? one : other);
  }
}
