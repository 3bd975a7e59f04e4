/**
 * An image that changes without flashing: the next picture is loaded and decoded aside, then replaces the present one.
 * If pictures arrive faster than they load, the latest is shown.
 */
export class LiveImage {
  /** The element in the document. */
  node;
  url = null;
  #wanted = null;
  #loading = false;

  constructor({ alt = "", onshow = () => {}, onfail = () => {} } = {}) {
    this.node = new Image();
    this.node.alt = alt;
    this.node.draggable = false;
    this.node.hidden = true;
    this.onshow = onshow;
    this.onfail = onfail;
  }

  show(url) {
    if (url === this.#wanted) return;
    this.#wanted = url;
    if (url === null) { this.node.hidden = true; this.url = null; }
    else if (!this.#loading) this.#load();
  }

  async #load() {
    const url = this.#wanted;
    const next = new Image();
    next.src = url;
    this.#loading = true;
    let failed = false;
    try { await next.decode(); } catch { failed = true; }
    this.#loading = false;
    if (this.#wanted === null) return;
    if (!failed) this.#place(next, url);
    if (this.#wanted !== url) this.#load();
    else if (failed) this.onfail(url);
  }

  #place(next, url) {
    next.alt = this.node.alt;
    next.draggable = false;
    next.className = this.node.className;
    next.style.cssText = this.node.style.cssText;
    this.node.replaceWith(next);
    this.node = next;
    this.url = url;
    this.onshow(url);
  }
}
