// A long menu of branches and tags gets a field that narrows it.
export default function (menu) {
  const label = menu.querySelector(".switcher-filter");
  const field = label.querySelector("input");
  const links = [...menu.querySelectorAll(".menu-sheet a")];
  label.hidden = false;
  menu.addEventListener("toggle", () => { if (menu.open) field.focus(); });
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/);
    let head = null;
    for (const one of menu.querySelectorAll(".menu-sheet > :is(.menu-head, a)")) {
      if (one.matches(".menu-head")) {
        head = one;
        head.hidden = field.value !== "";
        continue;
      }
      one.hidden = !words.every((word) => one.textContent.toLowerCase().includes(word));
      if (!one.hidden && head) head.hidden = false;
    }
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    links.find((link) => !link.hidden)?.click();
  });
}
