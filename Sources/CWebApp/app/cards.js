import { $, button, element, setProgress, setText } from "./dom.js";
import { icon } from "./icons.js";
import { inputURL, previewURL } from "./api.js";
import { LiveImage } from "./live-image.js";
import { isActive } from "./store.js";
import { bytes, dimensions, shortDate, standing, work } from "./words.js";

/** The list of pictures: a card for each entry, kept in the order of the store. */
export function showCards(store, actions, open) {
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
  store.subscribe((kind, entry) => {
    if (kind === "added") {
      const card = new Card(entry, actions, open);
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
  });

  /** The keyboard's place goes to the neighbour. */
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

  constructor(entry, actions, open) {
    this.#entry = entry;
    this.#actions = actions;
    this.#image = new LiveImage({ onfail: () => this.#showOriginal() });
    this.#thumb = element("button", { type: "button", class: "thumb", onclick: () => open(entry) },
      icon("picture"), this.#image.node);
    this.node = element("li", { class: "card" }, this.#thumb,
      element("div", { class: "text" },
        this.#name, this.#sizes, this.#status, this.#bar, this.#detail, this.#notes, this.#buttons));
    this.update();
  }

  update() {
    const { upload, restoration } = this.#entry;
    const name = (restoration ?? upload).name;
    setText(this.#name, name);
    this.#name.title = name;
    this.#thumb.disabled = !restoration;
    this.#thumb.setAttribute("aria-label", `Look at ${name}`);
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
      sent: "Sent", failed: "Not taken",
    };
    setText(this.#status, said[state]);
    setText(this.#detail, "");
    this.#bar.classList.toggle("idle", state === "failed");
    setProgress(this.#bar, sent);
    this.#note(error ? [[error, "error"]] : note ? [[note, "warning"]] : []);
    this.#show(upload.url);
  }

  #showRestoration(restoration) {
    const { input, output, state, progress, expires, warnings, error } = restoration;
    this.node.dataset.state = state;
    setText(this.#sizes, `${dimensions(input)} → ${dimensions(output)}`);
    setText(this.#status, standing(restoration));
    const kept = !isActive(this.#entry) && expires ? `Kept until ${shortDate(expires)}` : "";
    setText(this.#detail, state === "running" ? work(restoration) : kept);
    this.#bar.classList.toggle("idle", !isActive(this.#entry));
    setProgress(this.#bar, progress);
    this.#note([...(error ? [[error, "error"]] : []), ...warnings.map((text) => [text, "warning"])]);
    if (restoration.preview === null) this.#showOriginal();
    else this.#show(previewURL(restoration));
  }

  #show(url) {
    this.#wanted = url;
    if (this.#isNear) this.#image.show(url);
  }

  /** The card came near the window; pictures of cards farther away are not asked for. */
  comeNear() {
    this.#isNear = true;
    this.#image.show(this.#wanted);
  }

  #showOriginal() {
    const { local, restoration } = this.#entry;
    this.#show(local ?? (restoration && inputURL(restoration)));
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
    if (restoration.state === "succeeded") return ["download", "again", "delete"];
    if (isActive(this.#entry)) return ["cancel", "delete"];
    return ["retryRestoration", "delete"];
  }

  /** Buttons are only made anew when others are offered, so that none loses the keyboard's place for nothing. */
  #offer(choices) {
    if (this.#offered === choices.join()) return;
    this.#offered = choices.join();
    const hadFocus = this.#buttons.contains(document.activeElement);
    const entry = this.#entry;
    const actions = this.#actions;
    const name = (entry.restoration ?? entry.upload).name;
    const make = {
      retry: () => button("again", "Try again", () => actions.uploads.retry(entry), { label: `Try again: ${name}` }),
      dismiss: () => button("close", "", () => actions.remove(entry), { kind: "plain", label: `Dismiss ${name}` }),
      cancel: () => button("stop", "Cancel", () => actions.cancel(entry), { label: `Cancel ${name}` }),
      download: () => button("download", "Download", () => actions.download(entry.restoration),
        { kind: "soft", label: `Download ${name}` }),
      again: () => button("again", "", () => actions.again(entry),
        { kind: "plain", label: `Restore ${name} again with the present settings` }),
      retryRestoration: () => button("again", "Try again", () => actions.again(entry), { label: `Try again: ${name}` }),
      delete: () => button("trash", "", () => actions.remove(entry), { kind: "plain", label: `Delete ${name}` }),
    };
    this.#buttons.replaceChildren(...choices.map((choice) => make[choice]()));
    if (hadFocus) this.#buttons.firstElementChild.focus();
  }
}
