// Files from a drop or a choice, each with its path from the dropped folder on.
const MAX_FILES = 25_000;
//: What systems and tools leave in folders; nobody means to publish it.
const LEFT_OUT = new Set([".git", ".DS_Store", "Thumbs.db", "desktop.ini", "__MACOSX"]);

export const isLeftOut = (path) => path.split("/").some((name) => LEFT_OUT.has(name)) || path.includes(".cache/huggingface/");

export function chosen(files) {
  return [...files].map((file) => ({ given: file.webkitRelativePath || file.name, isInFolder: Boolean(file.webkitRelativePath), file })).filter(({ given }) => !isLeftOut(given));
}

// The entries have to be taken at once: the browser empties the transfer when the handler returns.
export async function dropped(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const entries = items.map((item) => item.webkitGetAsEntry?.());
  const plain = items.filter((_, at) => !entries[at]).map((item) => item.getAsFile()).filter(Boolean);
  const found = chosen(plain);
  for (const entry of entries.filter(Boolean)) await walk(entry, entry.isDirectory, found);
  return found;
}

async function walk(entry, isInFolder, found) {
  const given = entry.fullPath.replace(/^\/+/, "");
  if (isLeftOut(given)) return;
  if (found.length >= MAX_FILES) throw new RangeError(`A commit takes up to ${MAX_FILES.toLocaleString("en")} files: bring the folder in several.`);
  if (entry.isFile) {
    found.push({ given, isInFolder, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) });
    return;
  }
  const reader = entry.createReader();
  for (;;) { // a hundred at a time, until none are left
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const one of some) await walk(one, isInFolder, found);
  }
}
