package tickloom;

import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.table.api.ValidationException;

/** The sale conditions of udfs/conditions.toml: from a venue and the conditions of a trade to what it may update. */
final class Conditions implements Serializable {
  /** The effects of the conditions of some venues, and those conditions beside which no other counts. */
  private record RuleSet(List<Pattern> venues, Map<String, Integer> effects, Set<String> wins) implements Serializable {
    boolean isFor(String venue) {
      return venues.stream().anyMatch(pattern -> pattern.matcher(venue).matches());
    }
  }

  private static final RuleSet NONE = new RuleSet(List.of(), Map.of(), Set.of());

  private final List<RuleSet> sets = new ArrayList<>();
  private final Map<String, RuleSet> byVenue = new HashMap<>();
  private long unknown;

  /** Reads what udfs/conditions.py has checked and written as JSON. */
  static Conditions parse(String json) {
    Conditions conditions = new Conditions();
    try {
      for (JsonNode set : new ObjectMapper().readTree(json).get("sets")) {
        conditions.sets.add(ruleSet(set));
      }
      return conditions;
    } catch (IOException | RuntimeException e) {
      throw new ValidationException(
          "'conditions' of a 'tickloom' table must be what udfs/conditions.py makes of a conditions file", e);
    }
  }

  private static RuleSet ruleSet(JsonNode set) {
    List<Pattern> venues = new ArrayList<>();
    set.get("venues").forEach(venue -> venues.add(pattern(venue.asText())));
    Map<String, Integer> effects = new HashMap<>();
    set.get("effects").fields().forEachRemaining(each -> effects.put(each.getKey(), each.getValue().asInt()));
    Set<String> wins = new HashSet<>();
    set.get("wins").forEach(condition -> wins.add(condition.asText()));
    return new RuleSet(venues, effects, wins);
  }

  private static Pattern pattern(String wild) {
    return Pattern.compile("\\Q" + wild.replace("*", "\\E.*\\Q").replace("?", "\\E.\\Q") + "\\E", Pattern.DOTALL);
  }

  /** What the trade may update: the most restrictive of its conditions decides. One without conditions is regular. */
  int effects(Trade trade) {
    if (trade.conditions == null || trade.conditions.length == 0 || sets.isEmpty()) {
      return Effects.REGULAR;
    }
    RuleSet rules = byVenue.get(trade.venueName());
    if (rules == null) {
      rules = choose(trade.venueName());
      byVenue.put(trade.venueName(), rules);
    }
    return rules == NONE ? Effects.REGULAR : effects(rules, trade.conditions);
  }

  private RuleSet choose(String venue) {
    return sets.stream().filter(set -> set.isFor(venue)).findFirst().orElse(NONE);
  }

  private int effects(RuleSet rules, String[] conditions) {
    int all = Effects.REGULAR;
    for (String condition : conditions) {
      Integer effects = rules.effects.get(condition);
      if (effects == null) {
        unknown++;
      } else if (rules.wins.contains(condition)) {
        return effects;
      } else {
        all = Effects.tightest(all, effects);
      }
    }
    return all;
  }

  /** How often a condition was met that the rules of its venue do not name; such a one changes nothing. */
  long unknown() {
    return unknown;
  }
}
