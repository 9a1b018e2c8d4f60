package tickloom;

import java.io.IOException;
import java.util.Map;
import java.util.TreeMap;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

/** The trades of a candle whose sale conditions do not let them set every price: their times, and a track an effect. */
final class Irregular {
  long firstTsEvent = Long.MAX_VALUE;
  long lastTsEvent = Long.MIN_VALUE;
  final Map<Integer, Track> tracks = new TreeMap<>(); // by Effects.prices; none for what sets no price

  void add(Trade trade, int effects) {
    span(trade.tsEvent, trade.tsEvent);
    if (!Effects.setsNoPrice(effects)) {
      track(Effects.prices(effects)).add(trade);
    }
  }

  void merge(Irregular other) {
    span(other.firstTsEvent, other.lastTsEvent);
    other.tracks.forEach((effects, track) -> track(effects).merge(track));
  }

  private void span(long first, long last) {
    firstTsEvent = Math.min(firstTsEvent, first);
    lastTsEvent = Math.max(lastTsEvent, last);
  }

  private Track track(int effects) {
    return tracks.computeIfAbsent(effects, e -> new Track());
  }

  void write(DataOutputView out) throws IOException {
    out.writeLong(firstTsEvent);
    out.writeLong(lastTsEvent);
    out.writeByte(tracks.size());
    for (Map.Entry<Integer, Track> each : tracks.entrySet()) {
      out.writeByte(each.getKey());
      each.getValue().write(out);
    }
  }

  static Irregular read(DataInputView in) throws IOException {
    Irregular irregular = new Irregular();
    irregular.span(in.readLong(), in.readLong());
    for (int count = in.readByte(); count > 0; count--) {
      irregular.track(in.readByte()).read(in);
    }
    return irregular;
  }
}
