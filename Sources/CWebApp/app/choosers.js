import { $, element } from "./dom.js";
import { original } from "./comparison.js";
import { isFinished, versionNames, versionsOf } from "./versions.js";

/** The choice of the versions to show on the left and on the right. */
export class Choosers {
  #store;
  #models;
  #left = original;
  #isRightOriginal = false;
  #entries = [];
  #nodes = [$("left"), $("right")];

  /** `chosen` receives the entry for the right side, or null if it has not changed. */
  constructor(store, models, chosen) {
    this.#store = store;
    this.#models = models;
    const [left, right] = this.#nodes;
    left.addEventListener("change", () => { this.#left = this.#found(left.value); chosen(null); });
    right.addEventListener("change", () => {
      const side = this.#found(right.value);
      this.#isRightOriginal = side === original;
      chosen(side === original ? null : side);
    });
    for (const node of this.#nodes) {
      // The stage below would capture the pointer.
      for (const kind of ["pointerdown", "dblclick"]) node.addEventListener(kind, (event) => event.stopPropagation());
    }
  }

  #found(id) { return this.#store.entry(id) ?? original; }

  begin(left) { [this.#left, this.#isRightOriginal] = [left, false]; }

  get isChoice() { return this.#entries.length > 1; }

  /** The chosen versions, each `original` or an entry. */
  sides(entry) { return [this.#left, this.#isRightOriginal ? original : entry]; }

  /** Offers the versions of an entry's picture, and selects the current ones. */
  show(entry) {
    const versions = versionsOf(entry, this.#store);
    const names = new Map(versionNames(versions, this.#models).map((name, index) => [versions[index], name]));
    this.#entries = versions.filter((version) => version === entry || isFinished(version));
    if (this.#left !== original && !this.#entries.includes(this.#left)) this.#left = original;
    const sides = this.sides(entry);
    this.#nodes.forEach((node, index) => {
      node.hidden = !this.isChoice;
      const results = this.#entries.map((other) => [other.restoration.id, names.get(other)]);
      const options = [[original, "Original"], ...results];
      const key = JSON.stringify(options);
      if (node.dataset.key !== key) {
        node.dataset.key = key;
        node.replaceChildren(...options.map(([value, text]) => element("option", { value }, text)));
      }
      node.value = sides[index] === original ? original : sides[index].restoration.id;
      node.title = node.selectedOptions[0]?.textContent ?? "";
    });
    $("stage").classList.toggle("choice", this.isChoice);
    return sides;
  }
}
