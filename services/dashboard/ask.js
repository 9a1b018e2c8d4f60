// Requests to the API, with the key where one is needed; it is kept for this tab only.
const KEY = "tickloom-key";

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export function useKey(key) {
  sessionStorage.setItem(KEY, key);
}

export async function ask(path, parameters = {}, options = {}) {
  const query = new URLSearchParams(Object.entries(parameters).filter(([, value]) => value !== undefined));
  const key = sessionStorage.getItem(KEY);
  const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
  const answer = await fetch(`${path}?${query}`, { ...options, headers });
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Problem(answer.status, typeof said.detail === "string" ? said.detail : answer.statusText);
  }
  return answer;
}

export async function askJson(path, parameters) {
  return (await ask(path, parameters, { signal: AbortSignal.timeout(10_000) })).json();
}
