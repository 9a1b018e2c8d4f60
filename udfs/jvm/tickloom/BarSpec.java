package tickloom;

import java.io.Serializable;
import java.math.BigDecimal;

/**
 * A kind of bar and its size, as udfs/bar_spec.py reads and checks it: `dollar=2500000`, `tick_run=1000:100:5000`.
 *
 * @param text the whole of it: bars of another size are other bars, with a state of their own
 */
record BarSpec(String text, String kind, String unit, String rule, BigDecimal size, BigDecimal least, BigDecimal most)
    implements Serializable {
  private static final BigDecimal UNBOUNDED = BigDecimal.valueOf(Long.MAX_VALUE);

  static BarSpec parse(String text) {
    String[] sides = text.split("=", 2);
    String[] names = sides[0].split("_", 2);
    String[] numbers = sides[1].split(":");
    boolean bounded = numbers.length == 3;
    return new BarSpec(text, sides[0], names[0], names.length == 2 ? names[1] : "", new BigDecimal(numbers[0]),
        bounded ? new BigDecimal(numbers[1]) : BigDecimal.ONE, bounded ? new BigDecimal(numbers[2]) : UNBOUNDED);
  }

  /** What of a trade this kind adds up. */
  BigDecimal activity(BigDecimal size, BigDecimal notional) {
    return switch (unit) {
      case "tick" -> BigDecimal.ONE;
      case "volume" -> size;
      default -> notional;
    };
  }
}
