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

  /** Something of that time has come. */
  void touch(long tsEvent, long forgetAfterNs, TimerService timers) {
    lastNs = Math.max(lastNs, tsEvent);
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

  /** The time of what may bear an old one, as a whole book does in which nothing has changed for long: when it comes. */
  static long arrival(long tsEvent, TimerService timers) {
    long watermark = timers.currentWatermark();
    boolean isTime = Math.abs(watermark) < Long.MAX_VALUE / 1_000_000; // not before the first, nor after the last
    return isTime ? Math.max(tsEvent, watermark * 1_000_000) : tsEvent;
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
