// Before the commit: what the hub makes of each path. And the commit itself: one call with every file in it.
import { Refused, call, json } from "./calls.js";

const AT_ONCE = 256, SAMPLE = 512;
const LINE = 400; //: bytes of a line besides the path and the content

// Each item gets its mode (regular or lfs), whether it replaces something, and whether the repository ignores it.
// Gives the commit that was looked at.
export async function consider(address, items) {
  let seen = "";
  for (let at = 0; at < items.length; at += AT_ONCE) {
    const some = items.slice(at, at + AT_ONCE);
    const files = await Promise.all(some.map(async (item) => ({ path: item.path, size: item.size, sample: await sample(item) })));
    seen = await told(address, some, files) || seen;
  }
  return seen;
}

// A path that no repository can have is refused with the whole call: halves, until it stands alone.
async function told(address, items, files) {
  try {
    const answer = await json(address, { files });
    items.forEach((item, at) => {
      const found = answer.files[at];
      Object.assign(item, { mode: found.uploadMode, isIgnored: found.shouldIgnore, replaces: found.oid || "", pathError: "" });
    });
    return answer.commitOid;
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 422) throw error;
    if (items.length === 1) { items[0].pathError = error.message; return ""; }
    const half = items.length >> 1;
    return await told(address, items.slice(0, half), files.slice(0, half)) || await told(address, items.slice(half), files.slice(half));
  }
}

async function sample(item) {
  try { return base64(await item.file.slice(0, SAMPLE).arrayBuffer()); } catch { item.pathError = `${item.path} cannot be read. Choose it again.`; return ""; }
}

const base64 = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)));

export const weight = (item) => (item.mode === "regular" ? Math.ceil(item.size / 3) * 4 : 0) + LINE + item.path.length * 3;

// ``header``: summary, description, parentCommit. Every line is a blob of its own, so that none of it stays in memory.
export async function commit(address, header, items, progress) {
  const lines = [line("header", header)];
  for (const item of items) {
    if (item.mode === "lfs") lines.push(line("lfsFile", { path: item.path, algo: "sha256", oid: item.oid, size: item.size }));
    else lines.push(new Blob([line("file", { path: item.path, encoding: "base64", content: await whole(item) })]));
  }
  const body = new Blob(lines);
  const answer = await call("POST", address, { body, type: "application/x-ndjson", progress: (sent) => progress(sent / body.size) });
  return JSON.parse(answer.responseText);
}

const line = (key, value) => `${JSON.stringify({ key, value })}\n`;

function whole(item) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Refused(400, `${item.path} cannot be read as it was chosen: it changed or went. Remove it and choose it again.`));
    if (item.size) reader.readAsDataURL(item.file); else resolve("");
  });
}
