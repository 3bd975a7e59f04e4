import { $, button, element, setProgress, setText } from "./dom.js";
import { icon } from "./icons.js";
import { LiveImage } from "./live-image.js";
import { hasAlpha, originalURL, previewURL, resultURL } from "./pictures.js";
import { isActive } from "./store.js";
import { isFinished, versionsOf } from "./versions.js";
import { bytes, dimensions, part, shortDate, size, standing, work } from "./words.js";

/** The list of pictures: a card for each entry, in the order of the store. */
export function showCards(store, actions, viewer) {
  const list = $("cards");
  const cards = new Map();
  const byNode = new WeakMap();
  const nearness = new IntersectionObserver((changes) => {
    for (const { isIntersecting, target } of changes) {
      if (!isIntersecting) continue;
      nearness.unobserve(target);
      byNode.get(target).comeNear();
    }
  }, { rootMargin: "600px" });
  store.subscribe((kind, entry, previous) => {
    if (kind === "added") {
      const card = new Card(entry, actions, viewer);
      cards.set(entry, card);
      const next = store.entries[store.entries.indexOf(entry) + 1];
      list.insertBefore(card.node, cards.get(next)?.node ?? null);
      byNode.set(card.node, card);
      nearness.observe(card.node);
    } else if (kind === "changed") {
      cards.get(entry)?.update();
    } else {
      removeCard(cards.get(entry));
      cards.delete(entry);
    }
    // Cards offer a comparison if there is another version.
    if (entry.restoration && (kind !== "changed" || previous?.state !== entry.restoration.state)) {
      for (const other of versionsOf(entry, store)) if (other !== entry) cards.get(other)?.update();
    }
  });

  /** Moves the focus to the neighbour. */
  function removeCard(card) {
    const hasFocus = card.node.contains(document.activeElement);
    const neighbour = card.node.nextElementSibling ?? card.node.previousElementSibling;
    card.node.remove();
    if (hasFocus) (neighbour?.querySelector(".thumb:enabled, button") ?? document.querySelector(".choose")).focus();
  }
}

class Card {
  #entry;
  #actions;
  #viewer;
  #image;
  #name = element("h3", { class: "name" });
  #sizes = element("p", { class: "sizes quiet" });
  #status = element("p", { class: "standing" });
  #detail = element("p", { class: "detail quiet" });
  #bar = element("div", { class: "bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 },
    element("div"));
  #notes = element("ul", { class: "notes" });
  #buttons = element("div", { class: "actions" });
  #thumb;
  #offered = null;
  #wanted = null;
  #isNear = false;

  constructor(entry, actions, viewer) {
    this.#entry = entry;
    this.#actions = actions;
    this.#viewer = viewer;
    this.#image = new LiveImage({ onfail: () => this.#showOriginal() });
    this.#thumb = element("button", { type: "button", class: "thumb", onclick: () => viewer.open(entry) },
      icon("picture"), this.#image.node);
    this.node = element("li", { class: "card" }, this.#thumb,
      element("div", { class: "text" },
        this.#name, this.#sizes, this.#status, this.#bar, this.#detail, this.#notes),
      this.#buttons);
    this.update();
  }

  update() {
    const { upload, restoration } = this.#entry;
    const name = (restoration ?? upload).name;
    setText(this.#name, name);
    this.#name.title = name;
    this.#thumb.disabled = !restoration;
    this.#thumb.setAttribute("aria-label", `View ${name}`);
    this.#bar.setAttribute("aria-label", `Progress of ${name}`);
    if (restoration) this.#showRestoration(restoration);
    else this.#showUpload(upload);
    this.#offer(this.#choices());
  }

  #showUpload(upload) {
    const { file, state, sent, error, note } = upload;
    this.node.dataset.state = state === "failed" ? "failed" : "uploading";
    setText(this.#sizes, bytes(file.size));
    const said = {
      waiting: "Waiting to be sent", sending: `Sending, ${Math.round(sent * 100)} %`,
      sent: "Sent", failed: "Not accepted",
    };
    setText(this.#status, said[state]);
    setText(this.#detail, "");
    this.#bar.classList.toggle("idle", state === "failed");
    setProgress(this.#bar, sent);
    this.#note(error ? [[error, "error"]] : note ? [[note, "warning"]] : []);
    this.#show(upload.url, false);
  }

  #showRestoration(restoration) {
    const { input, output, settings, state, progress, expires, warnings, error } = restoration;
    this.node.dataset.state = state;
    const { crop = null } = settings;
    setText(this.#sizes, `${dimensions(crop ?? input)} → ${dimensions(output)}`);
    this.#sizes.title = size(settings);
    setText(this.#status, standing(restoration));
    const kept = !isActive(this.#entry) && expires ? `Kept until ${shortDate(expires)}` : "";
    const said = state === "running" ? work(restoration) : kept;
    const whole = crop === null || isActive(this.#entry);
    setText(this.#detail, [whole ? null : `A ${part(crop)}`, said].filter(Boolean).join(". "));
    this.#bar.classList.toggle("idle", !isActive(this.#entry));
    setProgress(this.#bar, progress);
    this.#note([...(error ? [[error, "error"]] : []), ...warnings.map((text) => [text, "warning"])]);
    if (restoration.preview !== null) this.#show(previewURL(restoration), state === "succeeded" && hasAlpha(output));
    else if (state === "succeeded") this.#show(resultURL(restoration), hasAlpha(output));
    else this.#showOriginal();
  }

  #show(url, hasAlpha) {
    this.#thumb.classList.toggle("checkered", hasAlpha);
    this.#wanted = url;
    if (this.#isNear) this.#image.show(url);
  }

  /** The card has come near the window; the pictures of distant cards are not loaded. */
  comeNear() {
    this.#isNear = true;
    this.#image.show(this.#wanted);
  }

  #showOriginal() {
    const { restoration } = this.#entry;
    this.#show(originalURL(this.#entry), restoration !== null && hasAlpha(restoration.input));
  }

  #note(lines) {
    const key = JSON.stringify(lines);
    if (this.#notes.dataset.key === key) return;
    this.#notes.dataset.key = key;
    this.#notes.replaceChildren(...lines.map(([text, kind]) =>
      element("li", { class: kind }, icon("warning"), element("span", {}, text))));
  }

  #choices() {
    const { upload, restoration } = this.#entry;
    if (upload) return upload.state === "failed" ? ["retry", "dismiss"] : ["cancel"];
    if (restoration.state === "succeeded") {
      return this.#others().length > 0 ? ["download", "compare", "again", "delete"] : ["download", "again", "delete"];
    }
    if (isActive(this.#entry)) return restoration.cancelling ? ["delete"] : ["cancel", "delete"];
    return ["retry", "again", "delete"];
  }

  /** The other finished versions of the picture, the latest last. */
  #others() {
    return versionsOf(this.#entry, this.#actions.store).filter((other) => other !== this.#entry && isFinished(other));
  }

  #compare() { this.#viewer.open(this.#entry, { against: this.#others().at(-1) }); }

  /** Buttons are only replaced if they differ, so that they keep the focus. */
  #offer(choices) {
    if (this.#offered === choices.join()) return;
    this.#offered = choices.join();
    const hadFocus = this.#buttons.contains(document.activeElement);
    const entry = this.#entry;
    const actions = this.#actions;
    const name = (entry.restoration ?? entry.upload).name;
    const make = {
      retry: () => button("again", "Try again", () => actions.retry(entry), { label: `Try again: ${name}` }),
      dismiss: () => button("close", "", () => actions.remove(entry), { kind: "plain", label: `Dismiss ${name}` }),
      cancel: () => button("stop", "Cancel", () => actions.cancel(entry), { label: `Cancel ${name}` }),
      download: () => button("download", "Download", () => actions.download(entry.restoration),
        { kind: "soft", label: `Download ${name}` }),
      compare: () => button("columns", "", () => this.#compare(),
        { kind: "plain", label: `Compare the results of ${name}` }),
      again: () => button("sliders", "", () => actions.again(entry),
        { kind: "plain", label: `Try other settings for ${name}` }),
      delete: () => button("trash", "", () => actions.remove(entry), { kind: "plain", label: `Delete ${name}` }),
    };
    this.#buttons.replaceChildren(...choices.map((choice) => make[choice]()));
    if (hadFocus) this.#buttons.firstElementChild.focus();
  }
}
