package tickloom;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;

/** What has changed in a venue's order book, or the whole of it, on its way to the book. A Flink POJO. */
public final class BookUpdate extends Message {
  public String venue;
  /** null: the venue does not say. */
  public Long firstSequence;
  public Long sequence;
  public boolean isSnapshot;
  public List<Level> levels = new ArrayList<>();
  /** null: all levels are told. */
  public Integer depth;
  public Long checksum;
  public Integer priceDigits;
  public Integer sizeDigits;

  /** Units at a price from now on; 0: none. A Flink POJO. */
  public static final class Level {
    public boolean isBid;
    public BigDecimal price;
    public BigDecimal size;
  }
}
