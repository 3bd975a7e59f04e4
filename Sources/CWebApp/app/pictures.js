// The addresses of restorations' pictures, in versions that the browser can display.

const shown = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"]);
// Decoding more than this takes a browser seconds and gigabytes.
const manyPixels = 50e6;

export const isShown = (mediaType) => shown.has(mediaType);

/** Whether the browser can display the file itself: a known format, 8 bit, and not too large. */
const isShownAsIs = ({ mediaType, width, height, contents }) =>
  isShown(mediaType) && width * height <= manyPixels && !/\b(16|32) bit|float/.test(contents?.samples ?? "");

const as = (picture) => (isShownAsIs(picture) ? "" : "?as=display");

export const inputURL = ({ id, input }) => `/v1/restorations/${id}/input${as(input)}`;
export const resultURL = ({ id, output }) => `/v1/restorations/${id}/result${as(output)}`;
/** The preview of a running restoration, or a thumbnail of a finished one. */
export const previewURL = ({ id, preview }) => `/v1/restorations/${id}/preview?v=${preview}`;
export const downloadURL = ({ id }) => `/v1/restorations/${id}/result?download=1`;
export const archiveURL = "/v1/archive";

/** The chosen file if the browser still has it, otherwise the server's copy. */
export const originalURL = ({ local, restoration }) =>
  (local && (!restoration || isShownAsIs(restoration.input)) ? local : restoration && inputURL(restoration));

export const hasAlpha = ({ contents }) => /alpha/.test(contents?.samples ?? "");
