import { $, button, setProgress, setText } from "./dom.js";
import { announce } from "./announce.js";
import { inputURL, previewURL, resultURL } from "./api.js";
import { Stage } from "./stage.js";
import { isActive } from "./store.js";
import { bytes, contents, dimensions, formatNames, longDate, recipe, standing, work } from "./words.js";

const panStep = 80;

/** A window over everything in which before and after of one picture are compared. */
export class Viewer {
  #dialog = $("viewer");
  #stage = new Stage();
  #store;
  #actions;
  #entry = null;
  #offered = null;
  #isLeaving = false;

  constructor(store, actions) {
    this.#store = store;
    this.#actions = actions;
    store.subscribe((kind, entry) => this.#changed(kind, entry));
    this.#stage.onfail = () => setText($("stage-note"), "The result could not be loaded.");
    for (const image of [this.#stage.before, this.#stage.after]) {
      const place = image.onshow;
      image.onshow = () => { place(); this.#remark(); };
    }
    this.#listen();
  }

  open(entry) {
    if (!entry.restoration) return;
    const isOther = entry !== this.#entry;
    this.#entry = entry;
    this.#offered = null;
    if (!this.#dialog.open) {
      this.#dialog.showModal();
      // Whatever lies outside an open dialog is inert, a live region too.
      this.#dialog.append($("announcer"));
      // The back key of phones closes the window.
      history.pushState({ viewer: true }, "");
    }
    this.#update(isOther);
    $("stage").focus();
  }

  #listen() {
    const stage = this.#stage;
    this.#dialog.addEventListener("close", () => {
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
    // A page that was loaded anew has no window open.
    if (history.state?.viewer) history.replaceState(null, "");
    $("close").addEventListener("click", () => this.#dialog.close());
    $("previous").addEventListener("click", () => this.#step(-1));
    $("next").addEventListener("click", () => this.#step(1));
    $("zoom-in").addEventListener("click", () => stage.zoom(1.4));
    $("zoom-out").addEventListener("click", () => stage.zoom(1 / 1.4));
    $("fit").addEventListener("click", () => stage.fit());
    $("actual").addEventListener("click", () => stage.actual());
    $("sides").addEventListener("click", () => this.#toggleSides());
    this.#dialog.addEventListener("keydown", (event) => this.#key(event));
  }

  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const keys = {
      "+": () => this.#stage.zoom(1.4), "=": () => this.#stage.zoom(1.4), "-": () => this.#stage.zoom(1 / 1.4),
      0: () => this.#stage.fit(), 1: () => this.#stage.actual(), s: () => this.#toggleSides(),
      PageUp: () => this.#step(-1), PageDown: () => this.#step(1),
      ArrowLeft: () => this.#move(1, 0), ArrowRight: () => this.#move(-1, 0),
      ArrowUp: () => this.#move(0, 1), ArrowDown: () => this.#move(0, -1),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  }

  /** Arrows move a picture that is larger than the window; of others there is nothing to move, only to turn over. */
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
    this.#entry = next;
    this.#offered = null;
    this.#update(true);
    announce(`${next.restoration.name}, ${entries.indexOf(next) + 1} of ${entries.length}`);
  }

  #changed(kind, entry) {
    if (!this.#dialog.open) return;
    if (entry === this.#entry) {
      if (kind === "removed") this.#dialog.close();
      else this.#update(false);
    } else if (kind !== "changed") {
      this.#showNeighbours();
    }
  }

  #showNeighbours() {
    const entries = this.#others;
    const place = entries.indexOf(this.#entry);
    $("previous").disabled = place <= 0;
    $("next").disabled = place >= entries.length - 1;
    // A button that was used and cannot be used again must not keep the keyboard.
    if (document.activeElement === document.body || document.activeElement?.disabled) $("stage").focus();
  }

  #update(isOther) {
    const { restoration, local } = this.#entry;
    const { name, state, input, output, settings, expires, preview, progress, warnings, error } = restoration;
    const isFinished = state === "succeeded";
    setText($("viewer-name"), name);
    setText($("viewer-status"), [
      `${dimensions(input)} → ${dimensions(output)}`, standing(restoration),
      state === "running" ? work(restoration) : null,
    ].filter(Boolean).join(" · "));
    const facts = [
      recipe(settings, this.#actions.settings.draws(settings.model)),
      isFinished ? format(output) : null,
      input.contents ? `read: ${contents(input.contents)}` : null,
      output.contents ? `${isFinished ? "written" : "to be written"}: ${contents(output.contents)}` : null,
      !isActive(this.#entry) && expires ? `kept until ${longDate(expires)}` : null,
      ...warnings,
    ];
    setText($("viewer-facts"), error ?? facts.filter(Boolean).join(" · "));
    $("viewer-facts").classList.toggle("error", error !== null);
    $("viewer-bar").classList.toggle("idle", !isActive(this.#entry));
    setProgress($("viewer-bar"), progress);

    const running = state === "running" && preview !== null ? previewURL(restoration) : null;
    this.#stage.show({
      size: output, before: local ?? inputURL(restoration),
      after: isFinished ? resultURL(restoration) : running, isOther,
    });
    this.#remark();
    this.#offer();
    this.#showNeighbours();
  }

  /** Says on the picture what is not there yet. */
  #remark() {
    if (!this.#entry) return;
    const { restoration } = this.#entry;
    const { state, preview } = restoration;
    const isLoading = state === "succeeded" && this.#stage.after.url !== resultURL(restoration);
    const text = isLoading ? "Loading the result…"
      : state === "queued" ? "Waiting for its turn"
      : state === "running" && preview === null ? "Starting…" : "";
    setText($("stage-note"), text);
    const tag = this.#stage.panes[1].querySelector(".tag");
    setText(tag, state === "running" ? "Preview" : "After");
  }

  #offer() {
    const entry = this.#entry;
    const { state } = entry.restoration;
    if (this.#offered === state) return;
    this.#offered = state;
    const actions = this.#actions;
    const hadFocus = $("viewer-actions").contains(document.activeElement);
    const remove = button("trash", "", () => actions.remove(entry), { kind: "plain", label: "Delete" });
    const again = button("again", "Restore again", () => { actions.again(entry); this.#dialog.close(); });
    again.title = "Restore again with the settings of the list";
    const choices = state === "succeeded"
      ? [again, button("download", "Download", () => actions.download(entry.restoration), { kind: "primary" })]
      : isActive(entry) ? [button("stop", "Cancel", () => actions.cancel(entry))] : [again];
    $("viewer-actions").replaceChildren(remove, ...choices);
    if (hadFocus) $("viewer-actions").lastElementChild.focus();
  }
}

function format({ mediaType, bytes: size }) {
  const kind = mediaType.replace("image/", "");
  return [formatNames[kind] ?? kind.toUpperCase(), size === null ? null : bytes(size)].filter(Boolean).join(", ");
}
