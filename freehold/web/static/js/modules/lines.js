// Lines of a file: a click on a number marks it, a shift-click as far as there, and the address says so (#L10-L20).
export default function (view) {
  const table = view.querySelector("table.lines");
  let from = 0;

  function wanted() {
    const found = /^#L(\d+)(?:-L?(\d+))?$/.exec(location.hash);
    if (!found) return null;
    const [first, last] = [Number(found[1]), Number(found[2] || found[1])];
    return [Math.min(first, last), Math.max(first, last)];
  }

  function mark(scroll) {
    for (const row of table.querySelectorAll(".is-marked")) row.classList.remove("is-marked");
    const range = wanted();
    if (!range) return;
    const last = Math.min(range[1], table.rows.length);
    for (let number = range[0]; number <= last; number++) document.getElementById(`L${number}`)?.classList.add("is-marked");
    from = range[0];
    if (scroll) document.getElementById(`L${range[0]}`)?.scrollIntoView({ block: "center" });
  }

  table.addEventListener("click", (event) => {
    const link = event.target.closest(".ln a");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const number = Number(link.hash.slice(2));
    const first = event.shiftKey && from ? Math.min(from, number) : number;
    const last = event.shiftKey && from ? Math.max(from, number) : number;
    history.replaceState(null, "", first === last ? `#L${first}` : `#L${first}-L${last}`);
    const start = event.shiftKey && from ? from : number;
    mark(false);
    from = start;
    getSelection().removeAllRanges();
  });
  addEventListener("hashchange", () => mark(true));
  mark(wanted() !== null);

  const wrap = view.querySelector("[data-wrap]");
  const wrapped = (on) => {
    table.classList.toggle("is-wrapped", on);
    wrap.setAttribute("aria-pressed", on);
  };
  wrapped(localStorage.getItem("wrap") === "yes");
  wrap.addEventListener("click", () => {
    const on = wrap.getAttribute("aria-pressed") !== "true";
    localStorage.setItem("wrap", on ? "yes" : "no");
    wrapped(on);
  });

  const copy = view.querySelector("[data-copy-lines]");
  copy.addEventListener("click", () => {
    const marked = table.querySelectorAll(".is-marked .src");
    const cells = marked.length ? marked : table.querySelectorAll(".src");
    navigator.clipboard?.writeText([...cells].map((cell) => cell.textContent).join("\n") + "\n");
    const said = copy.querySelector("[data-said]");
    said.textContent = marked.length ? `Copied ${marked.length === 1 ? "1 line" : `${marked.length} lines`}` : "Copied";
    setTimeout(() => { said.textContent = "Copy"; }, 1500);
  });
  for (const button of [wrap, copy]) button.hidden = false;
}
