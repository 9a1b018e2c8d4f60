package tickloom;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.Map;
import org.apache.flink.avro.shaded.org.apache.avro.Schema;

/** Reads an Avro schema and then records in hexadecimals, a line each; tells what the core makes of every one. */
public final class Decoded {
  private static final int HEADER_BYTES = 5;
  private static final int DIGITS_MAX = 15;

  private Decoded() {}

  public static void main(String[] arguments) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    TradePlan plan = new TradePlan(new Schema.Parser().parse(in.readLine()));
    SecondTable table = new SecondTable();
    Map<SecondTable.Second, Integer> seconds = new IdentityHashMap<>();
    IdSet ids = new IdSet();
    IdSet.Key key = new IdSet.Key();
    Trade trade = new Trade();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      trade.reset(HexFormat.of().parseHex(line), "t", 0, 0, 0);
      plan.decode(trade, HEADER_BYTES);
      if (trade.isRejected()) {
        System.out.println("rejected\t" + trade.rule);
        continue;
      }
      var second = table.of(0, trade.bytes, trade.symbol.from, trade.symbol.length, trade.second());
      key.set(trade);
      System.out.println(String.join("\t", trade.text(trade.symbol), String.valueOf(trade.sequence),
          String.valueOf(trade.tsEvent), trade.price.decimal().toPlainString(), trade.size.decimal().toPlainString(),
          seconds.computeIfAbsent(second, s -> seconds.size()).toString(), String.valueOf(ids.add(key)),
          String.valueOf(Words.decimal(trade.bytes, trade.tradeId.from, Math.min(trade.tradeId.length, DIGITS_MAX)))));
    }
  }
}
