import { $, setText } from "./dom.js";
import * as api from "./api.js";
import { isActive } from "./store.js";

const longestPause = 15_000;

/**
 * Follows the server's events into the store, through broken connections, and says when one is broken.
 * `begun` gets the list that a connection begins with, `connected` is told of every one.
 */
export function followEvents(store, { begun, connected }) {
  let source = null;
  let timer = null;
  let banner = null;
  let failures = 0;
  // Revisions may begin again with a new connection, until it has said what there is.
  let fresh = true;

  function connect() {
    clearTimeout(timer);
    source?.close();
    fresh = true;
    source = new EventSource("/v1/events");
    source.addEventListener("open", () => { failures = 0; lost(false); connected(); });
    const on = (name, take) => source.addEventListener(name, ({ data }) => take(JSON.parse(data)));
    on("restoration", (restoration) => store.put(restoration, fresh));
    on("removed", ({ id }) => store.removeID(id));
    on("queue", (queue) => store.setQueue(queue));
    on("list", (list) => { fresh = false; begun(list); });
    source.addEventListener("error", again);
  }

  async function again() {
    // A short break, such as while the computer wakes, is not worth a word.
    banner ??= setTimeout(() => lost(true), 1200);
    // After most breaks the browser asks by itself for what it missed; after others it gives up.
    if (source.readyState === EventSource.CONNECTING && failures === 0) {
      failures = 1;
      clearTimeout(timer);
      timer = setTimeout(() => { if (!isConnected()) connect(); }, longestPause);
      return;
    }
    source.close();
    failures += 1;
    const pause = Math.min(250 * 2 ** failures, longestPause);
    // Only an ordinary call tells a refused token from a server that is away; it asks for the token.
    await api.mayRead().catch(() => {});
    clearTimeout(timer);
    timer = setTimeout(connect, pause);
  }

  function lost(isLost) {
    if (!isLost) { clearTimeout(banner); banner = null; }
    $("connection").classList.toggle("lost", isLost);
    setText($("connection"), isLost ? "Connection lost, reconnecting…" : "");
  }

  const isConnected = () => source?.readyState === EventSource.OPEN;
  // What looks open then may lead nowhere.
  addEventListener("online", connect);
  // Browsers open six connections to a server at most, for all its pages together: an idle page in
  // the background gives its own back.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && !store.entries.some(isActive)) { clearTimeout(timer); source?.close(); }
    else if (!document.hidden && !isConnected()) connect();
  });
  connect();
}
