import * as api from "./api.js";
import { confirmed, notice } from "./dialogs.js";
import { announce } from "./announce.js";
import { archiveURL, downloadURL } from "./pictures.js";
import { count, dimensions } from "./words.js";
import { isActive, isUnfinished } from "./store.js";

/** The operations on entries that the list and the viewer offer. */
export class Actions {
  constructor(store, history, uploads, settings) { Object.assign(this, { store, history, uploads, settings }); }

  async #attempt(work) {
    try { await work(); return true; } catch (error) { notice(error.message); return false; }
  }

  cancel(entry) {
    if (entry.upload) return this.uploads.cancel(entry);
    return this.#attempt(async () => this.store.put(await api.cancel(entry.restoration.id)));
  }

  /** Retries a restoration that failed or was cancelled, with its own settings. */
  retry(entry) {
    if (entry.upload) return this.uploads.retry(entry);
    return this.#attempt(async () => this.store.put(await api.retry(entry.restoration.id)));
  }

  /** Removes a picture and its result, on the server too; true if it has been removed. */
  async remove(entry) {
    const { restoration } = entry;
    if (!restoration) { this.store.remove(entry); return true; }
    const { name, state } = restoration;
    const isRunning = state === "running";
    if ((isRunning || state === "succeeded") && !await confirmed({
      title: isRunning ? "Stop and delete this picture?" : "Delete this picture?",
      text: isRunning
        ? `${name} is being restored; its progress will be lost. Your own file is not affected.`
        : `${name} and its result will be removed from this list. Your own file is not affected.`,
      yes: isRunning ? "Stop and delete" : "Delete",
    })) return false;
    return this.#attempt(async () => {
      await api.remove(restoration.id).catch((error) => { if (error.status !== 404) throw error; });
      this.store.removeID(restoration.id);
      announce(`${name} deleted`);
    });
  }

  /**
   * Restores the same picture, or a part of it, with settings that the user chooses; the new entry, or null.
   */
  async again(entry, crop = null) {
    const { id, name, input } = entry.restoration;
    const isAgreed = await this.settings.ask({
      title: crop ? "Try a part" : "Other settings",
      text: crop ? `${dimensions(crop)} pixels of ${name}` : name,
      yes: crop ? "Try this part" : "Restore again", picture: input, part: crop,
    });
    if (!isAgreed) return null;
    let made = null;
    await this.#attempt(async () => {
      const restoration = await api.again(id, this.settings.valuesFor(input, crop));
      this.store.put(restoration);
      made = this.store.entry(restoration.id);
      announce(crop ? `Restoring a part of ${name}` : `Restoring ${name} again`);
    });
    return made;
  }

  #save(url, name) {
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
  }

  download(restoration) { this.#save(downloadURL(restoration), restoration.output.name); }

  /** Downloads every result in one file, including those that the list does not reach. */
  downloadAll() {
    return this.#attempt(async () => {
      // A link cannot show the token dialog, a call can.
      await api.mayRead();
      announce("Downloading all results as one ZIP file");
      this.#save(archiveURL, "");
    });
  }

  async cancelAll() {
    const active = this.store.entries.filter(isActive);
    const uploads = active.filter(({ upload }) => upload);
    const number = uploads.length + active.filter(({ restoration }) => restoration?.state === "running").length
      + this.store.queued;
    if (number > 1 && !await confirmed({
      title: `Cancel ${count(number, "picture")}?`,
      text: "All running and waiting restorations are stopped. They stay in the list and can be retried"
        + (uploads.length > 0 ? ", except for pictures that have not been sent: they are removed." : "."),
      yes: "Cancel them",
    })) return;
    await this.#attempt(async () => {
      for (const entry of uploads) this.uploads.cancel(entry);
      await api.cancelAll();
      announce("All cancelled");
    });
  }

  retryAll() {
    const uploads = this.store.entries.filter((entry) => entry.upload && isUnfinished(entry));
    return this.#attempt(async () => {
      // The first entry of the list was added last.
      for (const entry of uploads.reverse()) this.uploads.retry(entry);
      const { count: number } = await api.retryAll();
      announce(`${count(number + uploads.length, "picture")} queued again`);
    });
  }

  async clear() {
    const ended = this.store.entries.filter((entry) => !isActive(entry));
    const finished = ended.filter(({ restoration }) => restoration?.state === "succeeded").length;
    // The server has more than the list shows.
    const isAll = this.history.hasMore;
    const results = isAll ? "All results, including older ones that are not shown," : count(finished, "result");
    if (!await confirmed({
      title: isAll ? "Remove all finished pictures?" : `Remove ${count(ended.length, "picture")} from the list?`,
      text: isAll || finished > 0
        ? `${results} will be deleted. Download the ones you want to keep first. Your own files are not affected.`
        : "Your own files are not affected.",
      yes: "Remove",
    })) return;
    await this.#attempt(async () => {
      await api.clearFinished();
      for (const entry of ended) this.store.remove(entry);
      announce("List cleared");
    });
  }
}
