// The upload page: what was dropped, how far it is, what a commit will do with it. The plain form is there without it.
import { Refused, json } from "../upload/calls.js";
import { commit, consider, weight } from "../upload/commit.js";
import { chosen, dropped } from "../upload/finding.js";
import * as plans from "../upload/plan.js";
import { Rows, plural, size } from "../upload/rows.js";
import { Sending, sentOf } from "../upload/sending.js";

const SAVED_MS = 700, TOLD_MS = 250;

export default function upload(form) {
  const { api, rev, folder, tree, plan: key } = form.dataset;
  const part = (name) => form.querySelector(`[data-${name}]`);
  const isProposal = "proposes" in form.dataset;
  const asked = (what, opens) => `${api}/${what}/${rev}${opens ? "?create_pr=1" : ""}`;
  const state = { items: [], seen: "", before: null, isCommitting: false, isDone: false, isLooking: 0 };
  const sending = new Sending(asked("uploads", isProposal), later(tell, TOLD_MS));
  const rows = new Rows(part("rows"), part("rest"), act);
  const save = later(remember, SAVED_MS);

  // ---- what is to be sent --------------------------------------------------------------------------------------

  async function add(found) {
    const isFolder = found.length > 0 && found.every((one) => one.isInFolder);
    const top = isFolder ? found[0].given.split("/")[0] : "";
    const isOne = isFolder && found.every((one) => one.given.startsWith(`${top}/`));
    const known = new Map((state.before?.files || []).map((one) => [`${one.path}\n${one.size}\n${one.modified}`, one]));
    const added = found.map(({ given, file }) => {
      const item = { given, top: isOne ? top : "", file, size: file.size, modified: file.lastModified, state: "new", error: "" };
      item.path = place(item);
      const was = known.get(`${item.path}\n${item.size}\n${item.modified}`);
      return Object.assign(item, { oid: was?.oid || "", done: Boolean(was?.isSent) });
    });
    const paths = new Set(added.map((item) => item.path));
    for (const item of state.items.filter((one) => paths.has(one.path))) act("remove", item);
    state.items.push(...added);
    if (state.before && added.some((item) => known.has(`${item.path}\n${item.size}\n${item.modified}`))) { state.before = null; say(); }
    if (!found.length) say("warn", "Nothing to send was in there: .git folders and files that systems leave behind are left out.");
    await look(added);
  }

  const place = (item) => [folder, item.top && !state.keepsFolder ? item.given.slice(item.top.length + 1) : item.given].filter(Boolean).join("/");

  async function look(items) {
    state.isLooking++;
    tell();
    try {
      state.seen = await consider(asked("preupload", isProposal), items) || state.seen;
      for (const item of items) if (item.state === "new" && !item.pathError) start(item);
      sending.add(items.filter((item) => item.mode === "lfs" && !item.isIgnored && !item.isQueued && !item.pathError).map((item) => Object.assign(item, { isQueued: true })));
    } catch (error) {
      for (const item of items) if (item.state === "new") Object.assign(item, { state: "failed", error: error.message });
    }
    state.isLooking--;
    tell();
    save();
  }

  function start(item) {
    if (item.isIgnored) item.state = "ignored";
    else if (item.size > Number(form.dataset.largest)) Object.assign(item, { state: "failed", isQueued: true, error: `The largest file that this hub keeps has ${size(Number(form.dataset.largest))}.` });
    else item.state = item.mode !== "lfs" ? "ready" : item.oid ? "asked" : "waiting";
  }

  function act(what, item) {
    if (what === "pause") sending.pause(item);
    if (what === "resume") {
      if (item.mode || item.isQueued) sending.resume(item);
      else { item.state = "new"; look([item]); }
    }
    if (what === "remove") {
      state.items = state.items.filter((other) => other !== item);
      sending.remove(item);
    }
    tell();
    save();
  }

  // ---- what is told ----------------------------------------------------------------------------------------------

  const live = () => state.items.filter((item) => item.state !== "ignored");
  const isSettled = (item) => !item.pathError && (item.state === "sent" || item.state === "ready");

  function tell() {
    const items = live(), total = items.reduce((sum, item) => sum + item.size, 0);
    const large = items.filter((item) => item.mode === "lfs");
    part("list").hidden = !state.items.length;
    part("total").textContent = `${plural(items.length, "file")}, ${size(total)}`;
    part("rate").textContent = rate(large);
    const isMoving = large.some((item) => item.state !== "sent" && item.state !== "failed");
    part("pause").hidden = !isMoving;
    part("pause").querySelector("span").textContent = sending.isPaused ? "Resume all" : "Pause all";
    const replaced = items.filter((item) => item.replaces && item.replaces !== item.oid).length;
    part("replaces").hidden = !replaced;
    part("replaces").textContent = `${plural(replaced, "file")} of the same name ${replaced === 1 ? "is" : "are"} there already and will be replaced.`;
    const tops = new Set(state.items.map((item) => item.top));
    const top = tops.size === 1 ? [...tops][0] : "";
    part("keep").hidden = !top;
    part("keep").querySelector("span").textContent = `Keep the folder: put them in ${[folder, top].filter(Boolean).join("/")}/`;
    rows.show(state.items, sending.isPaused);
    ready(items);
  }

  function ready(items) {
    const open = items.filter((item) => !isSettled(item));
    const failed = open.filter((item) => item.state === "failed" || item.pathError).length;
    const tooMuch = items.reduce((sum, item) => sum + weight(item), 0) > Number(form.dataset.most);
    const isReady = items.length > 0 && !open.length && !tooMuch && !state.isCommitting && !state.isLooking;
    for (const button of form.querySelectorAll('[name="how"]')) button.disabled = !isReady;
    const words = !items.length ? "" : tooMuch ? `The small files are more than one commit takes, ${size(Number(form.dataset.most))}: remove some and bring them after.`
      : failed ? `${plural(failed, "file")} cannot be sent as ${failed === 1 ? "it is" : "they are"}: remove ${failed === 1 ? "it" : "them"}, or try again.`
      : open.length ? `Possible when every file is checked and sent; ${plural(open.length, "file")} to go.` : "Everything is here: one commit publishes all of it.";
    part("ready").hidden = !words;
    if (part("ready").textContent !== words) part("ready").textContent = words;
  }

  const speed = { at: performance.now(), bytes: 0, rate: 0 };
  function rate(large) {
    const now = performance.now();
    if (now - speed.at > 1000) {
      const rate = (sending.bytes - speed.bytes) / (now - speed.at) * 1000;
      Object.assign(speed, { at: now, bytes: sending.bytes, rate: speed.rate && rate ? 0.6 * speed.rate + 0.4 * rate : rate });
    }
    if (!large.length) return "";
    const sent = large.reduce((sum, item) => sum + sentOf(item), 0), total = large.reduce((sum, item) => sum + item.size, 0);
    if (sent >= total) return "";
    const left = speed.rate > 1 && !sending.isPaused ? `, ${size(speed.rate)}/s, ${duration((total - sent) / speed.rate)} left` : "";
    return `${size(sent)} of ${size(total)} sent${left}`;
  }

  function say(kind, ...lines) {
    const notice = document.createElement("div");
    notice.className = `notice is-${kind}`;
    const within = document.createElement("div");
    for (const one of lines) {
      const line = document.createElement("p");
      line.append(...[one].flat());
      within.append(line);
    }
    notice.append(document.createElement("span"), within);
    part("told").replaceChildren(...kind ? [notice] : []);
  }

  // ---- what is remembered -----------------------------------------------------------------------------------------

  function remember() {
    if (state.isDone || !state.items.length) return;
    const files = live().map(({ path, size: bytes, modified, oid, mode, state: now }) => ({ path, size: bytes, modified, oid: oid || "", isLarge: mode === "lfs", isSent: now === "sent" }));
    plans.write(key, { files, summary: form.elements.summary.value, description: form.elements.description.value });
  }

  async function recall() {
    const before = await plans.read(key);
    if (!before?.files?.length || state.items.length) return;
    state.before = before;
    for (const name of ["summary", "description"]) form.elements[name].value ||= before[name] || "";
    const sent = before.files.filter((one) => one.isSent).length, names = before.files.slice(0, 5).map((one) => one.path).join(", ");
    const forget = button("Forget them", () => { plans.forget(key); state.before = null; say(); });
    say("info", `${sent} of ${plural(before.files.length, "file")} were sent and not committed yet. Drop the same files or folder again to go on where it stopped.`, [`${names}${before.files.length > 5 ? " and others" : ""}. `, forget]);
  }

  // ---- the commit ---------------------------------------------------------------------------------------------------

  async function publish(opens) {
    state.isCommitting = true;
    part("committing").hidden = false;
    tell();
    const items = live();
    const summary = form.elements.summary.value.trim() || usual(items);
    const header = { summary, description: form.elements.description.value.trim(), parentCommit: state.seen };
    try {
      const done = await commit(asked("commit", opens), header, items, (share) => { part("committing").firstElementChild.value = share * 100; });
      state.isDone = true;
      await plans.forget(key);
      location.assign(done.pullRequestUrl ? new URL(done.pullRequestUrl).pathname : tree);
    } catch (error) {
      part("committing").hidden = true;
      state.isCommitting = false;
      if (error instanceof Refused && error.status === 412) await moved(items);
      else say("danger", bold("Nothing was committed."), `${error.message} What was sent stays, and so does what you typed.`);
      tell();
    }
  }

  const usual = (items) => items.length === 1 ? `Upload ${items[0].path}` : `Upload ${items.length.toLocaleString("en")} files${folder ? ` to ${folder}` : ""}`;

  // Somebody was faster: who, with what, and which of these files it is about.
  async function moved(items) {
    const before = new Map(items.map((item) => [item.path, item.replaces])), seen = state.seen;
    try {
      const [newest] = await json(`${api}/commits/${rev}?limit=1`);
      state.seen = await consider(asked("preupload", isProposal), items) || state.seen;
      const touched = items.filter((item) => item.replaces !== before.get(item.path)).map((item) => item.path);
      const compare = document.createElement("a");
      Object.assign(compare, { href: `${location.pathname.split("/upload/")[0]}/compare/${seen}..${state.seen}`, target: "_blank", textContent: "Look at what is new" });
      say("warn", bold("Nothing was committed yet: the branch moved on while the files were sent."),
        [`${newest.authors?.[0]?.user || "Somebody"} committed “${newest.title}”. `, compare, "."],
        touched.length ? `It changed ${touched.slice(0, 5).join(", ")}${touched.length > 5 ? " and others" : ""}, which yours would replace. Commit again to do that.` : "None of your files is touched. Commit again.");
    } catch (error) {
      say("danger", bold("Nothing was committed: the branch moved on."), error.message);
    }
  }

  // ---- what people do -----------------------------------------------------------------------------------------------

  part("plain").remove();
  const drop = part("drop");
  drop.hidden = part("ready").hidden = false;
  for (const name of ["files", "folder"]) {
    const input = form.querySelector(`[data-input="${name}"]`);
    form.querySelector(`[data-choose="${name}"]`).addEventListener("click", () => input.click());
    input.addEventListener("change", () => { const found = chosen(input.files); input.value = ""; add(found); });
  }
  let over = 0;
  const carries = (event) => [...event.dataTransfer?.types || []].includes("Files");
  addEventListener("dragenter", (event) => { if (carries(event)) { over++; drop.classList.add("is-over"); } });
  addEventListener("dragleave", (event) => { if (carries(event) && --over <= 0) { over = 0; drop.classList.remove("is-over"); } });
  addEventListener("dragover", (event) => { if (carries(event)) event.preventDefault(); });
  addEventListener("drop", async (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    over = 0;
    drop.classList.remove("is-over");
    try { await add(await dropped(event.dataTransfer)); } catch (error) { say("danger", bold("What was dropped could not be read."), error.message); }
  });
  part("pause").addEventListener("click", () => sending.pauseAll(!sending.isPaused));
  part("keep").firstElementChild.addEventListener("change", (event) => {
    state.keepsFolder = event.target.checked;
    for (const item of state.items) item.path = place(item);
    look(state.items);
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); if (!state.isCommitting) publish(event.submitter?.value !== "commit"); });
  form.addEventListener("input", (event) => { if (event.target.name) save(); });
  addEventListener("beforeunload", (event) => { if (!state.isDone && live().length) { remember(); event.preventDefault(); } });
  addEventListener("online", () => sending.pump());
  tell();
  recall();
}

const bold = (text) => Object.assign(document.createElement("b"), { textContent: text });
const button = (text, act) => {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "link-button", textContent: text });
  made.addEventListener("click", act);
  return made;
};

// ``work`` at most once in ``ms``, and once more after the last call.
function later(work, ms) {
  let waiting = 0;
  return () => { waiting ||= setTimeout(() => { waiting = 0; work(); }, ms); };
}

function duration(seconds) {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}
