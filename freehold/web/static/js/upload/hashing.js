// A worker: the SHA-256 of one file at a time, read in slices, so that no file is ever in memory as a whole.
import { Sha256 } from "./sha256.js";

const SLICE = 4 << 20;
//: WebCrypto is some ten times as fast, takes only wholes, and is there on secure addresses alone.
const WHOLE = 16 << 20;

onmessage = async ({ data: file }) => {
  try {
    postMessage({ oid: await digest(file) });
  } catch (error) {
    postMessage({ error: String(error.name) });
  }
};

async function digest(file) {
  if (file.size <= WHOLE && globalThis.crypto?.subtle) {
    const found = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    return [...found].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  const hash = new Sha256();
  for (let at = 0; at < file.size; at += SLICE) {
    hash.update(new Uint8Array(await file.slice(at, at + SLICE).arrayBuffer()));
    postMessage({ read: Math.min(at + SLICE, file.size) });
  }
  return hash.hex();
}
