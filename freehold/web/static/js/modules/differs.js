// A choice in a row of its own: its button is there once something else is chosen than what is so.
export default function differs(form) {
  const choice = form.querySelector("select"), button = form.querySelector("[type=submit]");
  const kept = [...choice.options].find((option) => option.defaultSelected) ?? choice.options[0];
  const look = () => { button.hidden = choice.value === kept.value; };
  choice.addEventListener("change", look);
  look();
}
