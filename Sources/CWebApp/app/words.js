// Numbers and states as text.

const grouped = new Intl.NumberFormat("en-GB");
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });
const moment = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit",
});

export const formatNames = {
  png: "PNG", jpeg: "JPEG", webp: "WebP", tiff: "TIFF", avif: "AVIF", jxl: "JPEG XL",
};

/** The distinguishing words of the bundled models. */
export const modelNames = { base: "base - best", nano: "nano - fast" };

export const dimensions = ({ width, height }) => `${width} × ${height}`;

export const count = (number, one, many = `${one}s`) =>
  `${grouped.format(number)} ${number === 1 ? one : many}`;

export function bytes(number) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (number >= 1000 && unit < units.length - 1) { number /= 1000; unit += 1; }
  return `${unit > 1 && number < 10 ? number.toFixed(1) : Math.round(number)} ${units[unit]}`;
}

export const megapixels = (pixels) => `${grouped.format(Math.round(pixels / 1e6))} megapixels`;

export function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${Math.round(seconds)} s`;
  if (seconds < 5970) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

export const timeLeft = (seconds) =>
  seconds < 1.5 ? "a moment left" : `${duration(Math.max(2, Math.round(seconds))).replace(".0", "")} left`;

export const shortDate = (text) => day.format(new Date(text));
export const longDate = (text) => moment.format(new Date(text));

/** "tile 3 of 12, scale 5 of 10": the current ones, which are one more than those done. */
export function work({ tiles, scales }) {
  const place = ({ done, count }) => `${Math.min(done + 1, count)} of ${count}`;
  return [tiles && `tile ${place(tiles)}`, scales && `scale ${place(scales)}`].filter(Boolean).join(", ");
}

/** The state of a restoration in one line. */
export function standing(restoration) {
  const { state, cancelling, position, progress, secondsLeft, seconds } = restoration;
  if (state === "running" && cancelling) return "Stopping…";
  switch (state) {
    case "queued":
      if (position === null) return "In the queue";
      return position === 1 ? "Next in the queue" : `Number ${grouped.format(position)} in the queue`;
    case "running": {
      const left = secondsLeft === null ? null : timeLeft(secondsLeft);
      return [`${Math.round(progress * 100)} %`, left].filter(Boolean).join(", ");
    }
    case "succeeded": return seconds === null ? "Finished" : `Finished in ${duration(seconds)}`;
    case "cancelled": return "Cancelled";
    default: return "Failed";
  }
}

/** The contents of a picture's file: "RGB, 8 bit, Display P3 (ICC profile), EXIF, XMP". */
export const contents = ({ samples, colors, metadata }) => [samples, colors, ...metadata].join(", ");

const colorNames = {
  wavelet: "colours by wavelet", adain: "colours by AdaIN", both: "colours by both",
  none: "the model's colours",
};
const metadataNames = { keep: null, private: "without location and owner", strip: "without metadata" };

/** "×4", or the requested side: "long side 3000 pixels". */
export function size({ scale, longSide = null, width = null, height = null, megapixels: area = null }) {
  if (longSide !== null) return `long side ${longSide} pixels`;
  if (width !== null) return `${width} pixels wide`;
  if (height !== null) return `${height} pixels high`;
  return area !== null ? `${area} megapixels` : `×${scale}`;
}

export const part = ({ x, y, width, height }) => `part of ${dimensions({ width, height })} at ${x}, ${y}`;

/**
 * The settings of a restoration, each in a few words, or null if not worth mentioning; `draws`: the model samples
 * details at random.
 */
export function recipeParts(settings, draws) {
  const { model, strength, temperature, seed, color, metadata, background, prompt = null, crop = null } = settings;
  return [
    model,
    strength === null ? null : `strength ${strength}`,
    size(settings),
    !draws ? null : temperature === null ? "default creativity" : `creativity ${temperature}`,
    draws ? `seed ${seed}` : null,
    color === null ? null : colorNames[color],
    prompt === null ? null : `“${prompt}”`,
    metadataNames[metadata] ?? null,
    background === null || background === undefined ? null : `background ${background}`,
    crop === null ? null : part(crop),
  ];
}

export const recipe = (settings, draws) => recipeParts(settings, draws).filter(Boolean).join(", ");
