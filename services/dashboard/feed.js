// A stream of committed candles that comes back by itself, from where it was.
import { ask } from "./ask.js";

const SILENCE_MS = 40_000; // the server says something every 15 s
const RETRY_MS = 1_000;

export class Feed {
  // `told` hears each candle, `changed` the state: live, or lost with the reason.
  constructor(parameters, told, changed) {
    this.parameters = parameters;
    this.told = told;
    this.changed = changed;
    this.ended = new AbortController();
    this.sequence = undefined;
    this.run();
  }

  close() {
    this.ended.abort();
  }

  async run() {
    while (!this.ended.signal.aborted) {
      try {
        await this.listen();
      } catch (problem) {
        if (this.ended.signal.aborted) return;
        if (problem.status === 410) this.sequence = undefined;
        this.changed("lost", problem);
      }
      await new Promise((resume) => setTimeout(resume, RETRY_MS));
    }
  }

  async listen() {
    const attempt = new AbortController();
    const signal = AbortSignal.any([attempt.signal, this.ended.signal]);
    let silence = setTimeout(() => attempt.abort(), SILENCE_MS);
    try {
      const headers = this.sequence ? { "Last-Event-ID": this.sequence } : {};
      const answer = await ask("/v1/stream", this.parameters, { headers, signal });
      this.changed("live");
      for await (const event of events(answer.body)) {
        clearTimeout(silence);
        silence = setTimeout(() => attempt.abort(), SILENCE_MS);
        this.take(event);
      }
      throw new Error("the server ended the stream");
    } finally {
      clearTimeout(silence);
    }
  }

  take(event) {
    if (event.name === "error") throw Object.assign(new Error(event.data.detail), { status: event.data.status });
    if (event.id) this.sequence = event.id;
    if (event.name === "message") this.told(event.data);
  }
}

async function* events(body) {
  let text = "";
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop();
    for (const block of blocks) yield parsed(block);
  }
}

function parsed(block) {
  const event = { name: "message", data: {} };
  for (const line of block.split("\n")) {
    const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field === "id") event.id = value;
    if (field === "event") event.name = value;
    if (field === "data") event.data = JSON.parse(value);
  }
  return event;
}
