// Calls to the hub: answers in JSON, bodies with progress, tried again while the trouble may pass.
const TRIES = 6;
const PASSING = new Set([0, 408, 425, 429, 500, 502, 503, 504]);

export class Refused extends Error {
  constructor(status, message) { super(message); this.status = status; }
}

export const wait = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const isOnline = () => navigator.onLine ? Promise.resolve() : new Promise((resolve) => { addEventListener("online", resolve, { once: true }); });

// ``send`` again and again, with longer and longer pauses; a lost connection is waited for.
export async function patiently(send, signal) {
  for (let tried = 1; ; tried++) {
    signal?.throwIfAborted();
    try {
      return await send();
    } catch (error) {
      if (signal?.aborted || !(error instanceof Refused) || !PASSING.has(error.status) || tried >= TRIES) throw error;
      await wait(Math.min(500 * 2 ** tried, 15_000));
      await isOnline();
    }
  }
}

export function call(method, address, { body, type, signal, progress } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of how much of a body was sent
    request.open(method, address);
    request.setRequestHeader("Accept", "application/json");
    if (type) request.setRequestHeader("Content-Type", type);
    if (progress) request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => request.status < 400 ? resolve(request) : reject(new Refused(request.status, said(request)));
    request.onerror = () => reject(new Refused(0, "The hub cannot be reached. Look at your connection, then try again."));
    request.onabort = () => reject(new DOMException("Aborted", "AbortError"));
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

export async function json(address, value, signal) {
  const answer = await patiently(() => call(value === undefined ? "GET" : "POST", address, { body: value === undefined ? null : JSON.stringify(value), type: "application/json", signal }), signal);
  return JSON.parse(answer.responseText);
}

function said(request) {
  try { return JSON.parse(request.responseText).error || request.statusText; } catch { return request.statusText || `The hub answered ${request.status}.`; }
}
