// A form's own "Preview", pressed while somebody types: only the newest answer counts. Without script the button does it.
import { part } from "./part.js";

const PAUSE_MS = 500;

export default function preview(form) {
  const id = form.dataset.into;
  let waiting = 0;
  let asked = null;
  for (const button of form.querySelectorAll("[data-preview]")) button.hidden = true;

  const ask = async () => {
    asked?.abort();
    asked = new AbortController();
    const body = new URLSearchParams(new FormData(form));
    body.set("how", "preview");
    const shown = document.getElementById(id);
    shown.setAttribute("aria-busy", "true");
    try {
      const html = await part(form.getAttribute("action"), body, `section#${id}`, asked.signal);
      const made = document.createElement("template");
      made.innerHTML = html;
      const next = made.content.getElementById(id);
      if (next) shown.replaceWith(next);
    } catch (err) {
      if (err.name !== "AbortError") shown.dataset.stale = "";
    } finally { shown.removeAttribute("aria-busy"); }
  };
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(ask, PAUSE_MS); };
  form.addEventListener("input", soon);
  form.addEventListener("submit", () => { clearTimeout(waiting); asked?.abort(); });
}
