// The command palette (Ctrl K): the places this page leads to, its commands, and what the hub suggests.
import { combobox, element, suggestions } from "./combobox.js";

const MOST = 8;
let dialog, input, shown;

export function open() {
  if (!dialog) make();
  if (dialog.open) return;
  input.value = "";
  dialog.showModal();
  shown.show();
}

function make() {
  dialog = element("dialog", { class: "dialog palette", "aria-label": "Go to, do, or find" });
  const icon = document.querySelector("a.only-phone .icon, .search .icon")?.cloneNode(true) ?? "";
  const field = element("div", { class: "search" });
  input = element("input", { class: "input", id: "palette", type: "text", placeholder: "A place, a command, or a name", maxlength: "100", autocomplete: "off", spellcheck: "false", "aria-label": "A place, a command, or a name" });
  const list = element("div", { class: "suggest" }), said = element("span", { class: "sr", role: "status" });
  field.append(icon, input);
  const foot = element("footer", { "aria-hidden": "true" });
  for (const [key, does] of [["↑↓", "choose"], ["Enter", "open"], ["Esc", "close"]]) {
    const hint = element("span", {});
    hint.append(element("kbd", {}, key), ` ${does}`);
    foot.append(hint);
  }
  dialog.append(field, list, said, foot);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  shown = combobox(input, list, said, find, { always: true });
}

async function find(words, signal) {
  const here = places(words);
  if (!words) return here;
  const address = `${document.body.dataset.search}?search=${encodeURIComponent(words)}`;
  return [...here, ...await suggestions(words, signal), { label: "Everything", items: [{ text: `Search for “${words}”`, address }] }];
}

// Links and buttons of the page's own menus: what the visitor may not do is not among them.
function places(typed) {
  const asked = typed.toLowerCase().split(/\s+/).filter(Boolean), groups = [], seen = new Set();
  let left = typed ? MOST : Infinity;
  const found = [...document.querySelectorAll("[data-places]")].sort((a, b) => Boolean(b.closest("main")) - Boolean(a.closest("main")));
  for (const place of found) {
    const label = place.dataset.places, items = [];
    for (const link of place.querySelectorAll("a[href], button[type=submit]")) {
      const words = link.cloneNode(true);
      words.querySelectorAll(".count").forEach((count) => count.remove());
      const text = words.textContent.trim().replace(/\s+/g, " ");
      const haystack = `${label} ${text}`.toLowerCase(), key = link.href ?? text;
      if (seen.has(key) || left < 1 || !asked.every((word) => haystack.includes(word))) continue;
      seen.add(key);
      left -= 1;
      items.push(link.href ? { text, address: link.getAttribute("href") } : { text, act: () => { dialog.close(); link.click(); } });
    }
    groups.push({ label, items });
  }
  const theme = "Switch between light and dark";
  if (asked.every((word) => theme.toLowerCase().includes(word))) groups.push({ label: "This page", items: [{ text: theme, act: () => { dialog.close(); document.querySelector("[data-theme-toggle]").click(); } }] });
  return groups;
}
