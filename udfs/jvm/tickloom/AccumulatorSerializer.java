package tickloom;

import java.io.IOException;
import org.apache.flink.api.common.typeutils.SimpleTypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.TypeSerializerSnapshot;
import org.apache.flink.api.common.typeutils.base.TypeSerializerSingleton;
import org.apache.flink.core.memory.DataInputDeserializer;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputSerializer;
import org.apache.flink.core.memory.DataOutputView;

/** Accumulators in state and in aggregates. The first byte is the version of the format. */
public final class AccumulatorSerializer extends TypeSerializerSingleton<Accumulator> {
  public static final AccumulatorSerializer INSTANCE = new AccumulatorSerializer();
  private static final byte VERSION = 2;

  @Override
  public void serialize(Accumulator accumulator, DataOutputView out) throws IOException {
    out.writeByte(VERSION);
    accumulator.write(out);
  }

  @Override
  public Accumulator deserialize(DataInputView in) throws IOException {
    byte version = in.readByte();
    if (version != VERSION) {
      throw new IOException("accumulator written in format " + version + ", this version reads " + VERSION);
    }
    return Accumulator.read(in);
  }

  static byte[] toBytes(Accumulator accumulator) {
    try {
      DataOutputSerializer out = new DataOutputSerializer(320);
      INSTANCE.serialize(accumulator, out);
      return out.getCopyOfBuffer();
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  static Accumulator fromBytes(byte[] bytes) {
    try {
      return INSTANCE.deserialize(new DataInputDeserializer(bytes));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public Accumulator copy(Accumulator from) {
    Accumulator copy = new Accumulator();
    copy.merge(from);
    return copy;
  }

  @Override
  public Accumulator deserialize(Accumulator reuse, DataInputView in) throws IOException {
    return deserialize(in);
  }

  @Override
  public Accumulator copy(Accumulator from, Accumulator reuse) {
    return copy(from);
  }

  @Override
  public void copy(DataInputView in, DataOutputView out) throws IOException {
    serialize(deserialize(in), out);
  }

  @Override
  public Accumulator createInstance() {
    return new Accumulator();
  }

  @Override
  public int getLength() {
    return -1;
  }

  @Override
  public boolean isImmutableType() {
    return false;
  }

  @Override
  public TypeSerializerSnapshot<Accumulator> snapshotConfiguration() {
    return new Snapshot();
  }

  public static final class Snapshot extends SimpleTypeSerializerSnapshot<Accumulator> {
    public Snapshot() {
      super(() -> INSTANCE);
    }
  }
}
