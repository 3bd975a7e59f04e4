import { $, setText } from "./dom.js";
import * as api from "./api.js";
import { isActive } from "./store.js";

const longestPause = 15_000;

/**
 * Applies the server's events to the store, reconnects, and reports lost connections. `begun` receives the list at the
 * beginning of a connection, `connected` is called for every connection.
 */
export function followEvents(store, { begun, connected }) {
  let source = null;
  let timer = null;
  let banner = null;
  let failures = 0;
  // Revisions may restart with a new connection, until it has sent the list.
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
    // A short break, as when the computer wakes, is not worth a message.
    banner ??= setTimeout(() => lost(true), 1200);
    // After most breaks the browser reconnects and asks for the missed events; after others it gives up.
    if (source.readyState === EventSource.CONNECTING && failures === 0) {
      failures = 1;
      clearTimeout(timer);
      timer = setTimeout(() => { if (!isConnected()) connect(); }, longestPause);
      return;
    }
    source.close();
    failures += 1;
    const pause = Math.min(250 * 2 ** failures, longestPause);
    // Only an ordinary call distinguishes a rejected token from an unreachable server; it asks for the token.
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
  // A connection that looks open may be dead.
  addEventListener("online", connect);
  // Browsers allow six connections to a server for all its pages together, so an idle page in the background closes its
  // own.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && !store.entries.some(isActive)) { clearTimeout(timer); source?.close(); }
    else if (!document.hidden && !isConnected()) connect();
  });
  connect();
}
