import * as api from "./api.js";
import { bytes } from "./words.js";

const atOnce = 2;
const usualPause = 5;

/**
 * Sends pictures, two at a time, in the order they came. A server that is busy is waited for; what it
 * refuses for good stays in the list with its reason.
 */
export class Uploads {
  #store;
  #waiting = [];
  #sending = 0;
  #pausedUntil = 0;
  #reason = null;
  #timer = null;
  /** What GET /v1/service said, or null before it did. */
  service = null;

  constructor(store) { this.#store = store; }

  add(file, name, settings) {
    const canShow = api.isShown(file.type);
    const upload = {
      file, name, settings, state: "waiting", sent: 0, error: null, note: null, isAsked: false,
      url: canShow ? URL.createObjectURL(file) : null, abort: null,
    };
    const entry = this.#store.addUpload(upload);
    this.#enqueue(entry);
    return entry;
  }

  retry(entry) {
    this.#change(entry, { state: "waiting", sent: 0, error: null, note: null });
    this.#enqueue(entry);
  }

  /** Takes an upload back, sent in part or not at all. */
  cancel(entry) {
    this.#waiting = this.#waiting.filter((other) => other !== entry);
    entry.upload.abort?.abort();
    this.#store.remove(entry);
  }

  #enqueue(entry) {
    const { file } = entry.upload;
    const limit = this.service?.limits.bodyBytes;
    if (file.size === 0) return this.#fail(entry, "The file is empty.");
    if (limit && file.size > limit) {
      return this.#fail(entry, `The file has ${bytes(file.size)}; this server takes ${bytes(limit)} at most.`);
    }
    this.#waiting.push(entry);
    this.#pump();
  }

  #pump() {
    if (Date.now() < this.#pausedUntil) return this.#tick();
    while (this.#sending < atOnce && this.#waiting.length > 0) this.#send(this.#waiting.shift());
  }

  async #send(entry) {
    const { file, name, settings } = entry.upload;
    const abort = new AbortController();
    this.#sending += 1;
    this.#change(entry, { state: "sending", sent: 0, note: null, abort });
    try {
      const restoration = await api.upload(file, name, settings, (sent) => {
        this.#change(entry, { sent, state: sent < 1 ? "sending" : "sent" });
      }, abort.signal);
      this.#store.adopt(entry, restoration);
    } catch (error) {
      await this.#failed(entry, error);
    } finally {
      this.#sending -= 1;
      this.#pump();
    }
  }

  async #failed(entry, error) {
    if (error.code === "aborted") return;
    if (error.status === 401 && !entry.upload.isAsked) {
      this.#change(entry, { state: "waiting", isAsked: true });
      // An ordinary call asks for the token.
      await api.mayRead().catch(() => {});
      this.#waiting.unshift(entry);
    } else if (error.status === 429 || error.status === 503) {
      this.#pausedUntil = Date.now() + 1000 * Math.max(1, error.retryAfter ?? usualPause);
      this.#reason = error.message;
      this.#change(entry, { state: "waiting", sent: 0 });
      this.#waiting.unshift(entry);
    } else {
      this.#fail(entry, error.message);
    }
  }

  #fail(entry, text) { this.#change(entry, { state: "failed", error: text }); }

  /** Counts down on the cards until the server wants to be asked again. */
  #tick() {
    clearTimeout(this.#timer);
    const left = Math.ceil((this.#pausedUntil - Date.now()) / 1000);
    for (const entry of this.#waiting) {
      this.#change(entry, { note: left > 0 ? `${this.#reason} Trying again in ${left} s.` : null });
    }
    if (left > 0) this.#timer = setTimeout(() => this.#tick(), 1000);
    else this.#pump();
  }

  #change(entry, values) {
    if (!entry.upload) return;
    Object.assign(entry.upload, values);
    this.#store.uploadChanged(entry);
  }
}
