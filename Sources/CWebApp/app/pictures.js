// Where the pictures of restorations are, in a version that the browser shows.

const shown = new Set(["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"]);
// More than this costs a browser seconds and gigabytes to decode.
const manyPixels = 50e6;

export const isShown = (mediaType) => shown.has(mediaType);

/** Whether the browser can be given the file itself: of a kind it knows, of 8 bits, and not too large. */
const isShownAsIs = ({ mediaType, width, height, contents }) =>
  isShown(mediaType) && width * height <= manyPixels && !/\b(16|32) bit|float/.test(contents?.samples ?? "");

const as = (picture) => (isShownAsIs(picture) ? "" : "?as=display");

export const inputURL = ({ id, input }) => `/v1/restorations/${id}/input${as(input)}`;
export const resultURL = ({ id, output }) => `/v1/restorations/${id}/result${as(output)}`;
/** Of a running restoration what is known so far, of a finished one its result, small. */
export const previewURL = ({ id, preview }) => `/v1/restorations/${id}/preview?v=${preview}`;
export const downloadURL = ({ id }) => `/v1/restorations/${id}/result?download=1`;
export const archiveURL = "/v1/archive";

/** The file that was chosen where the browser still has it, else what the server has. */
export const originalURL = ({ local, restoration }) =>
  (local && (!restoration || isShownAsIs(restoration.input)) ? local : restoration && inputURL(restoration));

export const hasAlpha = ({ contents }) => /alpha/.test(contents?.samples ?? "");
