import { $, setText } from "./dom.js";
import { count } from "./words.js";
import { isActive } from "./store.js";

let pending = [];
let timer = null;

/** Says something to screen readers; what comes together is said together. */
export function announce(text) {
  pending.push(text);
  clearTimeout(timer);
  timer = setTimeout(() => {
    $("announcer").textContent = pending.length > 3 ? summarised(pending) : pending.join(". ");
    pending = [];
  }, 700);
}

const summarised = (lines) => `${lines.slice(-2).join(". ")}, and ${count(lines.length - 2, "more change")}`;

/** Ends of restorations are announced; progress would be chatter. */
export function announceChanges(store) {
  store.subscribe((kind, entry, previous) => {
    const { upload, restoration } = entry;
    if (kind !== "changed") return;
    if (upload?.state === "failed") announce(`${upload.name} was not taken: ${upload.error}`);
    if (!restoration || !previous || previous.state === restoration.state) return;
    const said = { succeeded: "is finished", failed: `failed: ${restoration.error}`, cancelled: "is cancelled" };
    const text = said[restoration.state];
    if (text) announce(`${restoration.name} ${text}`);
  });
}

/** The window's title and the line above the list show how far everything is. */
export function showOverall(store) {
  // What is being worked at, and what was finished since nothing was.
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
    document.title = active.length > 0 ? `${percent} - NSARM` : "NSARM";

    const running = active.filter(({ restoration }) => restoration && restoration.state !== "queued").length;
    const finished = store.entries.filter(({ restoration }) => restoration?.state === "succeeded").length;
    const failed = store.entries.filter(
      ({ upload, restoration }) => (upload ?? restoration).state === "failed").length;
    setText($("summary"), [
      running ? `${running} running` : null,
      active.length - running ? `${active.length - running} waiting` : null,
      finished ? `${finished} finished` : null,
      failed ? `${failed} failed` : null,
    ].filter(Boolean).join(", "));
  }

  store.subscribe((kind, entry) => {
    if (kind === "removed") batch.delete(entry);
    frame ??= setTimeout(update, 100);
  });
}
