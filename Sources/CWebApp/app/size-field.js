import { $, element, setText } from "./dom.js";
import { largestScale, resultSize } from "./sizes.js";
import { dimensions } from "./words.js";

const usualScales = [1, 2, 3, 4, 6, 8];
const usualPixels = 3000;
const largestPixels = 100_000;

const inRange = (value, low, high) => typeof value === "number" && value >= low && value <= high;

/** The size of results: a factor, or the number of pixels of a side. */
export class SizeField {
  #fields;
  #values = { scale: 4, side: null, pixels: usualPixels };
  #change;
  #picture = null;
  #part = null;
  #isOfOne = false;

  constructor(form, change) {
    this.#fields = form.elements;
    this.#change = change;
    const chip = (value, text) => element("label", { class: "chip" },
      element("input", { type: "radio", name: "scale", value }), element("span", {}, text));
    $("scales").append(
      ...usualScales.map((scale) => chip(scale, `×${scale}`)), chip("other", "Other"), chip("pixels", "Pixels"));
    this.#listen();
  }

  #listen() {
    const fields = this.#fields;
    for (const radio of fields.scale) radio.addEventListener("change", () => this.#choose(radio.value));
    fields.scaleOther.addEventListener("input", () => {
      const scale = fields.scaleOther.valueAsNumber;
      const isFit = inRange(scale, 1, largestScale);
      if (this.#judge(fields.scaleOther, isFit, "A number from 1 to 8.")) this.#set({ scale });
    });
    fields.side.addEventListener("change", () => this.#set({ side: fields.side.value }));
    fields.pixels.addEventListener("input", () => {
      const pixels = fields.pixels.valueAsNumber;
      const isFit = Number.isInteger(pixels) && inRange(pixels, 1, largestPixels);
      if (this.#judge(fields.pixels, isFit, "A whole number of pixels.")) this.#set({ pixels });
    });
  }

  #choose(value) {
    const fields = this.#fields;
    $("scale-other").hidden = value !== "other";
    $("size-pixels").hidden = value !== "pixels";
    this.#judge(fields.scaleOther, true);
    this.#judge(fields.pixels, true);
    if (value === "pixels") {
      fields.pixels.value = this.#values.pixels;
      this.#set({ side: fields.side.value });
      fields.pixels.focus();
    } else if (value === "other") {
      fields.scaleOther.value = this.#values.scale;
      this.#set({ side: null });
      fields.scaleOther.focus();
    } else {
      this.#set({ scale: Number(value), side: null });
    }
  }

  #judge(field, isFit, advice = "") {
    field.setAttribute("aria-invalid", String(!isFit));
    $("scale-hint").classList.toggle("error", !isFit);
    setText($("scale-hint"), isFit ? "" : advice);
    return isFit;
  }

  #set(values) {
    Object.assign(this.#values, values);
    this.#describe();
    this.#change({ ...this.#values });
  }

  /** Sets the fields. */
  show({ scale, side, pixels }) {
    this.#values = { scale, side, pixels };
    const fields = this.#fields;
    const chosen = side !== null ? "pixels" : usualScales.includes(scale) ? String(scale) : "other";
    fields.scale.value = chosen;
    $("scale-other").hidden = chosen !== "other";
    $("size-pixels").hidden = chosen !== "pixels";
    fields.scaleOther.value = scale;
    fields.side.value = side ?? "longSide";
    fields.pixels.value = pixels;
    this.#judge(fields.scaleOther, true);
    this.#judge(fields.pixels, true);
    this.#describe();
  }

  /** The picture, or part of it, whose result's size is shown: the one in question, or the last that was added. */
  about(picture, { part = picture, isOfOne }) {
    [this.#picture, this.#part, this.#isOfOne] = [picture, part, isOfOne];
    this.#describe();
  }

  #describe() {
    const hint = $("size-hint");
    if (!this.#picture) return setText(hint, "The size can be 1 to 8 times that of the picture.");
    const whose = this.#isOfOne ? "" : "Last picture: ";
    const { least, most, ...size } = resultSize(this.#values, this.#picture, this.#part);
    hint.classList.toggle("error", least !== undefined);
    setText(hint, least !== undefined ? `${whose}${least} to ${most} pixels are possible`
      : `${whose}${dimensions(this.#part)} → ${dimensions(size)}`);
  }
}
