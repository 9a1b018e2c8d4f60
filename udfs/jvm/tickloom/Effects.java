package tickloom;

/**
 * What a trade may update, as bits of an int: 0 is everything. The Python twin is udfs/effects.py.
 *
 * <p>Bits 0–1 say when it sets open and close, bits 2–3 when high and low; bit 4: only in bars of extended hours; bit 5:
 * it counts no volume.
 */
final class Effects {
  static final int REGULAR = 0;

  static final int ALWAYS = 0;
  static final int IF_FIRST = 1; // of those that may set it
  static final int IF_ONLY = 2; // trade of the bar
  static final int NEVER = 3;

  static final int EXTENDED_HOURS = 1 << 4;
  static final int NO_VOLUME = 1 << 5;
  private static final int NO_PRICE = NEVER | NEVER << 2;

  private Effects() {}

  static int openClose(int effects) {
    return effects & 3;
  }

  static int highLow(int effects) {
    return effects >> 2 & 3;
  }

  static boolean countsVolume(int effects) {
    return (effects & NO_VOLUME) == 0;
  }

  /** What concerns prices: trades that agree in it share a track. */
  static int prices(int effects) {
    return effects & (EXTENDED_HOURS | NO_PRICE);
  }

  static boolean setsNoPrice(int effects) {
    return (effects & NO_PRICE) == NO_PRICE;
  }

  /** The most restrictive of both, effect by effect. */
  static int tightest(int one, int other) {
    int openClose = Math.max(openClose(one), openClose(other));
    int highLow = Math.max(highLow(one), highLow(other));
    return openClose | highLow << 2 | (one | other) & (EXTENDED_HOURS | NO_VOLUME);
  }
}
