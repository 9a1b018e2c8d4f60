package tickloom;

import java.io.Serializable;

/** The name of a length of windows, such as 1m, and the length. */
record Resolution(String name, long lengthNs) implements Serializable {
  /** Reads `1m=60000`: the name and milliseconds. */
  static Resolution parse(String text) {
    String[] parts = text.split("=");
    return new Resolution(parts[0], Long.parseLong(parts[1]) * 1_000_000);
  }
}
