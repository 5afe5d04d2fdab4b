// The list of files: a row each, as far as a page stands them; those that need a look come first.
import { sentOf } from "./sending.js";

const MAX_ROWS = 150;
const FIRST = { failed: 0, sending: 1, hashing: 1, asked: 2, waiting: 2, new: 2, sent: 3, ready: 4, ignored: 5 };

export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let value = bytes, at = -1;
  do { value /= 1000; at++; } while (value >= 999.5 && at < units.length - 1);
  return `${value >= 99.95 ? Math.round(value) : Number(value.toPrecision(3))} ${units[at]}`;
}

export const plural = (number, one) => `${number.toLocaleString("en")} ${number === 1 ? one : `${one}s`}`;

export class Rows {
  // ``act(what, item)`` does what a row's button says: pause, resume, remove.
  constructor(list, rest, act) { Object.assign(this, { list, rest, act, made: new Map() }); }

  show(items, isPaused) {
    const order = items.length > MAX_ROWS ? [...items].sort((one, other) => rank(one) - rank(other)) : items;
    const shown = order.slice(0, MAX_ROWS), left = order.slice(MAX_ROWS);
    const wanted = shown.map((item) => this.made.get(item) || this.make(item));
    for (const [item, row] of this.made) if (!shown.includes(item)) { row.remove(); this.made.delete(item); }
    wanted.forEach((row, at) => { if (this.list.children[at] !== row) this.list.insertBefore(row, this.list.children[at] || null); });
    for (const item of shown) update(this.made.get(item), item, isPaused);
    this.rest.hidden = !left.length;
    this.rest.textContent = `and ${plural(left.length, "more file")}, ${size(left.reduce((sum, item) => sum + item.size, 0))}`;
  }

  make(item) {
    const row = document.createElement("li");
    row.innerHTML = '<span class="mono clip"></span><span class="n"></span><span class="row-buttons"><button class="button is-small is-quiet" type="button"></button></span><progress class="progress" hidden></progress><span class="state"><span></span><span></span></span>';
    row.querySelector("button").addEventListener("click", () => this.act(row.dataset.act, item));
    this.made.set(item, row);
    return row;
  }
}

const rank = (item) => item.pathError ? 0 : FIRST[item.state] ?? 2;

function update(row, item, isPaused) {
  const [name, bytes, buttons, progress, state] = row.children;
  const isFailed = Boolean(item.pathError) || item.state === "failed";
  const isHeld = !isFailed && (isPaused || item.isPaused) && ["waiting", "hashing", "asked", "sending"].includes(item.state);
  row.className = isFailed ? "is-failed" : isHeld ? "is-paused" : item.state === "sent" ? "is-done" : item.state === "ignored" ? "is-out" : "";
  put(name, item.path);
  name.title = item.path;
  put(bytes, size(item.size));
  const what = item.pathError ? "remove" : isFailed ? "resume" : item.state === "sending" || item.isPaused ? item.isPaused ? "resume" : "pause" : "remove";
  const words = { remove: "Remove", pause: "Pause", resume: isFailed ? "Try again" : "Resume" }[what];
  row.dataset.act = what;
  put(buttons.firstElementChild, words);
  buttons.firstElementChild.setAttribute("aria-label", `${words} ${item.path}`);
  second(row, buttons, what !== "remove", item);
  const share = item.state === "hashing" ? (item.read || 0) / item.size : sentOf(item) / item.size;
  progress.hidden = isFailed || !["hashing", "sending"].includes(item.state);
  progress.className = isHeld ? "progress is-paused" : "progress";
  progress.setAttribute("aria-label", item.path);
  progress.value = share || 0;
  const [left, right] = said(item, isFailed, isHeld);
  put(state.firstElementChild, left);
  put(state.lastElementChild, right);
}

// Beside pausing, a file can always be left out.
function second(row, buttons, isWanted, item) {
  const there = buttons.children[1];
  if (!isWanted) { there?.remove(); return; }
  if (there) return;
  const button = buttons.firstElementChild.cloneNode();
  button.textContent = "Remove";
  button.setAttribute("aria-label", `Remove ${item.path}`);
  button.addEventListener("click", () => { row.dataset.act = "remove"; buttons.firstElementChild.click(); });
  buttons.append(button);
}

const put = (element, text) => { if (element.textContent !== text) element.textContent = text; };

function said(item, isFailed, isHeld) {
  const replaces = item.replaces ? item.replaces === item.oid ? "as it is there already" : "replaces what is there" : "";
  if (isFailed) return [item.pathError || item.error, ""];
  if (isHeld) return [`paused${item.state === "sending" ? `, ${size(sentOf(item))} sent` : ""}`, replaces];
  if (!navigator.onLine && item.state === "sending") return ["the connection was lost; goes on by itself", ""];
  switch (item.state) {
    case "ignored": return ["left out: .gitignore says so", ""];
    case "ready": return ["goes with the commit", replaces];
    case "hashing": return [`its checksum is computed, ${Math.round((item.read || 0) / item.size * 100)} %`, replaces];
    case "sent": return [item.wasHere ? "on this hub already, nothing sent" : "sent and checked", replaces];
    case "sending": {
      const done = item.parts.filter((part) => part.etag).length;
      const kept = item.kept ? `, ${plural(item.kept, "part")} from before` : "";
      return [`${size(sentOf(item))} sent`, item.parts.length > 1 ? `${done} of ${item.parts.length} parts${kept}` : replaces];
    }
  }
  return ["waiting", replaces];
}
