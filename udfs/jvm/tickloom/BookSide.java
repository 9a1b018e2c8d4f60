package tickloom;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The levels of a side of a book. A Flink POJO. */
public final class BookSide {
  public boolean isBid;
  /** Ascending. */
  public List<BigDecimal> prices = new ArrayList<>();
  /** Of the price at the same place. */
  public List<BigDecimal> sizes = new ArrayList<>();

  static BookSide of(boolean isBid) {
    BookSide side = new BookSide();
    side.isBid = isBid;
    return side;
  }

  int levels() {
    return prices.size();
  }

  /** The price of a level, the best first. */
  BigDecimal price(int level) {
    return prices.get(isBid ? prices.size() - 1 - level : level);
  }

  BigDecimal size(int level) {
    return sizes.get(isBid ? sizes.size() - 1 - level : level);
  }

  /** Units at a price from now on; 0 takes the level away, also one that is not there. */
  void put(BigDecimal price, BigDecimal size) {
    int place = Collections.binarySearch(prices, price);
    if (size.signum() == 0) {
      if (place >= 0) {
        prices.remove(place);
        sizes.remove(place);
      }
    } else if (place >= 0) {
      sizes.set(place, size);
    } else {
      prices.add(-place - 1, price);
      sizes.add(-place - 1, size);
    }
  }

  /** Forget what is deeper. */
  void cut(int depth) {
    int deeper = prices.size() - depth;
    if (deeper > 0) {
      int from = isBid ? 0 : depth;
      prices.subList(from, from + deeper).clear();
      sizes.subList(from, from + deeper).clear();
    }
  }

  /** The units of so many levels. */
  BigDecimal top(int levels) {
    BigDecimal sum = BigDecimal.ZERO;
    for (int level = 0; level < Math.min(levels, levels()); level++) {
      sum = sum.add(size(level));
    }
    return sum;
  }

  /** The units at prices as good as a bound, or better. */
  BigDecimal through(BigDecimal bound) {
    BigDecimal sum = BigDecimal.ZERO;
    for (int level = 0; level < levels(); level++) {
      if (isBid ? price(level).compareTo(bound) < 0 : price(level).compareTo(bound) > 0) {
        break;
      }
      sum = sum.add(size(level));
    }
    return sum;
  }
}
