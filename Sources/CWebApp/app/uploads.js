import * as api from "./api.js";
import { announce } from "./announce.js";
import { isShown } from "./pictures.js";
import { bytes } from "./words.js";

const atOnce = 2;
const longestPause = 30;

/**
 * Uploads pictures in order, two at a time. If the server is unreachable, busy or full, they wait as long as necessary;
 * a picture that the server rejects stays in the list with the reason.
 */
export class Uploads {
  #store;
  #waiting = [];
  #sending = 0;
  #failures = 0;
  #pausedUntil = 0;
  #reason = null;
  #timer = null;
  /** The response of GET /v1/service, or null before it has arrived. */
  service = null;

  constructor(store) { this.#store = store; }

  add(file, name, settings) {
    const upload = {
      file, name, settings, key: randomKey(), state: "waiting", sent: 0, error: null, note: null,
      mayHaveArrived: false, isAsked: false, url: isShown(file.type) ? URL.createObjectURL(file) : null, abort: null,
    };
    const entry = this.#store.addUpload(upload);
    this.#enqueue(entry);
    return entry;
  }

  retry(entry) {
    this.#change(entry, { state: "waiting", sent: 0, error: null, note: null });
    this.#enqueue(entry);
  }

  /** Cancels an upload, whether partly sent or not begun. */
  cancel(entry) {
    this.#waiting = this.#waiting.filter((other) => other !== entry);
    entry.upload.abort?.abort();
    this.#store.remove(entry);
  }

  /** The server is reachable again, so pauses end. */
  goOn() {
    if (this.#reason?.code !== "unreachable") return;
    this.#pausedUntil = 0;
    this.#tick();
  }

  #enqueue(entry) {
    const { file } = entry.upload;
    const limit = this.service?.limits.bodyBytes;
    if (file.size === 0) return this.#fail(entry, "The file is empty.");
    if (limit && file.size > limit) {
      return this.#fail(entry, `The file has ${bytes(file.size)}; the limit of this server is ${bytes(limit)}.`);
    }
    this.#waiting.push(entry);
    this.#pump();
  }

  #pump() {
    if (Date.now() < this.#pausedUntil) return this.#tick();
    while (this.#sending < atOnce && this.#waiting.length > 0) this.#send(this.#waiting.shift());
  }

  async #send(entry) {
    const abort = new AbortController();
    this.#sending += 1;
    this.#change(entry, { state: "sending", sent: 0, note: null, abort });
    try {
      const restoration = await api.upload(entry.upload, (sent) => {
        this.#change(entry, { sent, state: sent < 1 ? "sending" : "sent" });
      }, abort.signal);
      this.#failures = 0;
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
      this.#putBack(entry);
    } else if (error.isPassing) {
      if (error.code === "unreachable" && !await isReadable(entry.upload.file)) {
        return this.#fail(entry, "The file can no longer be read; it has been moved, changed or deleted.");
      }
      this.#pause(error);
      this.#change(entry, { state: "waiting", sent: 0, mayHaveArrived: error.code === "unreachable" });
      this.#putBack(entry);
    } else {
      this.#fail(entry, error.message);
    }
  }

  #putBack(entry) {
    // The upload may have been cancelled meanwhile.
    if (this.#store.entries.includes(entry)) this.#waiting.unshift(entry);
  }

  #fail(entry, text) { this.#change(entry, { state: "failed", error: text, mayHaveArrived: false }); }

  /** Waits as long as the server requests, and longer after every failure. */
  #pause(error) {
    if (Date.now() < this.#pausedUntil) return;
    if (this.#failures === 0) announce(`${error.message} Waiting pictures are sent automatically`);
    this.#failures += 1;
    const seconds = Math.max(error.retryAfter ?? 1, Math.min(2 ** (this.#failures - 1), longestPause));
    this.#pausedUntil = Date.now() + 1000 * seconds;
    this.#reason = error;
  }

  /** Shows a countdown on the cards until the next attempt. */
  #tick() {
    clearTimeout(this.#timer);
    const left = Math.ceil((this.#pausedUntil - Date.now()) / 1000);
    for (const entry of this.#waiting) {
      this.#change(entry, { note: left > 0 ? `${this.#reason.message} Trying again in ${left} s.` : null });
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

/** Uploading a file that has been deleted fails in the same way as losing the connection. */
async function isReadable(file) {
  try { await file.slice(0, 1).arrayBuffer(); return true; } catch { return false; }
}

/** `crypto.randomUUID` is missing on pages without TLS. */
const randomKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)),
  (byte) => byte.toString(16).padStart(2, "0")).join("");
