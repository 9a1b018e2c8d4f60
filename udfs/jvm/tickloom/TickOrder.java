package tickloom;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The order of trades: ts_event, then sequence within a venue, then offset. Sequences of two venues do not compare, so
 * among trades of one nanosecond no comparison of pairs is an order: each venue's numbered trades are taken by sequence
 * and the unnumbered ones by offset, and these queues are merged by the offset of the next in each.
 */
final class TickOrder {
  private static final Comparator<Tick> BY_PLACE =
      Comparator.<Tick>comparingLong(tick -> tick.offset).thenComparingInt(tick -> tick.partition);
  private static final Comparator<Tick> BY_SEQUENCE =
      Comparator.<Tick>comparingLong(tick -> tick.sequence == null ? 0 : tick.sequence).thenComparing(BY_PLACE);

  private TickOrder() {}

  static List<Tick> ordered(List<Tick> ticks) {
    List<Tick> byTime = new ArrayList<>(ticks);
    byTime.sort(Comparator.comparingLong(tick -> tick.tsEvent));
    List<Tick> ordered = new ArrayList<>(ticks.size());
    for (int from = 0, to; from < byTime.size(); from = to) {
      for (to = from + 1; to < byTime.size() && byTime.get(to).tsEvent == byTime.get(from).tsEvent; to++) { }
      merge(byTime.subList(from, to), ordered);
    }
    return ordered;
  }

  private static void merge(List<Tick> sameInstant, List<Tick> ordered) {
    if (sameInstant.size() == 1) {
      ordered.add(sameInstant.get(0));
      return;
    }
    sameInstant.sort(BY_SEQUENCE);
    Map<String, Deque<Tick>> queues = new HashMap<>();
    for (Tick tick : sameInstant) {
      String queue = tick.sequence == null ? null : tick.venue == null ? "" : tick.venue;
      queues.computeIfAbsent(queue, name -> new ArrayDeque<>()).add(tick);
    }
    while (!queues.isEmpty()) {
      Deque<Tick> next = Collections.min(queues.values(), Comparator.comparing(Deque::peek, BY_PLACE));
      ordered.add(next.poll());
      if (next.isEmpty()) {
        queues.values().remove(next);
      }
    }
  }
}
