// A picture that was chosen is shown before it is sent, and made smaller where it is larger than the hub takes.
const MAX_SIDE_PX = 1024, MAX_BYTES = 512 * 1024, SENT_PX = 512;

export default function portrait(form) {
  const field = form.elements.picture;
  const shown = form.querySelector("[data-shown]"), said = form.querySelector("[data-said]");
  field.addEventListener("change", async () => {
    const file = field.files[0];
    if (!file) return;
    let picture;
    try { picture = await createImageBitmap(file); } catch { said.textContent = `${file.name} is no picture that this browser can read.`; return; }
    preview(picture);
    if (picture.width <= MAX_SIDE_PX && picture.height <= MAX_SIDE_PX && file.size <= MAX_BYTES) {
      said.textContent = `${picture.width} × ${picture.height} pixels.`;
      return;
    }
    const made = await smaller(picture, file.name);
    const list = new DataTransfer();
    list.items.add(made);
    field.files = list.files;
    said.textContent = `${picture.width} × ${picture.height} pixels, made smaller before it is sent.`;
  });

  // On a canvas, as the policy lets no picture in that the hub did not serve.
  function preview(picture) {
    const canvas = shown.querySelector("canvas") ?? Object.assign(document.createElement("canvas"), { width: 144, height: 144 });
    const before = shown.querySelector(".avatar");
    if (before && before !== canvas) { canvas.className = `${before.getAttribute("class")} is-picture`; before.replaceWith(canvas); }
    const side = Math.min(picture.width, picture.height);
    const drawn = canvas.getContext("2d");
    drawn.clearRect(0, 0, 144, 144);
    drawn.drawImage(picture, (picture.width - side) / 2, (picture.height - side) / 2, side, side, 0, 0, 144, 144);
  }
}

async function smaller(picture, name) {
  const scale = Math.min(1, SENT_PX / Math.max(picture.width, picture.height));
  const canvas = new OffscreenCanvas(Math.max(1, Math.round(picture.width * scale)), Math.max(1, Math.round(picture.height * scale)));
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  const blob = await canvas.convertToBlob({ type: "image/png" });
  const small = blob.size <= MAX_BYTES ? blob : await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 });
  return new File([small], name, { type: small.type });
}
