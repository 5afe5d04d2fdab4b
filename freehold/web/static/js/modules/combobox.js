// A field and the list under it (the combobox pattern of WAI-ARIA): the keyboard stays in the field, arrows choose.
// Options are links, so that they open in another tab as well.

// What the hub suggests for words: [{label, items: [{text, note, address}]}]. The last answers are kept.
const kept = new Map();
export async function suggestions(words, signal) {
  if (!words) return [];
  if (!kept.has(words)) {
    const answer = await fetch(`${document.body.dataset.suggest}?q=${encodeURIComponent(words)}`, { signal, headers: { Accept: "application/json" } });
    if (!answer.ok) return [];
    if (kept.size > 40) kept.clear();
    kept.set(words, await answer.json());
  }
  return kept.get(words);
}

// `find(words, signal)` gives groups as above; an item with `act` in place of an address does it. `always`: the list
// stays open, and its first option is chosen. Returns `{show}`, which asks anew.
export function combobox(input, list, said, find, { always = false } = {}) {
  let at = -1, options = [], timer, flight;
  Object.assign(list, { id: `${input.id}-list`, hidden: !always });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Suggestions");
  for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-controls", list.id], ["aria-expanded", String(always)]]) input.setAttribute(name, value);

  function choose(next) {
    options[at]?.setAttribute("aria-selected", "false");
    at = next;
    options[at]?.setAttribute("aria-selected", "true");
    options[at]?.scrollIntoView({ block: "nearest" });
    if (options[at]) input.setAttribute("aria-activedescendant", options[at].id);
    else input.removeAttribute("aria-activedescendant");
  }
  function open(is) {
    if (always) return;
    list.hidden = !is;
    input.setAttribute("aria-expanded", String(is));
    if (!is) choose(-1);
  }
  function draw(groups, words) {
    options = [];
    list.replaceChildren(...groups.filter((group) => group.items.length).map((group, g) => {
      const box = element("div", { role: "group", "aria-label": group.label });
      box.append(element("div", { class: "suggest-label", "aria-hidden": "true" }, group.label));
      for (const item of group.items) {
        const option = element("a", { role: "option", id: `${list.id}-${options.length}`, tabindex: "-1", "aria-selected": "false" });
        if (item.address) option.href = item.address;
        if (item.act) option.addEventListener("click", (event) => { event.preventDefault(); item.act(); });
        const text = element("bdi", {});
        text.append(...marked(item.text, words));
        option.append(text);
        if (item.note) option.append(element("span", { class: "note" }, item.note));
        options.push(option);
        box.append(option);
      }
      return box;
    }));
    choose(always && options.length ? 0 : -1);
    said.textContent = words ? `${options.length} ${options.length === 1 ? "suggestion" : "suggestions"}` : "";
    open(options.length > 0 && document.activeElement === input);
  }
  async function show() {
    flight?.abort();
    flight = new AbortController();
    const words = input.value.trim(), { signal } = flight;
    try {
      const groups = await find(words, signal);
      if (!signal.aborted) draw(groups, words);
    } catch (error) {
      if (!signal.aborted) draw([], words); // no network: the field still searches
    }
  }

  input.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, 120); });
  input.addEventListener("focus", () => { if (input.value.trim() && list.hidden) show(); });
  input.addEventListener("blur", () => open(false));
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the keyboard while one clicks
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (list.hidden) show();
      else if (options.length) choose(at < 0 && step < 0 ? options.length - 1 : (at + step + options.length) % options.length);
    } else if (event.key === "Enter" && !list.hidden && options[at]) {
      event.preventDefault();
      options[at].click();
    } else if (event.key === "Escape" && !always && !list.hidden) {
      event.preventDefault();
      event.stopPropagation();
      open(false);
    }
  });
  return { show };
}

export function element(tag, attributes = {}, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text) made.textContent = text;
  return made;
}

function marked(text, words) {
  const from = words ? text.toLowerCase().indexOf(words.toLowerCase()) : -1;
  if (from < 0) return [text];
  return [text.slice(0, from), element("mark", {}, text.slice(from, from + words.length)), text.slice(from + words.length)];
}
