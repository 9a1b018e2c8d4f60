package tickloom;

import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;

/** A venue's order book, rebuilt from a snapshot and the updates after it, each checked. A Flink POJO. */
public final class Book {
  /** More levels of a side are forgotten, the deepest first: state has a bound. */
  static final int LEVELS_MAX = 10_000;
  /** Levels of a side in a checksum: https://docs.kraken.com/api/docs/guides/spot-ws-book-v2. */
  private static final int SUMMED = 10;

  public BookSide bids = BookSide.of(true);
  public BookSide asks = BookSide.of(false);
  /** Whether there was a snapshot, and nothing is missing since. */
  public boolean isWhole;
  public Long sequence;
  public Integer priceDigits;
  public Integer sizeDigits;
  public String venue;
  /** The end of the interval that the updates since the last depth are in; 0: there were none. */
  public long endNs;
  /** The end of the interval of the last depth. */
  public long toldNs;
  /** Since the last depth. */
  public long updates;
  public Interest interest = new Interest();

  boolean has(BookUpdate update) {
    return !update.isSnapshot && update.sequence != null && sequence != null && update.sequence <= sequence;
  }

  /** Why an update cannot be taken: those before it are missing. null: it can. */
  String gap(BookUpdate update) {
    boolean follows = update.isSnapshot || update.firstSequence == null || sequence == null
        || update.firstSequence <= sequence + 1;
    return follows ? null : "updates " + (sequence + 1) + " to " + (update.firstSequence - 1) + " of the book are missing";
  }

  void apply(BookUpdate update) {
    if (update.isSnapshot) {
      clear();
      isWhole = true;
      priceDigits = update.priceDigits;
      sizeDigits = update.sizeDigits;
      venue = update.venue;
    }
    sequence = update.sequence;
    for (BookUpdate.Level each : update.levels) {
      (each.isBid ? bids : asks).put(each.price, each.size);
    }
    int depth = update.depth == null ? LEVELS_MAX : Math.min(update.depth, LEVELS_MAX);
    bids.cut(depth);
    asks.cut(depth);
    updates++;
  }

  /** It waits for a snapshot. */
  void clear() {
    bids = BookSide.of(true);
    asks = BookSide.of(false);
    isWhole = false;
    sequence = null;
  }

  /** Why the book is not what the venue says it is; null: it is, or the venue says nothing. */
  String difference(BookUpdate update) {
    if (update.checksum == null || priceDigits == null || sizeDigits == null) {
      return null;
    }
    long found = checksum();
    return found == update.checksum ? null : "the book has the checksum " + found + ", not " + update.checksum;
  }

  private long checksum() {
    StringBuilder text = new StringBuilder();
    for (BookSide side : new BookSide[] {asks, bids}) {
      for (int level = 0; level < Math.min(SUMMED, side.levels()); level++) {
        text.append(side.price(level).movePointRight(priceDigits).toBigInteger());
        text.append(side.size(level).movePointRight(sizeDigits).toBigInteger());
      }
    }
    CRC32 sum = new CRC32();
    sum.update(text.toString().getBytes(StandardCharsets.US_ASCII));
    return sum.getValue();
  }
}
