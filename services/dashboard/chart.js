// The chart of one symbol and resolution: history on scroll, the candle that is still open, revisions marked.
import { askJson } from "./ask.js";

const PAGE = 1_000;
const BEHIND_S = 5; // so long the database may take to know what was streamed
const UP = "#26a69a";
const DOWN = "#ef5350";
const REVISED = "#e3b341";

const seconds = (instant) => Date.parse(instant) / 1_000;

export class Chart {
  // `hovered` hears the candle under the pointer, `failed` why history that was scrolled to did not come.
  constructor(element, hovered, failed) {
    this.element = element;
    this.hovered = hovered;
    this.chart = LightweightCharts.createChart(element, { autoSize: true, ...look() });
    this.prices = this.chart.addCandlestickSeries({ upColor: UP, downColor: DOWN, borderVisible: false, wickUpColor: UP, wickDownColor: DOWN });
    this.volumes = this.chart.addHistogramSeries({ priceScaleId: "volume", priceFormat: { type: "volume" }, lastValueVisible: false, priceLineVisible: false });
    this.chart.priceScale("volume").applyOptions({ scaleMargins: { top: 0.8, bottom: 0 } });
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => range && range.from < 50 && this.older().catch(failed));
    this.chart.subscribeCrosshairMove((at) => this.hovered(this.candles.get(at.time) ?? this.latest()));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.chart.applyOptions(look()));
    this.candles = new Map();
    this.actions = [];
  }

  // Forget what is shown and load the latest candles of another question.
  async show(symbol, resolution, adjusted) {
    this.asked = { symbol, resolution, adjusted };
    this.candles = new Map();
    this.cursor = undefined;
    this.last = this.forming = undefined;
    this.exhausted = this.loading = false;
    this.shownMs = Date.now();
    this.actions = adjusted === "raw" ? [] : undefined; // not known yet
    try {
      if (!this.actions) await this.askActions();
      await this.older();
    } finally {
      if (!this.candles.size) this.draw();
    }
    this.chart.timeScale().scrollToRealTime();
  }

  async askActions() {
    const asked = this.asked;
    const actions = await askJson("/v1/corporate-actions", { symbol: asked.symbol });
    if (asked === this.asked) this.actions = actions.map(({ effective }) => Date.parse(effective));
  }

  // Whether a split or dividend has become effective since the candles were asked for.
  isOutdated() {
    return this.actions?.some((effective) => this.shownMs < effective && effective <= Date.now());
  }

  async older() {
    if (this.loading || this.exhausted) return;
    const asked = this.asked;
    this.loading = true;
    try {
      const page = await askJson("/v1/candles", { ...asked, order: "desc", limit: PAGE, cursor: this.cursor });
      if (asked !== this.asked) return;
      this.cursor = page.next ?? undefined;
      this.exhausted = page.next === null;
      page.candles.forEach((candle) => this.keep(candle));
      this.draw();
    } catch (problem) {
      if (asked === this.asked) this.exhausted = true; // until it is shown anew
      throw problem;
    } finally {
      if (asked === this.asked) this.loading = false;
    }
  }

  // The latest page once more: a database may be a moment behind the stream.
  async refresh() {
    const asked = this.asked;
    const page = await askJson("/v1/candles", { ...asked, order: "desc", limit: 200 });
    if (asked !== this.asked) return;
    page.candles.forEach((candle) => this.keep(candle));
    this.draw();
  }

  // Of two revisions of a window the higher one stays. Windows without a price have nothing to draw.
  keep(candle) {
    const time = seconds(candle.window_start);
    const held = this.candles.get(time);
    if (candle.open === null || (held && held.revision >= candle.revision)) return false;
    this.candles.set(time, candle);
    if (!this.last || candle.window_start >= this.last.window_start) this.last = candle;
    return true;
  }

  // The stream brings candles as they were traded.
  async committed(traded) {
    const asked = this.asked;
    const candle = this.isBeforeAction(traded) ? await this.adjusted(traded) : traded;
    if (!candle || asked !== this.asked) return;
    const last = this.latest();
    if (!this.keep(candle)) return;
    const time = seconds(candle.window_start);
    if (this.forming && this.forming.time <= time) this.forming = undefined;
    if (last && (time < seconds(last.window_start) || candle.revision > 0)) return this.draw();
    this.drawOne(candle);
    this.hovered(candle);
  }

  isBeforeAction(candle) {
    const start = seconds(candle.window_start) * 1_000;
    return !this.actions || this.actions.some((effective) => start < effective && effective <= Date.now());
  }

  // The same revision as the API tells it, once its database has it.
  async adjusted({ window_start: start, window_end: end, revision }) {
    const asked = this.asked;
    for (let second = 0; second < BEHIND_S && asked === this.asked; second += 1) {
      const page = await askJson("/v1/candles", { ...asked, start, end, revision });
      if (page.candles.length) return page.candles[0];
      await new Promise((resume) => setTimeout(resume, 1_000));
    }
  }

  // A second of the candle that is still open: for display only, so numbers will do.
  second(candle, length) {
    if (candle.open === null) return;
    const start = Math.floor(seconds(candle.window_start) / length) * length;
    const last = this.latest();
    if ((last && seconds(last.window_start) >= start) || (this.forming && this.forming.time > start)) return;
    if (!this.forming || this.forming.time < start) this.forming = { time: start, open: +candle.open, high: -Infinity, low: Infinity, volume: 0 };
    const bar = this.forming;
    bar.high = Math.max(bar.high, +candle.high);
    bar.low = Math.min(bar.low, +candle.low);
    bar.close = +candle.close;
    bar.volume += +candle.volume;
    this.prices.update({ ...bar });
    this.volumes.update({ time: start, value: bar.volume, color: `${bar.close >= bar.open ? UP : DOWN}55` });
  }

  latest() {
    return this.last;
  }

  draw() {
    const shown = [...this.candles.entries()].sort(([a], [b]) => a - b);
    this.prices.setData(shown.map(([time, candle]) => price(time, candle)));
    this.volumes.setData(shown.map(([time, candle]) => volume(time, candle)));
    if (this.forming) this.prices.update({ ...this.forming });
    this.prices.setMarkers(shown.filter(([, candle]) => candle.revision > 0).map(([time, candle]) => mark(time, candle)));
    this.hovered(this.latest());
    this.element.dataset.candles = shown.length;
  }

  drawOne(candle) {
    const time = seconds(candle.window_start);
    this.prices.update(price(time, candle));
    this.volumes.update(volume(time, candle));
    this.element.dataset.candles = this.candles.size;
  }

  scroll(bars) {
    const scale = this.chart.timeScale();
    scale.scrollToPosition(scale.scrollPosition() + bars, false);
  }

  zoom(factor) {
    const scale = this.chart.timeScale();
    scale.applyOptions({ barSpacing: Math.min(60, Math.max(0.5, scale.options().barSpacing * factor)) });
  }

  end() {
    this.chart.timeScale().scrollToRealTime();
  }
}

function price(time, candle) {
  return { time, open: +candle.open, high: +candle.high, low: +candle.low, close: +candle.close };
}

function volume(time, candle) {
  return { time, value: +candle.volume, color: `${+candle.close >= +candle.open ? UP : DOWN}80` };
}

function mark(time, candle) {
  return { time, position: "aboveBar", shape: "circle", color: REVISED, text: `r${candle.revision}` };
}

function look() {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const line = dark ? "#2a3142" : "#e4e7ec";
  return {
    layout: { background: { color: "transparent" }, textColor: dark ? "#d6dae3" : "#1c2128" },
    grid: { vertLines: { color: line }, horzLines: { color: line } },
    rightPriceScale: { borderColor: line },
    timeScale: { borderColor: line, timeVisible: true, secondsVisible: true },
  };
}
