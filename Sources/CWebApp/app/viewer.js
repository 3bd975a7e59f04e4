import { $, button, setProgress, setText } from "./dom.js";
import { announce } from "./announce.js";
import { Choosers } from "./choosers.js";
import { comparison, original, regionOf } from "./comparison.js";
import { PartChooser } from "./part.js";
import { Stage } from "./stage.js";
import { isActive } from "./store.js";
import { isFinished } from "./versions.js";
import { bytes, contents, dimensions, formatNames, longDate, recipe, standing, work } from "./words.js";

const panStep = 80;

/** A full-screen dialog that compares a picture with its original and its other versions. */
export class Viewer {
  #dialog = $("viewer");
  #stage = new Stage();
  #part = new PartChooser(this.#stage);
  #choosers;
  #store;
  #actions;
  #entry = null;
  #layers = [null, null];
  #offered = null;
  #isLeaving = false;

  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    this.#choosers = new Choosers(store, actions.settings, (entry) => this.#chosen(entry));
    store.subscribe((kind, entry) => this.#changed(kind, entry));
    this.#stage.onfail = () => setText($("stage-note"), "The result could not be loaded.");
    for (const image of this.#stage.images) {
      const place = image.onshow;
      image.onshow = () => { place(); this.#remark(); };
    }
    this.#listen();
  }

  /** Shows an entry beside its original or, given `against`, beside another version. */
  open(entry, { against = original } = {}) {
    if (!entry.restoration) return;
    const isOther = entry !== this.#entry;
    this.#turnTo(entry, against);
    if (!this.#dialog.open) {
      this.#dialog.showModal();
      // Everything outside an open dialog is inert, including live regions.
      this.#dialog.append($("announcer"));
      // The back key of phones closes the dialog.
      history.pushState({ viewer: true }, "");
    }
    this.#update(isOther);
    $("stage").focus();
  }

  #turnTo(entry, against = original) {
    this.#entry = entry;
    this.#offered = null;
    this.#choosers.begin(against);
    this.#endPart();
  }

  #listen() {
    const stage = this.#stage;
    this.#dialog.addEventListener("close", () => {
      this.#endPart();
      this.#entry = null;
      stage.clear();
      document.body.append($("announcer"));
      this.#isLeaving = Boolean(history.state?.viewer);
      if (this.#isLeaving) history.back();
    });
    addEventListener("popstate", () => {
      if (!this.#isLeaving) this.#dialog.close();
      this.#isLeaving = false;
    });
    // A reloaded page has no dialog open.
    if (history.state?.viewer) history.replaceState(null, "");
    $("close").addEventListener("click", () => this.#dialog.close());
    $("previous").addEventListener("click", () => this.#step(-1));
    $("next").addEventListener("click", () => this.#step(1));
    $("zoom-in").addEventListener("click", () => stage.zoom(1.4));
    $("zoom-out").addEventListener("click", () => stage.zoom(1 / 1.4));
    $("fit").addEventListener("click", () => stage.fit());
    $("actual").addEventListener("click", () => stage.actual());
    $("sides").addEventListener("click", () => this.#toggleSides());
    $("part-cancel").addEventListener("click", () => { this.#endPart(); $("stage").focus(); });
    $("part-try").addEventListener("click", () => this.#again(this.#part.part));
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.matches("select")) return;
    const keys = {
      "+": () => this.#stage.zoom(1.4), "=": () => this.#stage.zoom(1.4), "-": () => this.#stage.zoom(1 / 1.4),
      0: () => this.#stage.fit(), 1: () => this.#stage.actual(), s: () => this.#toggleSides(),
      PageUp: () => this.#step(-1), PageDown: () => this.#step(1),
      ArrowLeft: () => this.#move(1, 0), ArrowRight: () => this.#move(-1, 0),
      ArrowUp: () => this.#move(0, 1), ArrowDown: () => this.#move(0, -1),
    };
    // Escape first cancels the choice of a part, then closes the dialog.
    if (this.#part.isOpen) keys.Escape = () => $("part-cancel").click();
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  }

  /** The arrow keys move a picture that is larger than the window; otherwise they show the next one. */
  #move(right, down) {
    if (!this.#stage.fits) this.#stage.pan(right * panStep, down * panStep);
    else if (right !== 0) this.#step(-right);
  }

  #toggleSides() {
    this.#stage.isBeside = !this.#stage.isBeside;
    $("sides").setAttribute("aria-pressed", String(this.#stage.isBeside));
  }

  get #others() { return this.#store.entries.filter(({ restoration }) => restoration); }

  #step(by) {
    const entries = this.#others;
    const next = entries[entries.indexOf(this.#entry) + by];
    if (!next) return;
    this.#turnTo(next);
    this.#update(true);
    announce(`${next.restoration.name}, ${entries.indexOf(next) + 1} of ${entries.length}`);
  }

  /** A version was chosen for a side; the one on the right becomes the dialog's entry. */
  #chosen(entry) {
    if (entry && entry !== this.#entry) { this.#entry = entry; this.#offered = null; }
    this.#update(false);
  }

  #changed(kind, entry) {
    if (!this.#dialog.open) return;
    if (entry === this.#entry) {
      if (kind === "changed") this.#update(false);
      else { this.#entry = null; this.#dialog.close(); }
    } else if (this.#entry && (kind !== "changed" || isFinished(entry))) {
      this.#update(false);
    }
  }

  #showNeighbours() {
    const entries = this.#others;
    const place = entries.indexOf(this.#entry);
    $("previous").disabled = place <= 0;
    $("next").disabled = place >= entries.length - 1;
    // A button that is about to be disabled must not keep the focus.
    if (document.activeElement === document.body || document.activeElement?.disabled) $("stage").focus();
  }

  #update(isOther) {
    const { restoration } = this.#entry;
    const { name, state, output, settings, expires, progress, warnings, error } = restoration;
    setText($("viewer-name"), name);
    setText($("viewer-standing"),
      `${dimensions(regionOf(restoration))} → ${dimensions(output)} · ${standing(restoration)}`);
    const at = state === "running" && !restoration.cancelling ? work(restoration) : "";
    setText($("viewer-work"), at && ` · ${at}`);
    const tense = isFinished(this.#entry) ? "written" : "to be written";
    const facts = [
      recipe(settings, this.#actions.settings.draws(settings.model)),
      isFinished(this.#entry) ? format(output) : null,
      restoration.input.contents ? `read: ${contents(restoration.input.contents)}` : null,
      output.contents ? `${tense}: ${contents(output.contents)}` : null,
      !isActive(this.#entry) && expires ? `kept until ${longDate(expires)}` : null,
      ...warnings,
    ];
    setText($("viewer-facts"), error ?? facts.filter(Boolean).join(" · "));
    $("viewer-facts").classList.toggle("error", error !== null);
    $("viewer-bar").classList.toggle("idle", !isActive(this.#entry));
    setProgress($("viewer-bar"), progress);

    const [left, right] = this.#choosers.show(this.#entry);
    const { size, layers } = comparison(this.#entry, left, right);
    this.#layers = layers;
    this.#stage.show({ size, layers, isOther });
    this.#remark();
    this.#offer();
    this.#showNeighbours();
  }

  /** Explains on the picture what is missing or reduced. */
  #remark() {
    if (!this.#entry) return;
    const { restoration } = this.#entry;
    const { state, preview } = restoration;
    const [, after] = this.#layers;
    const isLoading = after?.picture && this.#stage.after.url !== after.url;
    const text = isLoading ? "Loading the result…"
      : state === "queued" ? `Waiting. ${standing(restoration)}`
      : state === "running" && preview === null ? "Starting…" : "";
    setText($("stage-note"), text);
    setText(this.#stage.panes[1].querySelector(".tag"), state === "running" ? "Preview" : "After");
    setText($("reduced"), this.#reduced());
  }

  /** The versions that the browser received in a reduced size. */
  #reduced() {
    const names = this.#choosers.isChoice ? ["the left one", "the right one"] : ["the original", "the result"];
    const reduced = this.#layers.map((layer, side) => {
      const { url, node } = this.#stage.images[side];
      if (!layer?.picture || url !== layer.url) return null;
      // The longer side is the same whether rotated or not.
      const shown = Math.max(node.naturalWidth, node.naturalHeight);
      const real = Math.max(layer.picture.width, layer.picture.height);
      return shown > 0 && shown < real ? `${names[side]} at ${Math.round((shown / real) * 100)} %` : null;
    }).filter(Boolean);
    return reduced.length > 0 ? `Reduced for display: ${reduced.join(", ")} of its size` : "";
  }

  async #again(part) {
    const from = this.#entry;
    const made = await this.#actions.again(from, part);
    if (!made || !this.#dialog.open) return;
    const isComparable = isFinished(from) && !part && !from.restoration.settings.crop;
    this.open(made, { against: isComparable ? from : original });
  }

  #beginPart() {
    $("part-bar").hidden = false;
    $("viewer").classList.add("choosing-part");
    this.#part.begin(comparison(this.#entry, ...this.#choosers.sides(this.#entry)).region);
  }

  #endPart() {
    $("part-bar").hidden = true;
    $("viewer").classList.remove("choosing-part");
    this.#part.end();
  }

  #offer() {
    const entry = this.#entry;
    const { state, cancelling } = entry.restoration;
    const kind = `${state} ${cancelling}`;
    if (this.#offered === kind) return;
    this.#offered = kind;
    const actions = this.#actions;
    const hadFocus = $("viewer-actions").contains(document.activeElement);
    const brief = (icon, text, title, act) => {
      const node = button(icon, text, act, { kind: "plain brief", label: title });
      node.title = title;
      return node;
    };
    const choices = [
      button("trash", "", () => actions.remove(entry), { kind: "plain", label: "Delete" }),
      brief("crop", "Try a part", "Try a part of the picture", () => this.#beginPart()),
      brief("sliders", "Other settings", "Other settings for this picture", () => this.#again(null)),
    ];
    if (state === "succeeded") {
      choices.push(button("download", "Download", () => actions.download(entry.restoration), { kind: "primary" }));
    } else if (!isActive(entry)) choices.push(button("again", "Try again", () => actions.retry(entry)));
    else if (!cancelling) choices.push(button("stop", "Cancel", () => actions.cancel(entry)));
    $("viewer-actions").replaceChildren(...choices);
    if (hadFocus) $("viewer-actions").lastElementChild.focus();
  }
}

function format({ mediaType, bytes: size }) {
  const kind = mediaType.replace("image/", "");
  return [formatNames[kind] ?? kind.toUpperCase(), size === null ? null : bytes(size)].filter(Boolean).join(", ");
}
