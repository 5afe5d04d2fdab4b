// A field with a list to choose from: the list completes the last of several words, and can come from a search.
const PAUSE_MS = 250;

export default function picker(input) {
  const list = input.list;
  const known = [...list.options].map((option) => [option.value, option.label]);
  const several = input.hasAttribute("data-several");
  // One list serves several fields: this one gets its own.
  const own = document.createElement("datalist");
  own.id = `${input.id}-own`;
  list.after(own);
  input.setAttribute("list", own.id);
  let waiting = 0;
  let asked = null;

  const offer = (words) => {
    const kept = several ? input.value.slice(0, input.value.lastIndexOf(",") + 1) : "";
    const there = new Set(kept.split(",").map((word) => word.trim()));
    own.replaceChildren(...words.filter(([word]) => !there.has(word)).map(([word, label]) => {
      const option = document.createElement("option");
      option.value = kept ? `${kept} ${word}` : word;
      option.label = label && label !== word ? `${word}: ${label}` : word;
      return option;
    }));
  };
  const search = async () => {
    const word = input.value.split(",").pop().trim();
    asked?.abort();
    asked = new AbortController();
    if (word.length < 2) { offer([]); return; }
    const query = new URLSearchParams({ search: word, limit: "12" });
    try {
      const answer = await fetch(`${input.dataset.search}?${query}`, { signal: asked.signal });
      if (answer.ok) offer((await answer.json()).map((repo) => [repo.id, ""]));
    } catch { /* typed freely, then */ }
  };
  const tell = input.dataset.search ? () => { clearTimeout(waiting); waiting = setTimeout(search, PAUSE_MS); } : () => offer(known);
  input.addEventListener("input", tell);
  input.addEventListener("focus", tell);
}
