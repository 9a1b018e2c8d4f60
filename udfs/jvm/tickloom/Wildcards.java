package tickloom;

import java.io.Serializable;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/** Names by patterns with * and ?. */
final class Wildcards implements Serializable {
  private static final int KNOWN_MAX = 1 << 12;

  private final List<Pattern> patterns;
  private final Map<String, Boolean> known = new HashMap<>();

  Wildcards(List<String> wild) {
    patterns = wild.stream().map(Wildcards::pattern).toList();
  }

  boolean match(String name) {
    Boolean found = known.get(name);
    if (found == null) {
      found = patterns.stream().anyMatch(pattern -> pattern.matcher(name).matches());
      if (known.size() < KNOWN_MAX) {
        known.put(name, found);
      }
    }
    return found;
  }

  private static Pattern pattern(String wild) {
    return Pattern.compile("\\Q" + wild.replace("*", "\\E.*\\Q").replace("?", "\\E.\\Q") + "\\E", Pattern.DOTALL);
  }
}
