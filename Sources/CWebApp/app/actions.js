import * as api from "./api.js";
import { confirmed, notice } from "./dialogs.js";
import { announce } from "./announce.js";
import { archiveURL, downloadURL } from "./pictures.js";
import { count, dimensions } from "./words.js";
import { isActive, isUnfinished } from "./store.js";

/** What can be done with entries, from the list and from the viewer. */
export class Actions {
  constructor(store, history, uploads, settings) { Object.assign(this, { store, history, uploads, settings }); }

  async #attempt(work) {
    try { await work(); return true; } catch (error) { notice(error.message); return false; }
  }

  cancel(entry) {
    if (entry.upload) return this.uploads.cancel(entry);
    return this.#attempt(async () => this.store.put(await api.cancel(entry.restoration.id)));
  }

  /** Once more what failed or was cancelled, with its own settings. */
  retry(entry) {
    if (entry.upload) return this.uploads.retry(entry);
    return this.#attempt(async () => this.store.put(await api.retry(entry.restoration.id)));
  }

  /** Removes a picture and its result, at the server too; true when it is gone. */
  async remove(entry) {
    const { restoration } = entry;
    if (!restoration) { this.store.remove(entry); return true; }
    const { name, state } = restoration;
    const isRunning = state === "running";
    if ((isRunning || state === "succeeded") && !await confirmed({
      title: isRunning ? "Stop and delete this picture?" : "Delete this picture?",
      text: isRunning
        ? `${name} is being restored; what is done of it is lost. Your own file stays where it is.`
        : `${name} and its result are removed from this list. Your own file stays where it is.`,
      yes: isRunning ? "Stop and delete" : "Delete",
    })) return false;
    return this.#attempt(async () => {
      await api.remove(restoration.id).catch((error) => { if (error.status !== 404) throw error; });
      this.store.removeID(restoration.id);
      announce(`${name} is deleted`);
    });
  }

  /**
   * The same picture, or a part of it, once more with settings that are asked for; the new entry, or null.
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
      announce(crop ? `A part of ${name} is restored` : `${name} is restored again`);
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

  /** Every result in one file, those too that the list does not reach. */
  downloadAll() {
    return this.#attempt(async () => {
      // A link cannot ask for the token, a call can.
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
      text: "Everything that is being restored or waits is stopped. It stays in the list and can be tried again"
        + (uploads.length > 0 ? ", except for what was not sent yet: that leaves the list." : "."),
      yes: "Cancel them",
    })) return;
    await this.#attempt(async () => {
      for (const entry of uploads) this.uploads.cancel(entry);
      await api.cancelAll();
      announce("All are cancelled");
    });
  }

  retryAll() {
    const uploads = this.store.entries.filter((entry) => entry.upload && isUnfinished(entry));
    return this.#attempt(async () => {
      // The first of the list is the last that was added.
      for (const entry of uploads.reverse()) this.uploads.retry(entry);
      const { count: number } = await api.retryAll();
      announce(`${count(number + uploads.length, "picture")} tried again`);
    });
  }

  async clear() {
    const ended = this.store.entries.filter((entry) => !isActive(entry));
    const finished = ended.filter(({ restoration }) => restoration?.state === "succeeded").length;
    // The server has more than the list shows.
    const isAll = this.history.hasMore;
    const results = isAll ? "All results, also older ones that are not shown," : count(finished, "result");
    if (!await confirmed({
      title: isAll ? "Remove all finished pictures?" : `Remove ${count(ended.length, "picture")} from the list?`,
      text: isAll || finished > 0
        ? `${results} will be deleted. Download first what you want to keep; your own files stay.`
        : "Your own files stay where they are.",
      yes: "Remove",
    })) return;
    await this.#attempt(async () => {
      await api.clearFinished();
      for (const entry of ended) this.store.remove(entry);
      announce("The list is cleared");
    });
  }
}
