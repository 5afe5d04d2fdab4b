// "Seen" beside each file of a comparison: folds it, and is remembered by this browser until the file changes again.
export default function begin(section) {
  for (const file of section.querySelectorAll("details[data-seen]")) {
    const key = `seen:${file.dataset.seen}`;
    const label = document.createElement("label");
    const box = document.createElement("input");
    const words = document.createElement("span");
    label.className = "check push";
    box.type = "checkbox";
    box.checked = localStorage.getItem(key) !== null;
    words.textContent = "Seen";
    label.append(box, words);
    file.querySelector(".file-links").append(label);
    if (box.checked && !location.hash.startsWith(`#${file.id}`)) file.open = false;
    box.addEventListener("change", () => {
      if (!box.checked) return localStorage.removeItem(key);
      localStorage.setItem(key, "1");
      file.open = false;
      file.querySelector("summary").focus();
    });
  }
}
