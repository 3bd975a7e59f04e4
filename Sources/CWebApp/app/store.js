// The entries of the list, newest first. An entry begins as an upload, which later becomes a restoration, or as a
// restoration that the server reports.

let nextKey = 1;

export class Store {
  entries = [];
  #byID = new Map();
  #gone = new Set();
  #held = new Map();
  #queue = { places: new Map(), count: null };
  #listeners = [];

  /** Calls `listener(kind, entry, previous)`; kind is added, changed or removed. */
  subscribe(listener) { this.#listeners.push(listener); }

  #tell(kind, entry, previous = null) {
    for (const listener of this.#listeners) listener(kind, entry, previous);
  }

  entry(id) { return this.#byID.get(id) ?? null; }

  addUpload(upload) {
    const entry = { key: `entry-${nextKey++}`, upload, restoration: null, local: upload.url };
    this.entries.unshift(entry);
    this.#tell("added", entry);
    return entry;
  }

  uploadChanged(entry) {
    this.#tell("changed", entry, entry.restoration);
    this.#release();
  }

  /** The server has accepted an upload: from now on its entry is the restoration's. */
  adopt(entry, restoration) {
    const heard = this.#held.get(restoration.id) ?? this.entry(restoration.id)?.restoration;
    this.#held.delete(restoration.id);
    const double = this.entry(restoration.id);
    if (double) this.#drop(double);
    entry.upload = null;
    entry.restoration = this.#placed(heard && heard.revision > restoration.revision ? heard : restoration);
    this.#byID.set(restoration.id, entry);
    this.#tell("changed", entry);
    this.#release();
  }

  /** The state of a restoration from the server; `fresh` after a new connection, when revisions may restart. */
  put(restoration, fresh = false) {
    if (this.#gone.has(restoration.id)) return;
    const entry = this.entry(restoration.id);
    if (entry) {
      const previous = entry.restoration;
      if (!fresh && restoration.revision < previous.revision) return;
      entry.restoration = this.#placed(restoration);
      this.#tell("changed", entry, previous);
    } else if (this.#mayBeOfUpload(restoration)) {
      this.#held.set(restoration.id, restoration);
    } else {
      this.#insert(restoration);
    }
  }

  /** The events of a restoration can arrive before the response to its upload. */
  #mayBeOfUpload({ name }) {
    return this.entries.some(({ upload }) =>
      upload && upload.name === name && (upload.mayHaveArrived || ["sending", "sent"].includes(upload.state)));
  }

  #insert(restoration) {
    const entry = { key: `entry-${nextKey++}`, upload: null, restoration: this.#placed(restoration), local: null };
    const older = this.entries.findIndex(
      (other) => other.restoration && other.restoration.created < restoration.created);
    this.entries.splice(older < 0 ? this.entries.length : older, 0, entry);
    this.#byID.set(restoration.id, entry);
    this.#tell("added", entry);
  }

  #release() {
    for (const restoration of this.#held.values()) {
      if (this.#mayBeOfUpload(restoration)) continue;
      this.#held.delete(restoration.id);
      if (!this.entry(restoration.id)) this.#insert(restoration);
    }
  }

  /** The ids of all queued restorations, first to last, and their number, since the ids may be truncated. */
  setQueue({ ids, count }) {
    this.#queue = { places: new Map(ids.map((id, index) => [id, index + 1])), count };
    for (const entry of this.entries) {
      const previous = entry.restoration;
      if (previous?.state !== "queued") continue;
      const placed = this.#placed(previous);
      if (placed.position === previous.position) continue;
      entry.restoration = placed;
      this.#tell("changed", entry, previous);
    }
  }

  /** The number of restorations queued on the server, including those that the list does not reach. */
  get queued() {
    return Math.max(this.#queue.count ?? 0, this.entries.filter(({ restoration }) =>
      restoration?.state === "queued").length);
  }

  /** A restoration with its current position in the queue; its own is that of its last change. */
  #placed(restoration) {
    if (restoration.state !== "queued") return restoration;
    const { places, count } = this.#queue;
    // The ids of a long queue do not include its end.
    const place = places.get(restoration.id) ?? (count > places.size ? null : restoration.position);
    return { ...restoration, position: place };
  }

  removeID(id) {
    this.#gone.add(id);
    this.forget(id);
  }

  /** Removes a restoration from the list; it may be added again. */
  forget(id) {
    this.#held.delete(id);
    const entry = this.entry(id);
    if (entry) this.#drop(entry);
  }

  remove(entry) {
    if (entry.restoration) this.removeID(entry.restoration.id);
    else if (this.entries.includes(entry)) this.#drop(entry);
  }

  #drop(entry) {
    this.entries.splice(this.entries.indexOf(entry), 1);
    if (entry.restoration) this.#byID.delete(entry.restoration.id);
    if (entry.local) URL.revokeObjectURL(entry.local);
    this.#tell("removed", entry, entry.restoration);
    this.#release();
  }
}

export const isActive = ({ upload, restoration }) =>
  upload ? upload.state !== "failed" : ["queued", "running"].includes(restoration.state);

/** Whether a restoration ended without a result, so that it can be retried. */
export const isUnfinished = ({ upload, restoration }) =>
  ["failed", "cancelled"].includes((upload ?? restoration).state);
