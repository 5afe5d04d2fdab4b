// Large files on their way: hashed in workers, asked for, sent in parts. A few at a time; every step may stop and go on.
import { Refused, call, json, patiently } from "./calls.js";

const HASHERS = Math.max(1, Math.min(3, (navigator.hardwareConcurrency || 2) - 1));
const SENDERS = 4;
const ASKED_AT_ONCE = 50;
//: Files with an upload of their own; the hub keeps so many unfinished ones of a person and no more.
const OPEN_AT_ONCE = 60;

export class Sending {
  // ``told()`` is called whenever something moved. ``address`` answers what is here and where the rest goes.
  constructor(address, told) {
    Object.assign(this, { address, told, items: [], isPaused: false, hashing: 0, sending: 0, isAsking: false, bytes: 0 });
  }

  add(items) { this.items.push(...items); this.pump(); }

  pause(item) {
    item.isPaused = true;
    item.stop?.abort();
    this.told();
  }

  resume(item) {
    item.isPaused = false;
    if (item.state === "failed") this.again(item);
    this.pump();
  }

  // From the beginning, as far as the hub does not have it.
  again(item) {
    Object.assign(item, { state: item.oid ? "asked" : "waiting", error: "", offer: null, parts: null });
  }

  remove(item) {
    item.isPaused = true;
    item.stop?.abort();
    item.worker?.terminate();
    if (item.worker) this.hashing--;
    item.worker = null;
    this.items = this.items.filter((other) => other !== item);
    if (item.offer?.token && item.state !== "sent") call("DELETE", `${item.offer.href}?t=${item.offer.token}`).catch(() => {});
    this.pump();
  }

  pauseAll(on) {
    this.isPaused = on;
    if (on) for (const item of this.items) item.stop?.abort();
    this.pump();
  }

  pump() {
    this.told();
    if (this.isPaused) return;
    for (const item of this.items) if (this.hashing < HASHERS && item.state === "waiting" && !item.isPaused) this.hash(item);
    this.ask();
    while (this.sending < SENDERS) {
      const next = this.next();
      if (!next) break;
      this.send(...next);
    }
  }

  hash(item) {
    this.hashing++;
    Object.assign(item, { state: "hashing", read: 0 });
    const worker = item.worker = new Worker(new URL("./hashing.js", import.meta.url), { type: "module" });
    const end = (change) => {
      worker.terminate();
      if (item.worker !== worker) return;
      item.worker = null;
      this.hashing--;
      Object.assign(item, change);
      this.pump();
    };
    worker.onmessage = ({ data }) => {
      if (data.read) { item.read = data.read; this.told(); }
      else end(data.oid ? { oid: data.oid, state: "asked" } : { state: "failed", error: unreadable(item) });
    };
    worker.onerror = () => end({ state: "failed", error: "Its checksum could not be computed. Try again, or use a terminal." });
    worker.postMessage(item.file);
  }

  async ask() {
    const open = this.items.filter((item) => item.state === "sending").length;
    const asked = this.items.filter((item) => item.state === "asked" && !item.isPaused).slice(0, Math.min(ASKED_AT_ONCE, Math.max(0, OPEN_AT_ONCE - open)));
    if (this.isAsking || !asked.length) return;
    this.isAsking = true;
    try {
      const { files } = await json(this.address, { files: asked.map((item) => ({ oid: item.oid, size: item.size })) });
      asked.forEach((item, at) => { if (item.state === "asked") this.offered(item, files[at]); });
    } catch (error) {
      for (const item of asked) if (item.state === "asked") Object.assign(item, { state: "failed", error: error.message });
    }
    this.isAsking = false;
    this.pump();
  }

  offered(item, offer) {
    if (offer.state === "here") { Object.assign(item, { state: "sent", wasHere: !item.done, sentBytes: item.size }); return; }
    const count = offer.parts || 1, size = offer.chunkSize || item.size;
    const arrived = new Map(Object.entries(offer.arrived || {}).map(([number, etag]) => [Number(number), etag]));
    const parts = Array.from({ length: count }, (_, at) => ({ number: at + 1, start: at * size, end: Math.min((at + 1) * size, item.size), etag: arrived.get(at + 1), sent: 0, isBusy: false }));
    Object.assign(item, { state: "sending", offer, parts, kept: arrived.size, isEnding: false, stop: new AbortController() });
  }

  next() {
    for (const item of this.items) {
      if (item.state !== "sending" || item.isPaused) continue;
      if (item.stop.signal.aborted) item.stop = new AbortController();
      const part = item.parts.find((one) => !one.etag && !one.isBusy);
      if (part) return [item, part];
      if (!item.isEnding && item.parts.every((one) => one.etag)) return [item, null];
    }
    return null;
  }

  async send(item, part) {
    this.sending++;
    const { offer, parts, stop } = item;
    try {
      if (part) await this.sendPart(item, part, offer, stop.signal);
      else await this.end(item, offer, parts);
    } catch (error) {
      if (item.parts === parts && !stop.signal.aborted) this.failed(item, error);
    } finally {
      if (part) { part.isBusy = false; if (!part.etag) part.sent = 0; } else item.isEnding = false;
      this.sending--;
      this.pump();
    }
  }

  async sendPart(item, part, offer, signal) {
    part.isBusy = true;
    const address = offer.state === "whole" ? offer.href : `${offer.href}/${part.number}?t=${offer.token}`;
    const body = item.file.slice(part.start, part.end);
    const answer = await patiently(() => call("PUT", address, { body, signal, progress: (loaded) => {
      this.bytes += Math.max(0, loaded - part.sent);
      part.sent = loaded;
      this.told();
    } }), signal);
    part.etag = answer.getResponseHeader("ETag") || "whole";
    item.hasAskedAgain = false;
  }

  async end(item, offer, parts) {
    item.isEnding = true;
    if (offer.state === "parts") {
      const named = parts.map((part) => ({ partNumber: part.number, etag: part.etag }));
      await patiently(() => call("POST", `${offer.href}?t=${offer.token}`, { body: JSON.stringify({ oid: item.oid, parts: named }), type: "application/json" }));
    }
    Object.assign(item, { state: "sent", done: true });
  }

  failed(item, error) {
    // An address is good for hours; a page may be open for days. And what others dropped is asked for anew.
    const isStale = error instanceof Refused && (error.status === 403 || error.status === 404);
    item.stop.abort();
    if (isStale && !item.hasAskedAgain) { item.hasAskedAgain = true; this.again(item); return; }
    const wasChanged = error instanceof Refused && error.status === 400;
    Object.assign(item, { state: "failed", error: wasChanged || error.name === "NotFoundError" ? unreadable(item) : error.message });
    if (wasChanged) Object.assign(item, { oid: "", parts: null, offer: null });
  }
}

export const sentOf = (item) => item.state === "sent" ? item.size : (item.parts || []).reduce((sum, part) => sum + (part.etag ? part.end - part.start : part.sent), 0);

function unreadable(item) {
  return `${item.path} cannot be read as it was chosen: it changed or went. Remove it here and choose it again.`;
}
