package tickloom;

import org.apache.flink.streaming.api.TimerService;

/**
 * Whether anything comes of a key, as part of its state: of one of which nothing comes any more, such as an expired
 * instrument, the state is closed. One timer a key looks. A Flink POJO.
 */
public final class Interest {
  public long lastNs;
  /** When it is looked at next; 0: nothing has come. */
  public long lookNs;

  /** Something has come: now, whatever time it bears. */
  void touch(long tsEvent, long forgetAfterNs, TimerService timers) {
    long now = timers.currentWatermark();
    boolean isTime = Math.abs(now) < Long.MAX_VALUE / 1_000_000; // not before the first watermark, nor after the last
    lastNs = Math.max(lastNs, Math.max(tsEvent, isTime ? now * 1_000_000 : 0));
    if (lookNs == 0) {
      look(forgetAfterNs, timers);
    }
  }

  /** Whether nothing has come for so long; asked for with every timer. */
  boolean isOver(long nowNs, long forgetAfterNs, TimerService timers) {
    if (lookNs == 0 || nowNs < lookNs) {
      return false;
    }
    if (nowNs - lastNs >= forgetAfterNs) {
      return true;
    }
    look(forgetAfterNs, timers);
    return false;
  }

  /** Of a key without state: the watermark has passed a second. */
  static boolean isPast(long second, TimerService timers) {
    return Rows.lastMilli(second) <= timers.currentWatermark();
  }

  private void look(long forgetAfterNs, TimerService timers) {
    lookNs = lastNs + forgetAfterNs;
    timers.registerEventTimeTimer(Rows.lastMilli(Math.floorDiv(lookNs, Trade.NANOS_PER_SECOND)));
  }
}
