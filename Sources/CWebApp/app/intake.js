import { $ } from "./dom.js";

const pictureNames = /\.(jpe?g|png|webp|tiff?|avif|jxl|hei[cf]|jp2|j2k|gif|bmp|p[bgpn]m)$/i;

/** Accepts pictures that are dropped, pasted or chosen; `take` receives the files. */
export function listenForPictures(take) {
  const input = $("files");
  for (const choose of document.querySelectorAll(".choose")) {
    choose.addEventListener("click", () => input.click());
  }
  input.addEventListener("change", () => { take([...input.files]); input.value = ""; });

  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0) return;
    event.preventDefault();
    take(files.map(named));
  });
  listenForDrops(take);
}

/** Browsers name every pasted picture image.png. */
function named(file) {
  if (!/^image\.\w+$/.test(file.name)) return file;
  const time = new Date().toISOString().slice(0, 19).replace("T", " ").replaceAll(":", ".");
  return new File([file], `Pasted ${time}${file.name.slice(5)}`, { type: file.type });
}

function listenForDrops(take) {
  const cover = $("drop");
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  let hiding = null;
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    if (!cover.matches(":popover-open")) cover.showPopover();
    // dragleave also fires at inner borders; the drag is over if no dragover follows.
    clearTimeout(hiding);
    hiding = setTimeout(() => cover.hidePopover(), 400);
  });
  addEventListener("drop", async (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    clearTimeout(hiding);
    if (cover.matches(":popover-open")) cover.hidePopover();
    take(await dropped(event.dataTransfer));
  });
}

/** The files, including the pictures inside folders. */
async function dropped({ items, files }) {
  const roots = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!roots.some((root) => root.isDirectory)) return [...files];
  const found = [];
  for (const root of roots) await collect(root, found, true);
  return found;
}

async function collect(item, found, isRoot) {
  if (item.isFile) {
    if (isRoot || (pictureNames.test(item.name) && !item.name.startsWith("."))) {
      found.push(await new Promise((resolve, reject) => item.file(resolve, reject)));
    }
    return;
  }
  const reader = item.createReader();
  for (;;) {
    // A call returns some of the entries; an empty list ends them.
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return;
    part.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
    for (const child of part) await collect(child, found, false);
  }
}
