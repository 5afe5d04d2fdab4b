// Write or preview: the tabs themselves are look.js's; what is shown is made by the hub, with its references.
import { part } from "./part.js";

export default function writing(element) {
  const area = element.querySelector("textarea");
  const [, look] = element.querySelectorAll('[role="tab"]');
  const shown = document.getElementById(look.getAttribute("aria-controls"));
  element.querySelector('[role="tablist"]').hidden = false;
  let seen = null;

  const show = async () => {
    if (seen === area.value) return;
    seen = area.value;
    shown.style.minHeight = `${area.offsetHeight}px`;
    shown.setAttribute("aria-busy", "true");
    const csrf = area.form.elements.namedItem("csrf")?.value ?? "";
    try { shown.innerHTML = await part(element.dataset.preview, new URLSearchParams({ text: area.value, csrf }), "div#words"); }
    catch { shown.textContent = "No preview now: the hub did not answer. What you wrote is still here."; seen = null; }
    shown.removeAttribute("aria-busy");
  };
  // By mouse or by arrow keys: whatever made it the chosen one.
  new MutationObserver(() => { if (look.getAttribute("aria-selected") === "true") show(); }).observe(look, { attributeFilter: ["aria-selected"] });
}
