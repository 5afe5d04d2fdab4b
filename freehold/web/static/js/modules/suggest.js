// The search field says what may be meant while one types; sent, it searches as it does without script.
import { combobox, element, suggestions } from "./combobox.js";

export default function suggest(form) {
  const input = form.querySelector('input[type="search"]');
  const list = element("div", { class: "suggest" }), said = element("span", { class: "sr", role: "status" });
  form.append(list, said);
  combobox(input, list, said, async (words, signal) => {
    const found = await suggestions(words, signal);
    if (!words) return [];
    const address = `${form.action}?search=${encodeURIComponent(words)}`;
    return [...found, { label: "Everything", items: [{ text: `Search for “${words}”`, address }] }];
  });
}
