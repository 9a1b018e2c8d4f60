package tickloom;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BiConsumer;

/** Values by symbol, found by a piece of a message without an allocation. It forgets all when there are too many. */
final class SymbolMap<V> {
  private static final int SYMBOLS_MAX = 1 << 18; // garbage may name any number

  private final Map<Symbol, V> values = new HashMap<>();
  private final Symbol asked = new Symbol();

  private static final class Symbol {
    private byte[] bytes;
    private int from;
    private int length;
    private int hash;

    Symbol set(byte[] bytes, int from, int length) {
      this.bytes = bytes;
      this.from = from;
      this.length = length;
      hash = 0;
      for (int i = from; i < from + length; i++) {
        hash = 31 * hash + bytes[i];
      }
      return this;
    }

    @Override
    public int hashCode() {
      return hash;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Symbol symbol && hash == symbol.hash
          && Arrays.equals(bytes, from, from + length, symbol.bytes, symbol.from, symbol.from + symbol.length);
    }
  }

  V get(byte[] bytes, int from, int length) {
    return values.get(asked.set(bytes, from, length));
  }

  void put(byte[] symbol, V value) {
    if (values.size() >= SYMBOLS_MAX) {
      values.clear();
    }
    values.put(new Symbol().set(symbol, 0, symbol.length), value);
  }

  void forEach(BiConsumer<byte[], V> action) {
    values.forEach((symbol, value) -> action.accept(symbol.bytes, value));
  }
}
