// The entries of the list, newest first. An entry begins as an upload, or as a restoration that the
// server tells of, and an upload becomes a restoration in place.

let nextKey = 1;

export class Store {
  entries = [];
  #byID = new Map();
  #gone = new Set();
  #held = new Map();
  #listeners = [];

  /** `listener(kind, entry, previous)`, kind one of added, changed, removed. */
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

  /** The server took an upload: its entry is the restoration's from now on. */
  adopt(entry, restoration) {
    const heard = this.#held.get(restoration.id) ?? this.entry(restoration.id)?.restoration;
    this.#held.delete(restoration.id);
    const double = this.entry(restoration.id);
    if (double) this.#drop(double);
    entry.upload = null;
    entry.restoration = heard && heard.revision > restoration.revision ? heard : restoration;
    this.#byID.set(restoration.id, entry);
    this.#tell("changed", entry);
    this.#release();
  }

  /** What the server says of a restoration; `fresh` after a new connection, when revisions may begin again. */
  put(restoration, fresh = false) {
    if (this.#gone.has(restoration.id)) return;
    const entry = this.entry(restoration.id);
    if (entry) {
      const previous = entry.restoration;
      if (!fresh && restoration.revision < previous.revision) return;
      entry.restoration = restoration;
      this.#tell("changed", entry, previous);
    } else if (this.#mayBeOfUpload(restoration)) {
      this.#held.set(restoration.id, restoration);
    } else {
      this.#insert(restoration);
    }
  }

  /** The events of a restoration can come before the answer to its upload does. */
  #mayBeOfUpload({ name }) {
    return this.entries.some(({ upload }) =>
      upload && upload.name === name && ["sending", "sent"].includes(upload.state));
  }

  #insert(restoration) {
    const entry = { key: `entry-${nextKey++}`, upload: null, restoration, local: null };
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

  /** Forgets all restorations but these. */
  retain(ids) {
    const kept = new Set(ids);
    for (const entry of [...this.entries]) {
      if (entry.restoration && !kept.has(entry.restoration.id)) this.#drop(entry);
    }
  }

  removeID(id) {
    this.#gone.add(id);
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
  upload ? upload.state !== "failed" : ["queued", "running", "cancelling"].includes(restoration.state);
