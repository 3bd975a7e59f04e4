import { $, setText } from "./dom.js";
import { count } from "./words.js";
import { isActive, isUnfinished } from "./store.js";

let pending = [];
let timer = null;

/** Announces a message to screen readers; messages at the same time are combined. */
export function announce(text) {
  pending.push(text);
  clearTimeout(timer);
  timer = setTimeout(() => {
    $("announcer").textContent = pending.length > 3 ? summarised(pending) : pending.join(". ");
    pending = [];
  }, 700);
}

const summarised = (lines) => `${lines.slice(-2).join(". ")}, and ${count(lines.length - 2, "more change")}`;

/** Announces ended restorations; progress would be too much. */
export function announceChanges(store) {
  store.subscribe((kind, entry, previous) => {
    const { upload, restoration } = entry;
    if (kind !== "changed") return;
    if (upload?.state === "failed") announce(`${upload.name} was not accepted: ${upload.error}`);
    if (!restoration || !previous) return;
    if (restoration.cancelling && !previous.cancelling) announce(`${restoration.name} is being stopped`);
    if (previous.state === restoration.state) return;
    const said = { succeeded: "is finished", failed: `failed: ${restoration.error}`, cancelled: "was cancelled" };
    const text = said[restoration.state];
    if (text) announce(`${restoration.name} ${text}`);
  });
}

/** Shows the overall progress in the window's title and above the list. */
export function showOverall(store, history) {
  // The work in progress, and what has been finished since there was none.
  let batch = new Set();
  let frame = null;

  function share({ upload, restoration }) {
    if (upload) return 0;
    return isActive({ upload, restoration }) ? restoration.progress : 1;
  }

  function update() {
    frame = null;
    const active = store.entries.filter(isActive);
    if (active.length === 0) batch = new Set();
    for (const entry of active) batch.add(entry);
    const part = [...batch].reduce((sum, entry) => sum + share(entry), 0) / Math.max(1, batch.size);
    const percent = `${Math.floor(part * 100)} %`;
    const running = active.filter(({ restoration }) => restoration && restoration.state !== "queued").length;
    const waiting = active.filter(({ upload }) => upload).length + store.queued;
    document.title = active.length === 0 ? "NSARM"
      : `${waiting > 0 ? `${percent}, ${waiting} waiting` : percent} - NSARM`;

    const finished = store.entries.filter(({ restoration }) => restoration?.state === "succeeded").length;
    const ended = store.entries.filter(isUnfinished).map(({ upload, restoration }) => (upload ?? restoration).state);
    const [failed, cancelled] = ["failed", "cancelled"].map((state) => ended.filter((other) => other === state).length);
    const more = history.hasMore ? " or more" : "";
    const others = [
      waiting ? `${waiting} waiting` : null,
      finished ? `${finished}${more} finished` : null,
      failed ? `${failed}${more} failed` : null,
      cancelled ? `${cancelled}${more} cancelled` : null,
    ].filter(Boolean).join(", ");
    $("running").hidden = running === 0;
    setText($("running"), `${running} running`);
    setText($("others"), running > 0 && others ? `, ${others}` : others);
  }

  // In a long list the running entry is far from the top, since it has waited the longest.
  $("running").addEventListener("click", () =>
    document.querySelector('.card[data-state="running"] .thumb')?.focus());

  store.subscribe((kind, entry) => {
    if (kind === "removed") batch.delete(entry);
    frame ??= setTimeout(update, 100);
  });
}
