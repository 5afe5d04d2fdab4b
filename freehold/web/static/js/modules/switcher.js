// A long menu of branches and tags gets a field that narrows it.
export default function (menu) {
  const label = menu.querySelector(".switcher-filter");
  const field = label.querySelector("input");
  const links = [...menu.querySelectorAll(".menu-sheet a")];
  label.hidden = false;
  menu.addEventListener("toggle", () => { if (menu.open) field.focus(); });
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const link of links) link.hidden = !words.every((word) => link.textContent.toLowerCase().includes(word));
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") links.find((link) => !link.hidden)?.click();
  });
}
