import { $, setText } from "./dom.js";
import * as api from "./api.js";
import { isActive } from "./store.js";

const longestPause = 15_000;

/** Follows the server's events into the store, through broken connections, and says when one is broken. */
export function followEvents(store, notify) {
  let source = null;
  let timer = null;
  let banner = null;
  let failures = 0;
  let fresh = true;

  function connect() {
    clearTimeout(timer);
    source?.close();
    fresh = true;
    source = new EventSource("/v1/events");
    source.addEventListener("open", () => { failures = 0; lost(false); });
    source.addEventListener("restoration", ({ data }) => store.put(JSON.parse(data), fresh));
    source.addEventListener("removed", ({ data }) => store.removeID(JSON.parse(data).id));
    source.addEventListener("list", ({ data }) => {
      fresh = false;
      store.retain(JSON.parse(data).ids);
      notify();
    });
    source.addEventListener("error", again);
  }

  /** The browser would reconnect by itself after some errors and give up after others; this does it after all. */
  async function again() {
    source.close();
    failures += 1;
    // A short break, such as while the computer wakes, is not worth a word.
    banner ??= setTimeout(() => lost(true), 1200);
    const pause = Math.min(500 * 2 ** failures, longestPause);
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
