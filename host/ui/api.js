// The server's API, with the token of this tab.

const BASE = new URL("../", document.baseURI);
const TOKEN = "leeway-token";
const WAIT_MAX = 60_000;

// An answer that is no success, in words.
export class Refused extends Error {
  constructor(status, problem) {
    super(words(status, problem));
    this.status = status;
    this.problem = problem;
  }
}

function words(status, problem) {
  if (status === 0) return "The server does not answer.";
  if (status === 401) return token() ? "The server does not know this token, or it has expired." : "The server asks for a token.";
  if (status === 403) return `This token may not do that: ${problem?.detail ?? "it lacks a scope"}.`;
  if (status === 503) return `The server is busy or not ready: ${problem?.detail ?? problem?.title ?? "try again soon"}.`;
  const errors = (problem?.errors ?? []).filter((one) => !problem.detail?.includes(one.reason)).map((one) => [one.field, one.reason].filter(Boolean).join(": "));
  return [problem?.detail ?? problem?.title ?? `The server answered ${status}.`, ...errors].join(" · ");
}

export const token = () => sessionStorage.getItem(TOKEN);

export function keep(value) {
  if (value) sessionStorage.setItem(TOKEN, value);
  else sessionStorage.removeItem(TOKEN);
}

const listeners = new Set();
// Calls `listener` with the status of every answer; 0 where there was none.
export const watch = (listener) => listeners.add(listener);
const tell = (status) => listeners.forEach((listener) => listener(status));

export const address = (path) => new URL(path.replace(/^\//, ""), BASE);
export const part = encodeURIComponent;

// Sends a request; the answer as JSON, or as text where it is none.
export async function ask(path, { method = "GET", query, body, type, signal, raw } = {}) {
  const url = address(path);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null && value !== "") url.searchParams.set(name, value);
  }
  const headers = { accept: "application/json" };
  if (token()) headers.authorization = `Bearer ${token()}`;
  if (body !== undefined) headers["content-type"] = type ?? "application/json";
  const late = AbortSignal.timeout(WAIT_MAX);
  let answer;
  try {
    answer = await fetch(url, {
      method, headers, cache: "no-store",
      body: body === undefined || type ? body : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, late]) : late,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    tell(0);
    throw new Refused(0);
  }
  tell(answer.status);
  if (!answer.ok) {
    let problem = null;
    try { problem = await answer.json(); } catch { /* Not from this server: its status says what there is to say. */ }
    throw new Refused(answer.status, problem);
  }
  if (raw) return answer;
  const content = answer.headers.get("content-type") ?? "";
  if (answer.status === 204 || answer.headers.get("content-length") === "0") return null;
  const text = await answer.text();
  return content.includes("json") && text ? JSON.parse(text) : text;
}

export const post = (path, body) => ask(path, { method: "POST", body });
