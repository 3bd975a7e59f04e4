import { $ } from "./dom.js";
import * as api from "./api.js";
import { announce } from "./announce.js";
import { notice } from "./dialogs.js";
import { count } from "./words.js";

/** Loads entries that are older than those in the events, on request. */
export class History {
  #store;
  #next = null;
  #isLoading = false;

  constructor(store) {
    this.#store = store;
    $("more").addEventListener("click", () => this.#loadMore());
  }

  get hasMore() { return this.#next !== null; }

  /**
   * A connection has begun with these restorations. Entries that are missing in it have been removed, or are older;
   * pages are loaded as far back as the list reached, so that nothing that still exists vanishes.
   */
  async begin({ ids, next = null }) {
    const known = new Set(ids);
    const unsure = this.#store.entries
      .filter(({ restoration }) => restoration && !known.has(restoration.id))
      .map(({ restoration }) => restoration);
    const oldest = unsure.reduce((least, { created }) => (created < least ? created : least), "~");
    this.#set(next);
    try {
      let reached = "~";
      while (this.#next !== null && oldest < reached) {
        for (const { id, created } of await this.#page()) { known.add(id); reached = created; }
      }
    } catch { return; /* the connection is lost again; the next one starts over */ }
    for (const { id, created } of unsure) {
      if (!known.has(id) && (this.#next === null || created >= oldest)) this.#store.forget(id);
    }
  }

  async #page() {
    const { restorations, next } = await api.page(this.#next);
    for (const restoration of restorations) this.#store.put(restoration);
    this.#set(next);
    return restorations;
  }

  async #loadMore() {
    if (this.#isLoading) return;
    this.#isLoading = true;
    $("more").setAttribute("aria-busy", "true");
    const had = $("cards").childElementCount;
    try {
      const found = await this.#page();
      announce(`${count(found.length, "older picture")} shown`);
      // The focus moves to the first new entry, even if the button is gone.
      $("cards").children[had]?.querySelector(".thumb:enabled, button")?.focus({ preventScroll: true });
    } catch (error) { notice(error.message); }
    $("more").removeAttribute("aria-busy");
    this.#isLoading = false;
  }

  #set(next) {
    this.#next = next;
    $("more").hidden = next === null;
  }
}
