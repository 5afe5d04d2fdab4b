// A list whose entries are dragged into order: each entry has data-order="address" and the form token is in the list's
// data-csrf. What "Up" and "Down" do by forms, this does by hand; the keyboard keeps the buttons.
export default function begin(list) {
  let held = null;
  let from = -1;
  const entries = () => [...list.querySelectorAll(":scope > [data-order]")];

  for (const entry of entries()) {
    const grip = document.createElement("span");
    grip.className = "grip";
    grip.title = "Drag into place";
    grip.setAttribute("aria-hidden", "true");
    entry.prepend(grip);
    grip.addEventListener("pointerdown", () => { entry.draggable = true; });
    grip.addEventListener("pointerup", () => { entry.draggable = false; });
    entry.addEventListener("dragstart", (event) => {
      held = entry;
      from = entries().indexOf(entry);
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", entry.id);
      entry.classList.add("is-held");
    });
    entry.addEventListener("dragend", () => {
      entry.draggable = false;
      entry.classList.remove("is-held");
      if (held && entries().indexOf(held) !== from) keep(held);
      held = null;
    });
  }
  list.addEventListener("dragover", (event) => {
    const over = event.target.closest("[data-order]");
    if (!held || !over || over.parentElement !== list) return;
    event.preventDefault();
    if (over === held) return;
    const box = over.getBoundingClientRect();
    list.insertBefore(held, event.clientY < box.top + box.height / 2 ? over : over.nextElementSibling);
  });
  list.addEventListener("drop", (event) => event.preventDefault());

  async function keep(entry) {
    const body = new URLSearchParams({ csrf: list.dataset.csrf, position: String(entries().indexOf(entry)) });
    await fetch(entry.dataset.order, { method: "POST", body }).catch(() => null);
    location.reload(); // the order as the hub has it now, whether it took the move or not
  }
}
