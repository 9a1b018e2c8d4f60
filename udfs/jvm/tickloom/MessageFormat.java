package tickloom;

import java.io.Serializable;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.avro.shaded.org.apache.avro.generic.GenericRecord;

/** How Avro records become messages of a kind. */
interface MessageFormat<T extends Message> extends Serializable {
  T create();

  /** Take what a record says beside symbol and ts_event; rejects the message when it breaks a rule. */
  void fill(T message, GenericRecord record);

  TypeInformation<T> type();

  static BigDecimal amount(GenericRecord record, String name) {
    ByteBuffer bytes = (ByteBuffer) record.get(name);
    if (bytes == null) {
      return null;
    }
    byte[] digits = new byte[bytes.remaining()];
    bytes.duplicate().get(digits);
    return amount(new BigInteger(digits));
  }

  /** One object where 64 bits hold it, not three. */
  static BigDecimal amount(BigInteger unscaled) {
    return unscaled.bitLength() < Long.SIZE
        ? BigDecimal.valueOf(unscaled.longValue(), Int128.SCALE)
        : new BigDecimal(unscaled, Int128.SCALE);
  }

  static String text(GenericRecord record, String name) {
    Object value = record.get(name);
    return value == null ? "" : value.toString();
  }
}
