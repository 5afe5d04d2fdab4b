// Names to choose from while one types "@" in a text. The text keeps the keyboard; arrows choose, Enter or Tab takes,
// Escape leaves it as it is typed.
import { element, suggestions } from "./combobox.js";

const OPEN = /(^|[\s(])@([\w.-]{1,40})$/;
const MOST = 6;

export default function begin(text) {
  const list = element("div", { class: "suggest", role: "listbox", id: `${text.id}-names`, "aria-label": "Names" });
  let options = [], at = -1, flight;
  list.hidden = true;
  text.after(list);
  for (const [name, value] of [["aria-autocomplete", "list"], ["aria-controls", list.id]]) text.setAttribute(name, value);

  function choose(next) {
    options[at]?.setAttribute("aria-selected", "false");
    at = next;
    options[at]?.setAttribute("aria-selected", "true");
    if (options[at]) text.setAttribute("aria-activedescendant", options[at].id);
    else text.removeAttribute("aria-activedescendant");
  }
  function close() { list.hidden = true; choose(-1); }
  function take(name) {
    const start = text.value.slice(0, text.selectionStart).lastIndexOf("@");
    text.setRangeText(`@${name} `, start, text.selectionStart, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
    close();
  }
  text.addEventListener("input", async () => {
    flight?.abort();
    const open = OPEN.exec(text.value.slice(0, text.selectionStart));
    if (!open) return close();
    flight = new AbortController();
    const { signal } = flight;
    const groups = await suggestions(open[2], signal).catch(() => []);
    if (signal.aborted) return;
    const names = groups.flatMap((group) => group.items).filter((item) => item.address === `/${item.text}`).slice(0, MOST);
    options = names.map((item, number) => {
      const option = element("div", { role: "option", id: `${list.id}-${number}`, "aria-selected": "false" });
      option.append(element("bdi", {}, item.text));
      if (item.note) option.append(element("span", { class: "note" }, item.note));
      option.addEventListener("mousedown", (event) => { event.preventDefault(); take(item.text); });
      return option;
    });
    list.replaceChildren(...options);
    list.hidden = !options.length;
    choose(options.length ? 0 : -1);
  });
  text.addEventListener("keydown", (event) => {
    if (list.hidden || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose((at + step + options.length) % options.length);
    else if (event.key === "Enter" || event.key === "Tab") take(options[at].querySelector("bdi").textContent);
    else if (event.key === "Escape") { event.stopPropagation(); close(); }
    else return;
    event.preventDefault();
  });
  text.addEventListener("blur", close);
}
