// A new password, typed twice: how well it would hold, in words while one types, and a look at it. Nothing is refused
// here beyond what the hub refuses; what is typed goes nowhere.
const COMMON = /^(pass(word|wort)?|letmein|welcome|qwert[yz]|abc123|iloveyou|admin|secret|monkey|dragon|football|hunter2)[\W\d]*$/i;
const ROWS = ["abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm"];

export default function password(part) {
  const [first, again] = part.querySelectorAll("input[type=password]");
  const said = line(first), same = line(again);
  const look = document.createElement("label");
  look.className = "check";
  const box = Object.assign(document.createElement("input"), { type: "checkbox" });
  look.append(box, Object.assign(document.createElement("span"), { textContent: "Show what I type" }));
  part.append(look);
  box.addEventListener("change", () => { for (const field of [first, again]) field.type = box.checked ? "text" : "password"; });
  first.form.addEventListener("submit", () => { for (const field of [first, again]) field.type = "password"; });
  first.addEventListener("input", () => { tell(said, strength(first.value, name(first.form))); compare(); });
  again.addEventListener("input", compare);

  function compare() {
    const differs = again.value && !first.value.startsWith(again.value) && again.value !== first.value;
    tell(same, differs ? "Not the same so far." : "");
  }
}

function name(form) {
  return (form.elements.namedItem("username") ?? form.elements.namedItem("name"))?.value.trim().toLowerCase() ?? "";
}

function line(field) {
  const made = Object.assign(document.createElement("p"), { className: "hint", hidden: true });
  made.setAttribute("role", "status");
  field.closest(".field").append(made);
  return made;
}

function tell(line, words) {
  line.textContent = words;
  line.hidden = !words;
}

// Guesses that it takes, roughly, as a power of two: letters by kind, less what repeats or stands in a row.
export function strength(typed, name) {
  if (typed.length < 8) return "";
  if (COMMON.test(typed)) return "Among the first that anybody would try.";
  if (name.length > 2 && typed.toLowerCase().includes(name)) return "It holds your name: easily guessed.";
  let pool = 0;
  for (const [kind, size] of [[/[a-z]/, 26], [/[A-Z]/, 26], [/\d/, 10], [/[ -/:-@[-`{-~]/, 33], [/[^ -~]/, 100]]) if (kind.test(typed)) pool += size;
  const letters = [...typed.toLowerCase()];
  const telling = letters.filter((letter, at) => at === 0 || !follows(letters[at - 1], letter));
  const bits = Math.min(telling.length, 2 * new Set(telling).size) * Math.log2(pool);
  if (bits < 40) return "Easily guessed by a machine. Another word or two make it hold.";
  if (bits < 60) return "Holds against guessing here.";
  return "Holds well.";
}

function follows(before, letter) {
  return before === letter || ROWS.some((row) => row.includes(before + letter) || row.includes(letter + before));
}
