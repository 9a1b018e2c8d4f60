// What is bid and offered for the chosen symbol: the depth of its book, and the best of all venues of its instrument.
import { askJson } from "./ask.js";

const EVERY_MS = 1_000;
const ABSENT_MS = 5_000;
const SHOWN = 8;

const element = (id) => document.getElementById(id);

export class Book {
  start() {
    this.look();
  }

  show(symbol) {
    this.symbol = symbol;
    element("book").hidden = true;
  }

  async look() {
    const found = document.hidden || !this.symbol ? undefined : await this.ask(this.symbol);
    const isAbsent = found && !found.depth && !found.quote;
    if (found && found.symbol === this.symbol) this.draw(found);
    setTimeout(() => this.look(), isAbsent ? ABSENT_MS : EVERY_MS);
  }

  async ask(symbol) {
    const instrument = symbol.includes(".") ? symbol.slice(0, symbol.lastIndexOf(".")) : symbol;
    const [depth, quote] = await Promise.all([
      askJson("/v1/depth", { symbol }).catch(() => undefined),
      askJson("/v1/quote", { symbol: instrument }).catch(() => undefined),
    ]);
    return { symbol, depth, quote };
  }

  draw({ depth, quote }) {
    element("book").hidden = !depth && !quote;
    element("quote").replaceChildren(...(quote ? best(quote) : []));
    element("levels").replaceChildren(...(depth ? ladder(depth) : []));
    element("figures").textContent = depth ? figures(depth) : "";
  }
}

function best(quote) {
  const venues = quote.venue_count === 1 ? "1 venue" : `${quote.venue_count} venues`;
  return [
    made("span", "good", quote.bid_close ?? "–"),
    made("span", "", " bid, offered at "),
    made("span", "bad", quote.ask_close ?? "–"),
    made("span", "", `, best of ${venues}`),
  ];
}

// Asks above bids, the best next to each other; a bar is what can be had up to its price.
function ladder(depth) {
  const sides = { ask: [], bid: [] };
  for (const { side, price, size } of depth.levels) {
    const before = sides[side].at(-1)?.sum ?? 0;
    sides[side].push({ side, price, size, sum: before + Number(size) });
  }
  const [asks, bids] = [sides.ask.slice(0, SHOWN), sides.bid.slice(0, SHOWN)];
  const most = Math.max(...[asks, bids].map((side) => side.at(-1)?.sum ?? 0));
  return [...asks.reverse(), ...bids].map((level) => row(level, most));
}

function row({ side, price, size, sum }, most) {
  const line = made("tr", side);
  const bar = made("td", "bar");
  const length = made("span", "");
  length.style.width = `${((100 * sum) / most).toFixed(1)}%`;
  bar.append(length);
  line.append(made("td", side === "bid" ? "good" : "bad", price), made("td", "", size), bar);
  return line;
}

function figures(depth) {
  const told = {
    spread: depth.spread,
    microprice: depth.microprice,
    imbalance: depth.imbalance === null ? null : `${(100 * Number(depth.imbalance)).toFixed(0)} %`,
  };
  const shown = Object.entries(told).filter(([, value]) => value !== null);
  return [...shown.map(([name, value]) => `${name} ${value}`), depth.window_end.slice(11, 19)].join(" · ");
}

function made(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}
