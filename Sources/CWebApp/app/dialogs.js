import { $, setText } from "./dom.js";
import { openSession } from "./api.js";

/** Asks for confirmation of something that cannot be undone; true for yes. */
export function confirmed({ title, text, yes }) {
  const dialog = $("confirm");
  setText($("confirm-title"), title);
  setText($("confirm-text"), text);
  setText($("confirm-yes"), yes);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) =>
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}

let session = null;

/** Asks for the token until the server accepts one; calls that fail meanwhile wait for the same dialog. */
export function askToken() {
  session ??= asking().finally(() => { session = null; });
  return session;
}

function asking() {
  const dialog = $("token");
  const field = $("token-value");
  field.value = "";
  setText($("token-error"), "");
  dialog.showModal();
  // Nothing can be shown without a token, so Escape does not close the dialog.
  dialog.oncancel = (event) => event.preventDefault();
  return new Promise((resolve) => {
    // Browsers close a dialog at the second Escape, regardless of oncancel.
    dialog.onclose = () => dialog.showModal();
    dialog.querySelector("form").onsubmit = async (event) => {
      event.preventDefault();
      try {
        await openSession(field.value.trim());
        dialog.onclose = null;
        dialog.close();
        resolve();
      } catch (error) {
        setText($("token-error"), error.status === 401 ? "That is not the token of this server." : error.message);
        field.select();
      }
    };
  });
}

let noticeTimer = null;

/** Shows an error above everything else. */
export function notice(text) {
  const box = $("notice");
  clearTimeout(noticeTimer);
  // Everything outside an open dialog is inert.
  const place = document.querySelector("dialog[open]") ?? document.body;
  if (box.parentElement !== place) place.append(box);
  if (box.matches(":popover-open")) box.hidePopover();
  box.showPopover();
  setText(box.querySelector("p"), text);
  noticeTimer = setTimeout(() => box.hidePopover(), 12_000);
}

export function listenToNotice() {
  $("notice").querySelector("button").addEventListener("click", () => $("notice").hidePopover());
}
