// Restorations of one picture: the first, which was sent, and others that reuse its original.

import { recipeParts } from "./words.js";

/** What all versions of a picture have in common: the id of the first of them, which may be gone. */
function rootOf(restoration, store) {
  let id = restoration.id;
  for (let at = restoration; at; at = store.entry(id)?.restoration) {
    if (!at.source) break;
    id = at.source;
  }
  return id;
}

/** The entries that show the same picture as this one, oldest first, this one included. */
export function versionsOf(entry, store) {
  if (!entry.restoration) return [];
  const root = rootOf(entry.restoration, store);
  return store.entries
    .filter(({ restoration }) => restoration && rootOf(restoration, store) === root)
    .sort((one, other) => (one.restoration.created < other.restoration.created ? -1 : 1));
}

export const isFinished = ({ restoration }) => restoration?.state === "succeeded";

/** Names for versions, by what their settings differ in; `models` knows the usual model and which ones draw. */
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
