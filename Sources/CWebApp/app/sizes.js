// The sizes of results.

export const largestScale = 8;

const times = (number, factor) => Math.max(1, Math.floor(number * factor + 0.5));

/** The side of a picture that `side` names. */
const given = (side, { width, height }) =>
  (side === "width" || (side === "longSide" && width >= height) ? "width" : "height");

/** The scale from a picture to its result. */
export const scaleOf = ({ scale, side, pixels }, picture) =>
  (side === null ? scale : pixels / picture[given(side, picture)]);

/**
 * The size of a picture's result, or of a part's at the scale of the whole: { width, height }, or { least, most } for
 * the requested side if that is not possible.
 */
export function resultSize(asked, whole, part = whole) {
  const scale = scaleOf(asked, whole);
  if (scale < 1 || scale > largestScale) {
    const length = whole[given(asked.side, whole)];
    return { least: length, most: length * largestScale };
  }
  return { width: times(part.width, scale), height: times(part.height, scale) };
}
