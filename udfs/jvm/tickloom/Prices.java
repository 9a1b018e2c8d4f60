package tickloom;

import java.util.function.IntUnaryOperator;

/** What a candle shows of the prices of its trades: judged for this very candle, null where no trade may set one. */
record Prices(Int128 open, Int128 high, Int128 low, Int128 close) {
  private static final Prices NONE = new Prices(null, null, null, null);

  /**
   * Trades of extended hours count only when they may, and only in a candle whose open and close no trade of regular
   * hours sets.
   */
  static Prices of(Accumulator bar, boolean extendedHours) {
    if (bar.irregular == null) {
      Track all = bar.regular;
      return all.isEmpty() ? NONE : new Prices(all.first.price(), all.high(), all.low(), all.last.price());
    }
    Prices regularHours = judged(bar, false);
    return extendedHours && regularHours.open == null ? judged(bar, true) : regularHours;
  }

  private static Prices judged(Accumulator bar, boolean extendedHours) {
    Track openClose = eligible(bar, Effects::openClose, extendedHours);
    Track highLow = eligible(bar, Effects::highLow, extendedHours);
    return new Prices(
        openClose.isEmpty() ? null : openClose.first.price(), highLow.isEmpty() ? null : highLow.high(),
        highLow.isEmpty() ? null : highLow.low(), openClose.isEmpty() ? null : openClose.last.price());
  }

  private static Track eligible(Accumulator bar, IntUnaryOperator rule, boolean extendedHours) {
    Track always = new Track();
    Track ifFirst = new Track();
    always.merge(bar.regular);
    bar.irregular.tracks.forEach((effects, track) -> {
      int when = rule.applyAsInt(effects);
      if ((effects & Effects.EXTENDED_HOURS) != 0 && !extendedHours) {
        return;
      }
      if (when == Effects.ALWAYS || when == Effects.IF_ONLY && bar.tradeCount == 1) {
        always.merge(track);
      } else if (when == Effects.IF_FIRST) {
        ifFirst.merge(track);
      }
    });
    always.admitFirst(ifFirst);
    return always;
  }
}
