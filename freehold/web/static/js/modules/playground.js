// Talking to one model or two: answers as they come, how fast, what they cost, and what one thought of them.
import { element } from "./combobox.js";
import { asCode } from "./playcode.js";
import { events } from "./sse.js";

export default function playground(root) {
  const form = root.querySelector("form.compose"), box = form.querySelector("textarea");
  const send = form.querySelector("[type=submit]"), used = root.querySelector("[data-used]"), prefer = root.querySelector(".prefer");
  const icons = root.dataset.icons, visitor = root.dataset.visitor;
  const lanes = [...root.querySelectorAll(".lane")].map(lane);
  const store = `playground ${lanes.map((one) => one.model).join(" ")}`;
  let flights = [];

  function lane(section) {
    const list = section.querySelector(".turns"), { model, revision, context, currency } = section.dataset;
    const prices = ["input", "output", "second"].map((name) => Number(section.dataset[`${name}Price`] || 0));
    return { section, list, model, revision, context: Number(context || 0), prices, currency, messages: [], answers: [], asleep: section.querySelector("[data-asleep]") };
  }

  const icon = (name) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "svg"), use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    made.setAttribute("class", "icon"); made.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${icons}#${name}`); made.append(use);
    return made;
  };
  const button = (name, label, act, text = "") => {
    const made = element("button", { class: `button is-small${text ? "" : " is-icon"}`, type: "button", ...(text ? {} : { "aria-label": label }) }, text);
    made.prepend(icon(name));
    made.addEventListener("click", () => act(made));
    return made;
  };

  // ---- parameters, as the form has them
  function parameters() {
    const said = {};
    for (const field of root.querySelectorAll("[data-parameter]")) {
      if (field.value.trim() === "" || field.closest("[hidden]")) continue;
      const value = Number(field.value);
      if (Number.isFinite(value)) said[field.dataset.parameter] = value;
    }
    return said;
  }
  const system = () => root.querySelector("[data-system]").value.trim();
  const whole = (one) => [...(system() ? [{ role: "system", content: system() }] : []), ...one.messages];

  // ---- turns
  function turn(one, who, text, isUser) {
    const item = element("li", isUser ? { class: "user" } : {}), said = element("div", { class: "said" });
    item.append(element("span", { class: "who" }, who), said);
    one.list.append(item);
    show(said, text);
    return { item, said };
  }
  // Plain text; what stands between fences is code. Nothing of an answer is ever read as markup.
  function show(said, text, isGoing = false) {
    said.replaceChildren(...text.split(/^```[^\n]*\n?/m).flatMap((part, n) => {
      if (n % 2) return [element("pre", { tabindex: "0" }, part.replace(/\n$/, ""))];
      return part ? [document.createTextNode(n ? part.replace(/^\n+/, "") : part)] : [];
    }));
    if (isGoing) said.append(element("span", { class: "caret", "aria-hidden": "true" }));
  }
  function trouble(one, item, words, place) {
    const note = element("p", { class: "error" }), said = element("span", {}, words); // one flow of words, not two columns
    if (place) said.append(" ", element("a", { href: place.address }, place.words));
    note.append(said);
    item.append(note);
    one.section.querySelector("[data-live]").textContent = words;
  }

  // ---- asking
  const refused = (error, otherwise) => Object.assign(new Error(error?.message || otherwise), { code: error?.code });
  async function ask(one) {
    const { item, said } = turn(one, one.model.split("/").pop(), "", false);
    show(said, "", true);
    const gauge = element("p", { class: "gauge" }), flight = new AbortController(), began = performance.now();
    const stop = button("pause", "Stop", () => flight.abort(), "Stop"), group = element("span", { class: "button-group" });
    group.append(stop); gauge.append(group); item.append(gauge);
    flights.push(flight);
    // What waits says that it does: a model that is loaded first may take a minute.
    const waiting = setInterval(() => gauge.replaceChildren(element("span", {}, `${one.asleep ? "being loaded" : "waiting"}, ${Math.round((performance.now() - began) / 1000)} s`), group), 1000);
    let text = "", usage = null, timings = null, first = 0, pieces = 0, revision = one.revision, by = "", failed = "", place = null;
    try {
      const body = JSON.stringify({ model: one.model, messages: whole(one), stream: true, stream_options: { include_usage: true }, ...parameters() });
      const answer = await fetch("/v1/chat/completions", { method: "POST", body, signal: flight.signal, headers: { "Content-Type": "application/json", Accept: "text/event-stream" } });
      revision = answer.headers.get("x-freehold-revision") || revision;
      by = answer.headers.get("x-freehold-model") || "";
      if (!answer.ok) throw refused((await answer.json().catch(() => ({})))?.error, `The hub answered ${answer.status}. Send it once more.`);
      for await (const event of events(answer.body)) {
        if (event.error) throw refused(event.error, String(event.error));
        const piece = event.choices?.[0]?.delta?.content;
        if (piece) {
          if (!first) { first = performance.now() - began; clearInterval(waiting); one.asleep?.replaceChildren("ready"); one.asleep = null; }
          pieces += 1; text += piece;
          show(said, text, true);
          measure(gauge, group, one, { first, tokens: pieces, took: performance.now() - began });
        }
        usage = event.usage ?? usage; timings = event.timings ?? timings;
      }
    } catch (err) {
      failed = err.name === "AbortError" ? "" : err.message || "The answer broke off. Send it once more.";
      place = err.code === "insufficient_quota" ? { address: "/settings/usage", words: "What you used" } : null;
    }
    clearInterval(waiting);
    if (!first) gauge.replaceChildren(group);
    flights = flights.filter((other) => other !== flight);
    show(said, text);
    stop.remove();
    if (failed) trouble(one, item, failed, place);
    if (!text) { if (!failed) said.append(element("span", { class: "faint" }, "Stopped before the first word.")); return null; }
    const took = performance.now() - began;
    measure(gauge, group, one, { first, tokens: usage?.completion_tokens ?? pieces, prompt: usage?.prompt_tokens, took, rate: timings?.predicted_per_second, by });
    const messages = whole(one);
    one.messages.push({ role: "assistant", content: text });
    const given = { messages, model: one.model, revision, answer: text, parameters: parameters() };
    group.append(...thumbs(given, item), button("copy", "Copy answer", () => navigator.clipboard?.writeText(text)));
    one.section.querySelector("[data-live]").textContent = `${one.model} has answered.`;
    if (usage) used.textContent = `${(usage.prompt_tokens + usage.completion_tokens).toLocaleString("en")}${one.context ? ` of ${one.context.toLocaleString("en")}` : ""} tokens used`;
    return given;
  }
  function measure(gauge, group, one, { first, tokens, prompt = 0, took, rate, by = "" }) {
    const going = Math.max(1, took - first), figures = [];
    const add = (value, unit) => { const made = element("span", {}); made.append(element("b", {}, value), ` ${unit}`); figures.push(made); };
    if (tokens > 1) add((rate ?? ((tokens - 1) * 1000) / going).toFixed(1), "tokens/s");
    if (first) add((first / 1000).toFixed(2), "s to first");
    add(tokens.toLocaleString("en"), tokens === 1 ? "token" : "tokens");
    const [input, output, second] = one.prices, micros = (prompt * input + tokens * output) / 1e6 + (second * took) / 1000;
    if (micros) add((micros / 1e6).toFixed(6), one.currency);
    if (by && by !== one.model) figures.push(element("span", {}, `by ${by}`)); // a route chose it
    gauge.replaceChildren(...figures, group);
  }

  // ---- what one thought of it
  async function tell(body, said) {
    const answer = await fetch(root.dataset.feedback, { method: "POST", body: JSON.stringify(body), headers: { "Content-Type": "application/json", Accept: "application/json" } });
    const told = await answer.json().catch(() => ({}));
    said.replaceChildren();
    if (answer.ok) said.append(...(told.address ? ["Kept in ", element("a", { class: "mono", href: told.address }, told.place)] : [told.said]));
    else said.append(told.error || "Not kept. Try once more.", " ", element("a", { href: "/playground/feedback" }, "Where feedback is kept"));
    return answer.ok;
  }
  function thumbs(given, item) {
    const said = element("span", { class: "faint small", role: "status" });
    const both = [["like", "Good answer", "up"], ["dislike", "Bad answer", "down"]].map(([name, label, rating]) => {
      const made = button(name, label, async () => {
        if (!await tell({ ...given, rating }, said)) return;
        for (const other of both) other.setAttribute("aria-pressed", String(other === made));
        if (rating === "down") correction();
      });
      made.setAttribute("aria-pressed", "false");
      return made;
    });
    function correction() {
      if (item.querySelector("form")) return;
      const fix = element("form", { class: "stack" }), id = `fix-${Math.random().toString(36).slice(2)}`;
      const text = element("textarea", { class: "textarea", id, maxlength: "100000" }, given.answer), row = element("div", { class: "row" });
      row.append(element("button", { class: "button is-small is-primary" }, "Keep the corrected answer"), element("button", { class: "button is-small", type: "button" }, "No correction"));
      row.lastChild.addEventListener("click", () => fix.remove());
      fix.append(element("label", { for: id }, "What it should have said"), text, row);
      fix.addEventListener("submit", async (event) => {
        event.preventDefault();
        if (await tell({ ...given, rating: "down", corrected: text.value }, said)) fix.remove();
      });
      item.append(fix);
      text.focus();
    }
    item.append(said);
    return visitor ? both : [];
  }

  // ---- the form
  async function go() {
    const text = box.value.trim();
    if (!text || flights.length) return;
    box.value = "";
    if (prefer) prefer.hidden = true;
    send.disabled = true;
    for (const one of lanes) { one.messages.push({ role: "user", content: text }); turn(one, visitor || "you", text, true); }
    const given = await Promise.all(lanes.map(ask));
    send.disabled = false;
    // What nobody answered is not part of the conversation: it is in the box again.
    lanes.forEach((one, n) => { if (!given[n]) one.messages.pop(); });
    if (given.every((one) => !one)) box.value = text;
    if (prefer && given.every(Boolean)) offer(given);
    keep();
    box.focus();
  }
  function offer([left, right]) {
    prefer.hidden = false;
    const said = prefer.querySelector("[data-said]");
    said.replaceChildren();
    for (const one of prefer.querySelectorAll("button")) {
      one.setAttribute("aria-pressed", "false");
      one.onclick = async () => {
        if (!await tell({ messages: left.messages, left, right, better: one.value, parameters: left.parameters }, said)) return;
        for (const other of prefer.querySelectorAll("button")) other.setAttribute("aria-pressed", String(other === one));
      };
    }
  }
  const keep = () => { try { sessionStorage.setItem(store, JSON.stringify(lanes.map((one) => one.messages))); } catch { /* full: it is only for a reload */ } };
  function restore() {
    let kept = null;
    try { kept = JSON.parse(sessionStorage.getItem(store)); } catch { /* not ours */ }
    if (!Array.isArray(kept) || kept.length !== lanes.length || lanes.some((one) => one.list.children.length)) return;
    lanes.forEach((one, n) => {
      one.messages = kept[n];
      for (const said of kept[n]) turn(one, said.role === "user" ? visitor || "you" : one.model.split("/").pop(), said.content, said.role === "user");
    });
  }
  // What was said without script stands in the page.
  for (const one of lanes) for (const item of one.list.children) {
    const said = item.querySelector(".said");
    if (said) one.messages.push({ role: item.classList.contains("user") ? "user" : "assistant", content: said.textContent });
    else one.messages.pop(); // nobody answered it
  }

  form.addEventListener("submit", (event) => { event.preventDefault(); go(); });
  // Where keys are touched, Enter is all there is for a new line.
  const sends = !matchMedia("(pointer: coarse)").matches;
  if (sends) box.placeholder += ". Enter sends, Shift Enter makes a new line.";
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || event.shiftKey || !(sends || event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    go();
  });
  document.querySelector("[data-new]").addEventListener("click", (event) => {
    event.preventDefault();
    for (const flight of flights) flight.abort();
    for (const one of lanes) { one.messages = []; one.list.replaceChildren(); }
    if (prefer) prefer.hidden = true;
    sessionStorage.removeItem(store);
    used.textContent = "";
    box.focus();
  });
  const code = () => asCode(root, { model: lanes[0].model, system: system(), parameters: parameters() });
  root.addEventListener("input", (event) => {
    const out = event.target.id && root.querySelector(`output[for="${event.target.id}"]`);
    if (out) out.textContent = event.target.value;
    code();
  });
  for (const select of root.querySelectorAll(".lane select")) select.addEventListener("change", () => select.form.requestSubmit());
  restore();
  code();
}
