package tickloom;

import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.table.api.ValidationException;

/** The sale conditions of udfs/conditions.toml: from a venue and the conditions of a trade to what it may update. */
final class Conditions implements Serializable {
  /** The effects of the conditions of some venues, and those conditions beside which no other counts. */
  private record RuleSet(Wildcards venues, Map<String, Integer> effects, Set<String> wins) implements Serializable {
    boolean isFor(String venue) {
      return venues.match(venue);
    }
  }

  private static final RuleSet NONE = new RuleSet(new Wildcards(List.of()), Map.of(), Set.of());

  private final List<RuleSet> sets = new ArrayList<>();
  private final Map<String, RuleSet> byVenue = new HashMap<>();
  private transient RuleSet lastRules;
  private transient String[] lastConditions;
  private transient int lastEffects;
  private transient long lastUnknown;
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
    List<String> venues = new ArrayList<>();
    set.get("venues").forEach(venue -> venues.add(venue.asText()));
    Map<String, Integer> effects = new HashMap<>();
    set.get("effects").fields().forEachRemaining(each -> effects.put(each.getKey(), each.getValue().asInt()));
    Set<String> wins = new HashSet<>();
    set.get("wins").forEach(condition -> wins.add(condition.asText()));
    return new RuleSet(new Wildcards(venues), effects, wins);
  }

  /** What the trade may update: the most restrictive of its conditions decides. One without conditions is regular. */
  int effects(Trade trade) {
    if (trade.conditions == null || trade.conditions.length == 0 || sets.isEmpty()) {
      return Effects.REGULAR;
    }
    RuleSet rules = of(trade.venueName());
    return rules == NONE ? Effects.REGULAR : effects(rules, trade.conditions);
  }

  /** The conditions of the trade that the rules of its venue do not name; none of a venue without rules. */
  List<String> unknown(Trade trade) {
    if (trade.conditions == null || trade.conditions.length == 0 || sets.isEmpty()) {
      return List.of();
    }
    RuleSet rules = of(trade.venueName());
    if (rules == NONE) {
      return List.of();
    }
    return Arrays.stream(trade.conditions).filter(condition -> !rules.effects.containsKey(condition)).toList();
  }

  private RuleSet of(String venue) {
    RuleSet rules = byVenue.get(venue);
    if (rules == null) {
      rules = choose(venue);
      byVenue.put(venue, rules);
    }
    return rules;
  }

  private RuleSet choose(String venue) {
    return sets.stream().filter(set -> set.isFor(venue)).findFirst().orElse(NONE);
  }

  /** Decoders give the same conditions as the same array: looked up once. */
  private int effects(RuleSet rules, String[] conditions) {
    if (conditions != lastConditions || rules != lastRules) {
      long unknownBefore = unknown;
      lastEffects = judge(rules, conditions);
      lastUnknown = unknown - unknownBefore;
      lastConditions = conditions;
      lastRules = rules;
    } else {
      unknown += lastUnknown;
    }
    return lastEffects;
  }

  private int judge(RuleSet rules, String[] conditions) {
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
