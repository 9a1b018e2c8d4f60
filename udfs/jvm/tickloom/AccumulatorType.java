package tickloom;

import org.apache.flink.api.common.serialization.SerializerConfig;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeutils.TypeSerializer;

/** Tells Flink how accumulators travel between operators. */
final class AccumulatorType extends TypeInformation<Accumulator> {
  static final AccumulatorType INSTANCE = new AccumulatorType();

  @Override
  public TypeSerializer<Accumulator> createSerializer(SerializerConfig config) {
    return AccumulatorSerializer.INSTANCE;
  }

  @Override
  public Class<Accumulator> getTypeClass() {
    return Accumulator.class;
  }

  @Override
  public boolean isBasicType() {
    return false;
  }

  @Override
  public boolean isTupleType() {
    return false;
  }

  @Override
  public int getArity() {
    return 1;
  }

  @Override
  public int getTotalFields() {
    return 1;
  }

  @Override
  public boolean isKeyType() {
    return false;
  }

  @Override
  public String toString() {
    return "Accumulator";
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof AccumulatorType;
  }

  @Override
  public int hashCode() {
    return AccumulatorType.class.hashCode();
  }

  @Override
  public boolean canEqual(Object other) {
    return other instanceof AccumulatorType;
  }
}
