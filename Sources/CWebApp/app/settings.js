import { $, element, setText } from "./dom.js";
import { SizeField } from "./size-field.js";
import { scaleOf } from "./sizes.js";
import { formatNames, modelNames } from "./words.js";

const key = "nsarm.settings";
const defaults = {
  model: null, strength: null, scale: 4, side: null, pixels: 3000, temperature: null, prompt: null, seed: 0,
  color: null, format: null, quality: 92, metadata: "keep", background: null,
};
const sideWords = { longSide: "long side", width: "width", height: "height" };
const largestSeed = Number.MAX_SAFE_INTEGER;
const strengthWords = { 0: "0, keeps grain and softness", 1: "1, cleans and sharpens" };
const seedHint = "The same seed gives the same picture.";

const inRange = (value, low, high) => typeof value === "number" && value >= low && value <= high;

/** The form with the settings for the next pictures, which the browser remembers. */
export class SettingsForm {
  #values = { ...defaults, ...remembered() };
  #models = [];
  #standard = null;
  #form = $("settings");
  #size = new SizeField(this.#form, (size) => this.#set(size));
  #last = null;

  constructor() {
    this.#form.addEventListener("submit", (event) => event.preventDefault());
    this.#listen();
    this.#show();
  }

  /** The current settings in the API's form. */
  get values() {
    const { scale, side, pixels, ...others } = this.#values;
    return {
      ...others, ...(side === null ? { scale } : { [side]: pixels }),
      strength: this.#model?.hasDial ? others.strength : null,
      prompt: this.#model?.hasPrompt ? others.prompt : null,
    };
  }

  /** The settings for a part of a picture, which is enlarged by the same factor as the whole. */
  valuesFor(picture, part) {
    const { side } = this.#values;
    if (!part || side === null) return { ...this.values, crop: part };
    return { ...this.values, [side]: null, scale: scaleOf(this.#values, picture), crop: part };
  }

  /** The picture that was added last; the form shows its result's size. */
  about(picture) {
    this.#last = picture;
    if (!$("other").open) this.#size.about(picture, { isOfOne: false });
  }

  /** Asks in a dialog for the settings of one picture or a part of it; true for yes. */
  ask({ title, text, yes, picture, part }) {
    const dialog = $("other");
    const place = this.#form.parentElement;
    setText($("other-title"), title);
    setText($("other-text"), text);
    setText($("other-yes"), yes);
    $("other-settings").append(this.#form);
    this.#size.about(picture, { part: part ?? picture, isOfOne: true });
    dialog.returnValue = "";
    dialog.showModal();
    $("other-settings").scrollTop = 0;
    return new Promise((resolve) => dialog.addEventListener("close", () => {
      place.append(this.#form);
      this.#size.about(this.#last, { isOfOne: false });
      resolve(dialog.returnValue === "yes");
    }, { once: true }));
  }

  /** The name of the default model. */
  get usual() { return this.#standard; }

  /** Whether the model of that name, or the default one, samples details at random. */
  draws(name) { return this.#found(name)?.temperature !== null; }

  /** The chosen model, or null before the server's models are known. */
  get #model() { return this.#found(this.#values.model); }

  #found(name) { return this.#models.find((model) => model.name === (name ?? this.#standard)) ?? null; }

  /** Adapts the form to the server's capabilities. */
  offer({ model, models, formats }) {
    this.#models = models;
    this.#standard = model;
    $("model").replaceChildren(
      ...models.map(({ name }) => element("option", { value: name }, modelNames[name] ?? name)));
    if (!this.#model) this.#values.model = null;
    const select = $("format");
    select.replaceChildren(
      element("option", { value: "" }, "Same as the picture"),
      ...formats.map((name) => element("option", { value: name }, formatNames[name] ?? name.toUpperCase())));
    if (!formats.includes(this.#values.format)) this.#values.format = null;
    this.#show();
  }

  #listen() {
    const fields = this.#form.elements;
    fields.model.addEventListener("change", () => this.#set({ model: fields.model.value }));
    fields.strength.addEventListener("input", () => this.#set({ strength: fields.strength.valueAsNumber }));
    fields.temperature.addEventListener("input", () =>
      this.#set({ temperature: fields.temperature.valueAsNumber }));
    $("temperature-own").addEventListener("click", () => {
      // The button is about to be disabled and would lose the focus.
      fields.temperature.focus();
      this.#set({ temperature: null });
    });
    fields.seed.addEventListener("input", () => {
      const seed = fields.seed.valueAsNumber;
      const isFit = Number.isInteger(seed) && inRange(seed, 0, largestSeed);
      this.#judge(fields.seed, $("seed-hint"), isFit, "A whole number, 0 or more.", seedHint);
      if (isFit) this.#set({ seed });
    });
    $("dice").addEventListener("click", () => {
      this.#set({ seed: crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000 });
      this.#show();
    });
    fields.color.addEventListener("change", () => this.#set({ color: fields.color.value || null }));
    fields.format.addEventListener("change", () => this.#set({ format: fields.format.value || null }));
    fields.quality.addEventListener("input", () => this.#set({ quality: fields.quality.valueAsNumber }));
    fields.prompt.addEventListener("input", () => this.#set({ prompt: fields.prompt.value.trim() || null }));
    fields.metadata.addEventListener("change", () => this.#set({ metadata: fields.metadata.value }));
    fields.background.addEventListener("change", () => {
      const chosen = fields.background.value;
      fields.backgroundColor.hidden = chosen !== "other";
      this.#set({ background: chosen === "other" ? fields.backgroundColor.value : chosen || null });
    });
    fields.backgroundColor.addEventListener("input", () => this.#set({ background: fields.backgroundColor.value }));
    $("other-no").addEventListener("click", () => $("other").close());
    $("other-yes").addEventListener("click", () => $("other").close("yes"));
    $("defaults").addEventListener("click", () => { this.#values = { ...defaults }; this.#set({}); this.#show(); });
    $("settings-toggle").addEventListener("click", () => {
      const isOpen = $("settings-toggle").getAttribute("aria-expanded") === "true";
      $("settings-toggle").setAttribute("aria-expanded", String(!isOpen));
    });
  }

  #set(changes) {
    Object.assign(this.#values, changes);
    try { localStorage.setItem(key, JSON.stringify(this.#values)); } catch { /* not kept in private windows */ }
    this.#describe();
  }

  #judge(field, hint, isFit, advice, usual) {
    field.setAttribute("aria-invalid", String(!isFit));
    hint.classList.toggle("error", !isFit);
    setText(hint, isFit ? usual : advice);
  }

  /** Sets the fields. */
  #show() {
    const { strength, prompt, seed, color, format, quality, metadata, background } = this.#values;
    const fields = this.#form.elements;
    fields.model.value = this.#model?.name ?? "";
    fields.strength.value = strength ?? 1;
    this.#size.show(this.#values);
    fields.prompt.value = prompt ?? "";
    fields.seed.value = seed;
    fields.color.value = color ?? "";
    fields.format.value = format ?? "";
    fields.quality.value = quality;
    fields.metadata.value = metadata;
    const isColor = background !== null && background.startsWith("#");
    fields.background.value = isColor ? "other" : background ?? "";
    fields.backgroundColor.hidden = !isColor;
    if (isColor) fields.backgroundColor.value = background;
    this.#judge(fields.seed, $("seed-hint"), true, "", seedHint);
    this.#describe();
  }

  /** Shows explanations of the fields. */
  #describe() {
    const { strength, scale, side, pixels, temperature, format, quality } = this.#values;
    const model = this.#model;
    const hasChoice = this.#models.length > 1;
    $("model-field").hidden = !hasChoice;
    setText($("model-hint"), model?.description ?? "");
    $("strength-field").hidden = !model?.hasDial;
    setText($("strength-value"), String(strength ?? 1));
    $("strength").setAttribute("aria-valuetext", strengthWords[strength ?? 1] ?? String(strength));

    const draws = model?.temperature !== null;
    $("temperature-field").hidden = !draws;
    $("seed-field").hidden = !draws;
    $("prompt-field").hidden = !model?.hasPrompt;
    const slider = this.#form.elements.temperature;
    const isOwn = temperature === null;
    slider.value = temperature ?? model?.temperature ?? 0.5;
    const own = model ? `model's default, ${model.temperature}` : "model's default";
    setText($("temperature-value"), isOwn ? own : String(temperature));
    slider.setAttribute("aria-valuetext", isOwn ? own : String(temperature));
    slider.classList.toggle("untouched", isOwn);
    $("temperature-own").disabled = isOwn;

    const isLossless = format === "png" || format === "tiff";
    this.#form.elements.quality.disabled = isLossless;
    setText($("quality-value"), isLossless ? "" : String(quality));
    setText($("quality-hint"), isLossless
      ? `${formatNames[format]} is lossless.` : "For JPEG, WebP, AVIF and JPEG XL.");
    setText($("settings-summary"), [
      hasChoice ? model.name : null, side === null ? `×${scale}` : `${sideWords[side]} ${pixels}`,
      draws ? (isOwn ? "model's default" : temperature) : null,
      formatNames[format] ?? "same format",
    ].filter((part) => part !== null).join(", "));
  }
}

/** The stored settings as far as they are valid; another version may have stored them. */
function remembered() {
  let kept = null;
  try { kept = JSON.parse(localStorage.getItem(key)); } catch { /* nothing readable */ }
  const fits = {
    model: (value) => value === null || typeof value === "string",
    strength: (value) => value === null || inRange(value, 0, 1),
    scale: (value) => inRange(value, 1, 8),
    side: (value) => value === null || value in sideWords,
    pixels: (value) => Number.isInteger(value) && inRange(value, 1, 100_000),
    prompt: (value) => value === null || typeof value === "string",
    metadata: (value) => ["keep", "private", "strip"].includes(value),
    background: (value) => [null, "white", "black"].includes(value) || /^#[0-9a-f]{6}$/.test(value),
    temperature: (value) => value === null || inRange(value, 0, 2),
    seed: (value) => Number.isInteger(value) && inRange(value, 0, largestSeed),
    color: (value) => [null, "wavelet", "adain", "both", "none"].includes(value),
    format: (value) => value === null || value in formatNames,
    quality: (value) => Number.isInteger(value) && inRange(value, 1, 100),
  };
  return Object.fromEntries(Object.entries(kept ?? {}).filter(([name, value]) => fits[name]?.(value)));
}
