// The pipeline beside the chart: what runs, how fast, how far, and what is wrong.
import { askJson } from "./ask.js";

const EVERY_MS = 2_000;
const KEPT = 150;
const OLD_CHECKPOINT_MS = 60_000;
const LOW_SCORE = 0.95;

const element = (id) => document.getElementById(id);
const number = new Intl.NumberFormat("en");

export class Panel {
  constructor() {
    this.samples = [];
  }

  start() {
    this.look();
    setInterval(() => document.hidden || this.look(), EVERY_MS);
  }

  async look() {
    const [jobs, firing, quality, health] = await Promise.all([
      askJson("/v1/pipeline").catch((problem) => ({ problem })),
      askJson("/v1/alerts").catch((problem) => [{ severity: "warning", summary: problem.message }]),
      askJson("/v1/quality").catch(() => []),
      askJson("/health").catch((problem) => ({ parts: [{ name: "API", healthy: false, detail: problem.message }] })),
    ]);
    const isAllowed = ![401, 403].includes(jobs.problem?.status);
    const found = jobs.problem ? [] : jobs;
    if (!jobs.problem) this.sample(found);
    element("alerts").replaceChildren(...alerts(isAllowed ? jobs : undefined, isAllowed ? firing : [], quality, health));
    element("jobs").replaceChildren(...found.filter((job) => job.state === "RUNNING").map(card));
    element("quality").replaceChildren(...quality.slice(0, 8).map(judged));
    this.draw(found);
  }

  sample(jobs) {
    const trades = jobs.filter((job) => job.state === "RUNNING").reduce((sum, job) => sum + (job.trades ?? 0), 0);
    const last = this.samples.at(-1);
    const now = Date.now();
    const rate = last && trades >= last.trades ? (1_000 * (trades - last.trades)) / (now - last.now) : 0;
    this.samples = [...this.samples, { now, trades, rate }].slice(-KEPT);
  }

  draw(jobs) {
    const since = Date.now() - KEPT * EVERY_MS;
    const top = Math.max(1, ...this.samples.map((sample) => sample.rate));
    const x = (ms) => ((300 * (ms - since)) / (KEPT * EVERY_MS)).toFixed(1);
    const line = this.samples.map(({ now, rate }, index) => `${index ? "L" : "M"}${x(now)},${(66 - (60 * rate) / top).toFixed(1)}`);
    const starts = jobs.filter((job) => job.started_ms > since);
    const marks = starts.map((job) => `<line x1="${x(job.started_ms)}" x2="${x(job.started_ms)}" y1="0" y2="70"/>`);
    element("throughput").innerHTML = `${marks.join("")}<path d="${line.join("")}"/>`;
    const rate = Math.round(this.samples.at(-1)?.rate ?? 0);
    element("throughput").setAttribute("aria-label", `${number.format(rate)} trades a second, at most ${number.format(Math.round(top))}`);
    const told = starts.map((job) => `${job.name} started ${new Date(job.started_ms).toLocaleTimeString()}`);
    element("runs").textContent = [`now ${number.format(rate)}, at most ${number.format(Math.round(top))} in 5 min`, ...told].join(" · ");
  }
}

function alerts(jobs, firing, quality, health) {
  const found = health.parts.filter((part) => !part.healthy).map((part) => ["bad", `${part.name} ${part.detail}`]);
  if (jobs?.problem) found.push(["bad", jobs.problem.message]);
  else if (jobs) {
    const running = jobs.filter((job) => job.state === "RUNNING");
    if (!running.length) found.push(["warn", "no job runs on the cluster"]);
    for (const job of jobs.filter((each) => !["RUNNING", "FINISHED", "CANCELED"].includes(each.state))) found.push(["bad", `${job.name} is ${job.state}`]);
    for (const job of running) {
      const age = Date.now() - (job.latest_checkpoint_ms ?? job.started_ms);
      if (age > OLD_CHECKPOINT_MS) found.push(["bad", `${job.name}: no checkpoint for ${ago(age)}`]);
    }
  }
  for (const { severity, summary, since } of firing) {
    found.push([severity === "critical" ? "bad" : "warn", since ? `${summary} (for ${ago(Date.now() - Date.parse(since))})` : summary]);
  }
  for (const each of quality.filter((minute) => minute.score !== null && minute.score < LOW_SCORE)) found.push(["warn", `quality of ${each.symbol}: ${percent(each.score)}`]);
  const shown = found.length ? found : [["good", "nothing is wrong"]];
  return shown.map(([kind, text]) => made("p", `alert ${kind}`, text));
}

function card(job) {
  const rows = {
    trades: job.trades === undefined ? undefined : number.format(job.trades),
    duplicates: job.duplicates,
    late: job.lateTrades,
    rejected: job.rejectedTrades,
    watermark: job.watermark_ms ? new Date(job.watermark_ms).toISOString().slice(0, 19).replace("T", " ") : undefined,
    checkpoint: job.latest_checkpoint_ms ? `${ago(Date.now() - job.latest_checkpoint_ms)} ago, took ${job.latest_checkpoint_took_ms} ms` : "none yet",
    "failed checkpoints": job.failed_checkpoints || undefined,
    restarts: job.restarts || undefined,
    "running for": ago(Date.now() - job.started_ms),
  };
  return titled(job.name, "good", "running", rows);
}

function judged(minute) {
  const isGood = minute.score === null || minute.score >= LOW_SCORE;
  const score = minute.score === null ? "not known" : percent(minute.score);
  return titled(`quality ${minute.symbol}`, isGood ? "good" : "warn", score, { minute: minute.window_start.slice(11, 16), finding: minute.finding ?? undefined });
}

function titled(title, kind, state, rows) {
  const card = made("article", "card");
  const heading = made("h3", "", title);
  heading.append(made("span", kind, state));
  const list = document.createElement("dl");
  for (const [name, value] of Object.entries(rows)) {
    if (value !== undefined) list.append(made("dt", "", name), made("dd", "", value));
  }
  card.append(heading, list);
  return card;
}

function made(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function ago(ms) {
  const s = Math.max(0, Math.round(ms / 1_000));
  return s < 120 ? `${s} s` : s < 7_200 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3_600)} h`;
}

const percent = (share) => `${(100 * share).toFixed(1)} %`;
