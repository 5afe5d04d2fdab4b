// What is chosen to be compared stays chosen from list to list: kept by kind for this tab.
import { element } from "./combobox.js";

const MOST = 5;

export default function tray(form) {
  const { parameter } = form.dataset, key = `compare-${parameter}`;
  const boxes = [...document.querySelectorAll(`input[form="${form.id}"]`)];
  const chips = form.querySelector(".chips"), said = form.querySelector("[data-said]"), send = form.querySelector("button");
  let chosen = (sessionStorage.getItem(key) ?? "").split(" ").filter(Boolean);

  function take(path, is) {
    chosen = chosen.filter((one) => one !== path);
    if (is && chosen.length < MOST) chosen.push(path);
    sessionStorage.setItem(key, chosen.join(" "));
    draw();
  }
  function chip(path) {
    const made = element("span", { class: "chip" }), out = element("button", { type: "button", "aria-label": `Take ${path} out` }, "×");
    out.addEventListener("click", () => { take(path, false); (chips.querySelector("button") ?? boxes[0])?.focus(); });
    made.append(element("span", { class: "mono" }, path), out, element("input", { type: "hidden", name: parameter, value: path }));
    return made;
  }
  function draw() {
    for (const box of boxes) {
      box.checked = chosen.includes(box.value);
      box.disabled = !box.checked && chosen.length >= MOST;
      box.closest("tr").setAttribute("aria-selected", String(box.checked));
    }
    chips.replaceChildren(...chosen.map(chip));
    said.textContent = `${chosen.length} of ${MOST}`;
    form.hidden = !chosen.length;
    send.disabled = !chosen.length;
  }
  for (const box of boxes) {
    box.removeAttribute("name"); // the tray sends what was chosen, in the order that it was
    box.addEventListener("change", () => take(box.value, box.checked));
  }
  draw();
}
