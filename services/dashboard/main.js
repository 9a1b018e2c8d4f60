// What is shown, what is listened to, and what the keyboard does.
import { Problem, askJson, useKey } from "./ask.js";
import { Book } from "./book.js";
import { Chart } from "./chart.js";
import { Feed } from "./feed.js";
import { Panel } from "./panel.js";

const STALE_MS = 30_000;
const ADJUSTED = ["raw", "splits", "all"];
const LENGTHS = { s: 1, m: 60, h: 3_600, d: 86_400 };

const element = (id) => document.getElementById(id);
const chart = new Chart(element("chart"), legend, failed);
const panel = new Panel();
const book = new Book();
let symbols = [];
let chosen = { symbol: undefined, resolution: undefined, adjusted: undefined };
let feeds = [];
let lastCandleMs;
let connection = "connecting";

const seconds = (resolution) => parseInt(resolution) * LENGTHS[resolution.at(-1)];

async function start() {
  try {
    symbols = await askJson("/v1/symbols");
  } catch (problem) {
    return failed(problem);
  }
  element("login").hidden = true;
  if (!symbols.length) {
    notice("No candles yet: this page looks again every 2 s.");
    return setTimeout(start, 2_000);
  }
  notice();
  fillSymbols();
  const asked = new URLSearchParams(location.hash.slice(1));
  const symbol = symbols.find((each) => each.symbol === asked.get("symbol")) ?? symbols[0];
  const usual = symbol.resolutions.includes("1m") ? "1m" : symbol.resolutions[0];
  const resolution = symbol.resolutions.includes(asked.get("resolution")) ? asked.get("resolution") : usual;
  await choose(symbol.symbol, resolution, ADJUSTED.includes(asked.get("adjusted")) ? asked.get("adjusted") : "raw");
}

function fillSymbols() {
  element("symbol").replaceChildren(...symbols.map(({ symbol }) => new Option(symbol)));
}

async function choose(symbol, resolution, adjusted = chosen.adjusted) {
  chosen = { symbol, resolution, adjusted };
  location.hash = new URLSearchParams(chosen);
  document.title = `${symbol} ${resolution} · Tickloom`;
  element("symbol").value = symbol;
  notice();
  showChoices();
  book.show(symbol);
  listen();
  try {
    await chart.show(symbol, resolution, adjusted);
    await formed();
  } catch (problem) {
    failed(problem);
  }
}

// The streams are listened to before the page is loaded, so that nothing falls between.
function listen() {
  feeds.forEach((feed) => feed.close());
  const { symbol, resolution } = chosen;
  const shortest = resolutionsOf(symbol)[0];
  feeds = [new Feed({ symbol, resolution }, told, changed)];
  if (shortest !== resolution) {
    const forming = (candle) => {
      lastCandleMs = Date.now();
      chart.second(candle, seconds(resolution));
    };
    feeds.push(new Feed({ symbol, resolution: shortest }, forming, () => {}));
  }
}

// What of the open candle was committed before the stream began.
async function formed() {
  const { symbol, resolution, adjusted } = chosen;
  const shortest = resolutionsOf(symbol)[0];
  const last = chart.latest();
  if (shortest === resolution || !last) return;
  const page = await askJson("/v1/candles", { symbol, resolution: shortest, adjusted, start: last.window_end, limit: 5_000 });
  page.candles.forEach((candle) => chart.second(candle, seconds(resolution)));
}

function told(candle) {
  lastCandleMs = Date.now();
  chart.committed(candle).catch(failed);
  showConnection();
}

async function changed(state, problem) {
  if (problem instanceof Problem && problem.status === 401) return failed(problem);
  const isBack = state === "live" && connection === "lost";
  connection = state;
  showConnection(problem);
  if (isBack || state === "live") await chart.refresh().catch(() => {});
}

function showConnection(problem) {
  const output = element("connection");
  const isStale = connection === "live" && lastCandleMs && Date.now() - lastCandleMs > STALE_MS;
  output.dataset.state = isStale ? "stale" : connection;
  const since = lastCandleMs ? new Date(lastCandleMs).toLocaleTimeString() : "this page was opened";
  output.value = {
    live: isStale ? `no new candle since ${since}` : lastCandleMs ? "live" : "connected",
    lost: `connection lost, trying again${problem ? `: ${problem.message}` : ""}`,
    connecting: "connecting",
  }[connection];
}

function showChoices() {
  const { symbol, resolution, adjusted } = chosen;
  offer("resolutions", resolutionsOf(symbol), resolution, (index) => index + 1, (name) => choose(symbol, name));
  offer("adjusted", ADJUSTED, adjusted, () => "a", (name) => choose(symbol, resolution, name));
}

function offer(id, names, held, key, act) {
  const buttons = names.map((name, index) => {
    const button = document.createElement("button");
    button.textContent = name;
    button.title = `press ${key(index)}`;
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", String(name === held));
    button.onclick = () => act(name);
    return button;
  });
  element(id).replaceChildren(...buttons);
}

function nextAdjusted() {
  return ADJUSTED[(ADJUSTED.indexOf(chosen.adjusted) + 1) % ADJUSTED.length];
}

const resolutionsOf = (symbol) => symbols.find((each) => each.symbol === symbol)?.resolutions ?? [];

function legend(candle) {
  if (!candle) return element("legend").replaceChildren();
  const of = (name) => `${name[0].toUpperCase()} <b>${candle[name] ?? "–"}</b>`;
  const revised = candle.revision > 0 ? ` <span class="revised">revision ${candle.revision}</span>` : "";
  const cut = candle.complete ? "" : ' <span class="revised">begins in the middle</span>';
  element("legend").innerHTML = `${candle.window_start.replace("T", " ").replace("Z", "")} UTC &nbsp; ${["open", "high", "low", "close", "volume"].map(of).join(" &nbsp; ")} &nbsp; ${candle.trade_count} trades${revised}${cut}`;
  element("legend").dataset.windowStart = candle.window_start;
}

function notice(text) {
  element("notice").textContent = text ?? "";
  element("notice").hidden = !text;
}

function failed(problem) {
  if (problem.status === 401) {
    element("login").hidden = false;
    element("key").focus();
    return;
  }
  if (problem.status === 409) return notice(problem.message);
  notice(`${problem.message}; trying again`);
  setTimeout(start, 2_000);
}

element("login").onsubmit = (event) => {
  event.preventDefault();
  useKey(element("key").value);
  start();
};
element("symbol").onchange = (event) => {
  const resolutions = resolutionsOf(event.target.value);
  choose(event.target.value, resolutions.includes(chosen.resolution) ? chosen.resolution : resolutions[0]);
};

const KEYS = {
  a: () => choose(chosen.symbol, chosen.resolution, nextAdjusted()),
  "/": () => element("symbol").focus(),
  ArrowLeft: () => chart.scroll(-10),
  ArrowRight: () => chart.scroll(10),
  "+": () => chart.zoom(1.25),
  "-": () => chart.zoom(0.8),
  End: () => chart.end(),
};

document.addEventListener("keydown", (event) => {
  if (event.target.closest("select, input") || event.ctrlKey || event.metaKey || event.altKey) return;
  const resolution = resolutionsOf(chosen.symbol)[Number(event.key) - 1];
  const act = resolution ? () => choose(chosen.symbol, resolution) : KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

setInterval(showConnection, 1_000);
// That a split or dividend becomes effective, only the clock tells.
setInterval(() => chart.isOutdated() && choose(chosen.symbol, chosen.resolution), 1_000);
start();
panel.start();
book.start();
