package tickloom;

import java.util.List;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;

/** schemas/book_update.avsc. The key is the symbol: every venue has its own book. */
final class BookFormat implements MessageFormat<BookUpdate> {
  @Override
  public BookUpdate create() {
    return new BookUpdate();
  }

  @Override
  public void fill(BookUpdate update, GenericRecord record) {
    update.venue = MessageFormat.text(record, "venue");
    update.firstSequence = (Long) record.get("first_sequence");
    update.sequence = (Long) record.get("sequence");
    update.isSnapshot = (Boolean) record.get("is_snapshot");
    update.depth = (Integer) record.get("depth");
    update.checksum = (Long) record.get("checksum");
    update.priceDigits = (Integer) record.get("price_digits");
    update.sizeDigits = (Integer) record.get("size_digits");
    for (Object each : (List<?>) record.get("levels")) {
      GenericRecord told = (GenericRecord) each;
      BookUpdate.Level level = new BookUpdate.Level();
      level.isBid = told.get("side").toString().equals("bid");
      level.price = MessageFormat.amount(told, "price");
      level.size = MessageFormat.amount(told, "size");
      update.levels.add(level);
      if (level.size.signum() < 0) {
        update.reject("size", "levels: a size below 0");
      }
    }
  }

  @Override
  public TypeInformation<BookUpdate> type() {
    return Types.POJO(BookUpdate.class);
  }
}
