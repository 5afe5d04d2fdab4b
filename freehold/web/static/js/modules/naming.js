// A form that asks for the name of a repository of one kind: the hub suggests them, and choosing one sends the form.
import { combobox, element, suggestions } from "./combobox.js";

export default function naming(form) {
  const input = form.querySelector("input:not([type=hidden])");
  const list = element("div", { class: "suggest" }), said = element("span", { class: "sr", role: "status" });
  input.after(list, said);
  const item = ({ text, note }) => ({ text, note, act() { input.value = text; form.requestSubmit(); } });
  combobox(input, list, said, async (words, signal) => (await suggestions(words, signal))
    .filter((group) => group.label === form.dataset.label)
    .map(({ label, items }) => ({ label, items: items.map(item) })));
}
