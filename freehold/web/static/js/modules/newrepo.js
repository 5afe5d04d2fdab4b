// The form for a new repository: says while one types whether the name can be taken, and follows the owner's usual choice.
export default function newrepo(form) {
  const { namespace, name, kind } = form.elements;
  const said = form.querySelector("[data-said]");
  let waiting = 0, asked = 0;

  async function check() {
    const number = ++asked;
    if (!name.value.trim()) { tell("", ""); return; }
    const query = new URLSearchParams({ kind: kind.value, namespace: namespace.value, name: name.value });
    try {
      const answer = await fetch(`/new/name?${query}`, { headers: { Accept: "application/json" } });
      const { problem, suggestion } = answer.ok ? await answer.json() : { problem: "", suggestion: "" };
      if (number === asked) tell(problem, suggestion);
    } catch { /* the form itself says what is wrong */ }
  }

  function tell(problem, suggestion) {
    said.replaceChildren();
    if (problem) name.setAttribute("aria-invalid", "true"); else name.removeAttribute("aria-invalid");
    if (!name.value.trim()) return;
    const line = document.createElement("p");
    line.className = problem ? "error" : "hint";
    const words = document.createElement("span");
    words.append(problem || `${namespace.value}/${name.value.trim()} is free.`);
    if (suggestion) {
      const take = Object.assign(document.createElement("button"), { type: "button", className: "link-button", textContent: suggestion });
      take.addEventListener("click", () => { name.value = suggestion; name.focus(); check(); });
      words.append(" Take ", take, "?");
    }
    line.append(words);
    said.append(line);
  }

  const soon = () => { clearTimeout(waiting); waiting = setTimeout(check, 250); };
  name.addEventListener("input", soon);
  let hasChosen = false;
  form.addEventListener("change", (event) => { if (event.target.name === "visibility") hasChosen = true; });
  namespace.addEventListener("change", () => {
    if (!hasChosen) form.elements.visibility.value = namespace.selectedOptions[0].dataset.usual;
    soon();
  });
  if (name.value) soon();
}
