package tickloom;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Names of venues, of which there are few: read again and again, each stays one object. */
final class Venues {
  private static final int KEPT = 256; // a power of two
  private static final Venue[] SEEN = new Venue[KEPT]; // a race costs an object more

  private record Venue(byte[] bytes, String name) {}

  private Venues() {}

  static String name(byte[] bytes) {
    int at = Arrays.hashCode(bytes) & KEPT - 1;
    Venue seen = SEEN[at];
    if (seen == null || !Arrays.equals(seen.bytes, bytes)) {
      seen = new Venue(bytes, new String(bytes, StandardCharsets.UTF_8));
      SEEN[at] = seen;
    }
    return seen.name;
  }
}
