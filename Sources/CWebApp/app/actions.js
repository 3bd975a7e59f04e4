import * as api from "./api.js";
import { confirmed, notice } from "./dialogs.js";
import { announce } from "./announce.js";
import { count } from "./words.js";
import { isActive } from "./store.js";

const betweenDownloads = 700;

/** What can be done with entries, from the list and from the viewer. */
export class Actions {
  constructor(store, uploads, settings) { Object.assign(this, { store, uploads, settings }); }

  async #attempt(work) {
    try { await work(); return true; } catch (error) { notice(error.message); return false; }
  }

  cancel(entry) {
    if (entry.upload) return this.uploads.cancel(entry);
    return this.#attempt(async () => this.store.put(await api.cancel(entry.restoration.id)));
  }

  /** Removes a picture and its result, at the server too; true when it is gone. */
  async remove(entry) {
    const { restoration } = entry;
    if (!restoration) { this.store.remove(entry); return true; }
    if (restoration.state === "succeeded" && !await confirmed({
      title: "Delete this picture?",
      text: `${restoration.name} and its result are removed from this list. Your own file stays where it is.`,
      yes: "Delete",
    })) return false;
    return this.#attempt(async () => {
      await api.remove(restoration.id).catch((error) => { if (error.status !== 404) throw error; });
      this.store.removeID(restoration.id);
      announce(`${restoration.name} is deleted`);
    });
  }

  /** The same picture once more, with the settings of the form. */
  again(entry) {
    const { id, name, input } = entry.restoration;
    return this.#attempt(async () => {
      const picture = await api.original(id);
      const file = new File([picture], name, { type: input.mediaType });
      this.uploads.add(file, name, this.settings.values);
      announce(`${name} is restored again`);
    });
  }

  download(restoration) {
    const link = document.createElement("a");
    link.href = api.downloadURL(restoration);
    link.download = restoration.output.name;
    document.body.append(link);
    link.click();
    link.remove();
  }

  async downloadAll() {
    const finished = this.store.entries
      .map(({ restoration }) => restoration).filter((restoration) => restoration?.state === "succeeded");
    announce(`Downloading ${count(finished.length, "picture")}`);
    for (const restoration of finished) {
      this.download(restoration);
      // Browsers drop downloads that come at once.
      await new Promise((resolve) => setTimeout(resolve, betweenDownloads));
    }
  }

  async clear() {
    const ended = this.store.entries.filter((entry) => !isActive(entry));
    const finished = ended.filter(({ restoration }) => restoration?.state === "succeeded").length;
    if (!await confirmed({
      title: `Remove ${count(ended.length, "picture")} from the list?`,
      text: finished > 0
        ? `${count(finished, "result")} will be deleted. Download first what you want to keep; your own files stay.`
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
