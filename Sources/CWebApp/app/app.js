// Connects the parts of the page: the server's events update the store, and the store updates the list and the viewer.

import { $, placeIcons, setText } from "./dom.js";
import * as api from "./api.js";
import { Actions } from "./actions.js";
import { announce, announceChanges, showOverall } from "./announce.js";
import { showCards } from "./cards.js";
import { askToken, listenToNotice, notice } from "./dialogs.js";
import { followEvents } from "./events.js";
import { History } from "./history.js";
import { listenForPictures } from "./intake.js";
import { SettingsForm } from "./settings.js";
import { isActive, isUnfinished, Store } from "./store.js";
import { Uploads } from "./uploads.js";
import { Viewer } from "./viewer.js";
import { bytes, count, formatNames, megapixels } from "./words.js";

placeIcons(document);
listenToNotice();
api.useSignIn(askToken);

const store = new Store();
const history = new History(store);
const uploads = new Uploads(store);
const settings = new SettingsForm();
const actions = new Actions(store, history, uploads, settings);
const viewer = new Viewer(store, actions);
showCards(store, actions, viewer);
announceChanges(store);
showOverall(store, history);

listenForPictures((files) => {
  if (files.length === 0) return notice("That folder contains no pictures.");
  for (const file of files) uploads.add(file, file.name, settings.values);
  announce(`${count(files.length, "picture")} added`);
});
$("download-all").addEventListener("click", () => actions.downloadAll());
$("retry-all").addEventListener("click", () => actions.retryAll());
$("cancel-all").addEventListener("click", () => actions.cancelAll());
$("clear").addEventListener("click", () => actions.clear());

const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
setText($("promise"), isHere
  ? "NSARM restores and enlarges them on this computer; no picture leaves it."
  : `NSARM restores and enlarges them on ${location.hostname}; they are not sent anywhere else.`);

addEventListener("beforeunload", (event) => {
  // Pictures that have not been uploaded would be lost; restorations continue without the page.
  if (store.entries.some((entry) => entry.upload && isActive(entry))) event.preventDefault();
});

let isListed = false;
/** Shows the empty state or the list, but neither before the server has reported what there is. */
function arrange() {
  const { entries } = store;
  $("empty").hidden = !isListed || entries.length > 0;
  $("pictures").hidden = entries.length === 0;
  enable($("clear"), history.hasMore || !entries.every(isActive));
  enable($("download-all"), history.hasMore || entries.some(({ restoration }) => restoration?.state === "succeeded"));
  enable($("retry-all"), entries.some(isUnfinished));
  enable($("cancel-all"), entries.some(isActive));
  const last = entries.find(({ restoration }) => restoration)?.restoration.input ?? null;
  settings.about(last);
}

/** Moves the focus away from a button that is about to be disabled. */
function enable(node, isEnabled) {
  const hadFocus = document.activeElement === node;
  node.disabled = !isEnabled;
  if (hadFocus && !isEnabled) document.querySelector("#pictures:not([hidden]) .choose, #empty .choose").focus();
}
let arranging = null;
store.subscribe(() => {
  // Events may arrive by the hundred.
  arranging ??= setTimeout(() => { arranging = null; arrange(); }, 30);
});
followEvents(store, {
  begun: (list) => { isListed = true; arrange(); history.begin(list).then(arrange); },
  connected: () => uploads.goOn(),
});

/** Loads the server's capabilities, with retries. */
async function learn() {
  try {
    const service = await api.service();
    uploads.service = service;
    settings.offer(service);
    const { limits, formats, models } = service;
    setText($("service"),
      models.length > 1 ? `Version ${service.version}` : `${service.model}, version ${service.version}`);
    setText($("limits"), `${formats.map((name) => formatNames[name] ?? name).join(", ")} and more, `
      + `up to ${megapixels(limits.pixels)} and ${bytes(limits.bodyBytes)} each.`);
  } catch (error) {
    if (error.status !== 0) notice(error.message);
    setTimeout(learn, 3000);
  }
}
learn();
