// Versions: restorations of one picture, the first with the upload and others that reuse its original.

import { recipeParts } from "./words.js";

/** The common property of a picture's versions: the id of the first one, which may have been removed. */
function rootOf(restoration, store) {
  let id = restoration.id;
  for (let at = restoration; at; at = store.entry(id)?.restoration) {
    if (!at.source) break;
    id = at.source;
  }
  return id;
}

/** The entries of the same picture as this one, oldest first, including it. */
export function versionsOf(entry, store) {
  if (!entry.restoration) return [];
  const root = rootOf(entry.restoration, store);
  return store.entries
    .filter(({ restoration }) => restoration && rootOf(restoration, store) === root)
    .sort((one, other) => (one.restoration.created < other.restoration.created ? -1 : 1));
}

export const isFinished = ({ restoration }) => restoration?.state === "succeeded";

/** Names for versions by the settings in which they differ; `models` knows the default model and which ones sample. */
export function versionNames(versions, models) {
  const recipes = versions.map(({ restoration: { settings, output } }) => {
    const named = { ...settings, model: settings.model ?? models.usual };
    return [...recipeParts(named, models.draws(named.model)), output.mediaType.replace("image/", "").toUpperCase()];
  });
  const differing = recipes[0].map((_, field) => new Set(recipes.map((recipe) => recipe[field])).size > 1);
  const names = recipes.map((recipe) =>
    recipe.filter((text, field) => differing[field] && text !== null).join(", ") || "Result");
  return names.map((name, index) =>
    (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${index + 1})`));
}
