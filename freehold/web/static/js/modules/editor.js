// A textarea for code: Tab indents (Escape first, and it moves on), the size is told, leaving with changes asks.
const bytes = new TextEncoder();

export default function editor(element) {
  const area = element.querySelector("textarea");
  const shown = element.querySelector("[data-size]");
  const most = Number(element.dataset.maxBytes);
  const before = area.value;
  let leaves = false;
  element.querySelector("[data-keys]").hidden = false;

  const tell = () => {
    const size = bytes.encode(area.value).length;
    const lines = area.value ? area.value.replace(/\n$/, "").split("\n").length : 0;
    shown.textContent = `${lines.toLocaleString("en")} ${lines === 1 ? "line" : "lines"}, ${size.toLocaleString("en")} bytes`;
    area.setAttribute("aria-invalid", size > most);
  };
  let waiting = 0;
  area.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(tell, 200); });
  tell();

  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leaves = true;
    else if (event.key === "Tab" && !leaves && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      indent(area, event.shiftKey);
    } else if (event.key !== "Shift" && event.key !== "Tab") leaves = false;
  });
  area.addEventListener("focus", () => { leaves = false; });

  let sending = false;
  area.form.addEventListener("submit", () => { sending = true; });
  addEventListener("beforeunload", (event) => { if (!sending && area.value !== before) event.preventDefault(); });
  addEventListener("pageshow", () => { sending = false; });
}

// Through execCommand, so that the browser's undo knows of it.
function indent(area, less) {
  const { value, selectionStart: from, selectionEnd: to } = area;
  const step = /^\t/m.test(value) ? "\t" : value.match(/^( {2,8})\S/m)?.[1] || "    ";
  if (!less && from === to) { document.execCommand("insertText", false, step); return; }
  const start = value.lastIndexOf("\n", from - 1) + 1;
  const end = to > from && value[to - 1] === "\n" ? to - 1 : to;
  const out = step === "\t" ? /^\t/ : new RegExp(`^ {1,${step.length}}`);
  const changed = value.slice(start, end).split("\n").map((line) => less ? line.replace(out, "") : line && step + line).join("\n");
  area.setSelectionRange(start, end);
  document.execCommand(changed ? "insertText" : "delete", false, changed);
  if (from !== to) area.setSelectionRange(start, start + changed.length);
}
