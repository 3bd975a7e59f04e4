// The two pictures that the viewer shows, and their positions in the view.

import { hasAlpha, originalURL, previewURL, resultURL } from "./pictures.js";
import { isFinished } from "./versions.js";

/** Stands for the original in a comparison, where the other side is an entry. */
export const original = "original";

const whole = ({ input: { width, height } }) => ({ x: 0, y: 0, width, height });
/** The part of the original that a result shows. */
export const regionOf = (restoration) => restoration.settings.crop ?? whole(restoration);

/**
 * The pictures of `left` and `right`, each `original` or an entry of the same original as `entry`: the visible part of
 * the original, its size in pixels at the highest resolution, and the layers of both sides, null if there is nothing to
 * show yet.
 */
export function comparison(entry, left, right) {
  const chosen = [left, right].filter((side) => side !== original).map(({ restoration }) => restoration);
  if (chosen.length === 0) chosen.push(entry.restoration);
  const parts = chosen.filter(({ settings }) => settings.crop).map(regionOf);
  const region = parts.length > 0 ? around(parts) : whole(entry.restoration);
  const finest = chosen.reduce((best, other) => (density(other) > density(best) ? other : best));
  // Rounding depends on the size; if all show the same region, the result's own size is exact.
  const size = parts.length === 0 || same(regionOf(finest), region)
    ? { width: finest.output.width, height: finest.output.height }
    : { width: Math.round(region.width * density(finest)), height: Math.round(region.height * density(finest)) };
  const layers = [left, right].map((side) => layerOf(side, entry)).map((layer) =>
    layer && { ...layer, place: placed(layer.region, region, size) });
  return { region, size, layers };
}

/** Pixels of the result per pixel of the original. */
const density = (restoration) => restoration.output.width / regionOf(restoration).width;

function layerOf(side, entry) {
  if (side === original) {
    const { input } = entry.restoration;
    return { url: originalURL(entry), region: whole(entry.restoration), hasAlpha: hasAlpha(input), picture: input };
  }
  const { restoration } = side;
  const region = regionOf(restoration);
  if (isFinished(side)) {
    const { output } = restoration;
    return { url: resultURL(restoration), region, hasAlpha: hasAlpha(output), picture: output };
  }
  if (restoration.state !== "running" || restoration.preview === null) return null;
  return { url: previewURL(restoration), region, hasAlpha: false, picture: null };
}

function placed(part, region, size) {
  const across = size.width / region.width;
  const down = size.height / region.height;
  return {
    x: (part.x - region.x) * across, y: (part.y - region.y) * down,
    width: part.width * across, height: part.height * down,
  };
}

const same = (one, other) => ["x", "y", "width", "height"].every((key) => one[key] === other[key]);

function around(parts) {
  const x = Math.min(...parts.map((part) => part.x));
  const y = Math.min(...parts.map((part) => part.y));
  return {
    x, y, width: Math.max(...parts.map((part) => part.x + part.width)) - x,
    height: Math.max(...parts.map((part) => part.y + part.height)) - y,
  };
}
