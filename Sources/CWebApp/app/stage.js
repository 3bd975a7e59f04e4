import { $, setText } from "./dom.js";
import { LiveImage } from "./live-image.js";
import { listenToGestures } from "./gestures.js";

const largestZoom = 16;
const checker = 16;

/**
 * Two pictures, over each other with a divider or side by side. Both share one transform: `scale` in CSS pixels per
 * pixel of the largest result, and `x` and `y`, the position of its corner in a pane.
 */
export class Stage {
  root = $("stage");
  divider = $("divider");
  split = 50;
  #size = { width: 1, height: 1 };
  #layers = [null, null];
  #scale = 1;
  #x = 0;
  #y = 0;
  #isFitted = true;
  #isBeside = false;

  constructor() {
    const place = () => this.#place();
    this.before = new LiveImage({ alt: "Before", onshow: place });
    this.after = new LiveImage({ alt: "After", onshow: place, onfail: (url) => this.onfail?.(url) });
    this.images = [this.before, this.after];
    this.panes = [...this.root.querySelectorAll(".pane")];
    this.panes[0].prepend(this.before.node);
    this.panes[1].prepend(this.after.node);
    new ResizeObserver(() => (this.#isFitted ? this.fit() : this.#place())).observe(this.root);
    listenToGestures(this);
  }

  /**
   * Shows pictures, { url, place: { x, y, width, height }, hasAlpha }, at their places in a view of `size`; the right
   * one may be null. Another size resets the view.
   */
  show({ size, layers, isOther }) {
    this.#layers = layers;
    this.images.forEach((image, side) => image.show(layers[side]?.url ?? null));
    const isResized = size.width !== this.#size.width || size.height !== this.#size.height;
    this.#size = size;
    this.root.classList.toggle("single", !this.#isPair);
    if (isOther || isResized) this.fit();
    else this.#place();
  }

  clear() { for (const image of this.images) image.show(null); }

  get #isPair() { return this.#layers[1] !== null; }

  get isBeside() { return this.#isBeside; }
  set isBeside(value) {
    const last = this.#pane;
    this.#isBeside = value;
    this.root.classList.toggle("beside", value);
    // The centre stays in place.
    const { width, height } = this.#pane;
    if (this.#isFitted) this.fit();
    else this.pan((width - last.width) / 2, (height - last.height) / 2);
  }

  get #pane() {
    return { width: this.panes[0].clientWidth, height: this.panes[0].clientHeight };
  }

  get #fittingScale() {
    const { width, height } = this.#pane;
    return Math.min(width / this.#size.width, height / this.#size.height) || 1;
  }

  get fits() { return this.#scale <= this.#fittingScale * 1.001; }

  /** The rectangle of the view in a pane, in CSS pixels. */
  get frame() {
    const { width, height } = this.#size;
    return { x: this.#x, y: this.#y, width: width * this.#scale, height: height * this.#scale, pane: this.#pane };
  }

  fit() {
    this.#isFitted = true;
    this.#scale = this.#fittingScale;
    this.#place();
  }

  /** One pixel of the result per pixel of the screen. */
  actual(point) { this.#zoomTo(1 / devicePixelRatio, point); }

  toggle(point) { if (this.fits) this.actual(point); else this.fit(); }

  zoom(factor, point) { this.#zoomTo(this.#scale * factor, point); }

  /** Zooms around `point` of the pane, by default its centre. */
  #zoomTo(wanted, point = { x: this.#pane.width / 2, y: this.#pane.height / 2 }) {
    const fitting = this.#fittingScale;
    const scale = Math.min(Math.max(wanted, Math.min(fitting, 1 / devicePixelRatio)),
      Math.max(largestZoom / devicePixelRatio, fitting * 4));
    const factor = scale / this.#scale;
    this.#x = point.x - (point.x - this.#x) * factor;
    this.#y = point.y - (point.y - this.#y) * factor;
    this.#scale = scale;
    this.#isFitted = Math.abs(scale - fitting) < fitting * 0.001;
    this.#place();
  }

  pan(dx, dy) {
    this.#x += dx;
    this.#y += dy;
    this.#place();
  }

  /** Converts a point of the window to the pane below it. */
  pointInPane({ clientX, clientY }) {
    const pane = this.panes.find((candidate) => {
      const { left, right, top, bottom } = candidate.getBoundingClientRect();
      return this.#isBeside && clientX >= left && clientX <= right && clientY >= top && clientY <= bottom;
    }) ?? this.panes[0];
    const { left, top } = pane.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  setSplit(percent) {
    this.split = Math.min(Math.max(percent, 0), 100);
    this.#place();
  }

  #place() {
    const { width, height } = this.#pane;
    this.#x = held(this.#x, width, this.#size.width * this.#scale);
    this.#y = held(this.#y, height, this.#size.height * this.#scale);
    this.images.forEach(({ node }, side) => this.#placeImage(node, this.#layers[side]));
    const isDivided = this.#isPair && !this.#isBeside;
    this.panes[0].style.clipPath = isDivided ? `inset(0 ${100 - this.split}% 0 0)` : "";
    this.panes[1].style.clipPath = isDivided ? `inset(0 0 0 ${this.split}%)` : "";
    this.divider.hidden = !isDivided;
    this.divider.style.left = `${this.split}%`;
    const rounded = Math.round(this.split);
    this.divider.setAttribute("aria-valuenow", rounded);
    this.divider.setAttribute("aria-valuetext", `${rounded} % left, ${100 - rounded} % right`);
    this.root.classList.toggle("movable", !this.fits);
    setText($("zoom"), `${Math.round(this.#scale * devicePixelRatio * 100)} %`);
    this.onplace?.();
  }

  /** Positions an image in the view; what reaches beyond the view is clipped. */
  #placeImage(node, layer) {
    if (!layer) return;
    const { x, y, width, height } = layer.place;
    const { style } = node;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.transform =
      `translate(${this.#x + x * this.#scale}px, ${this.#y + y * this.#scale}px) scale(${this.#scale})`;
    const cuts = [-y, x + width - this.#size.width, y + height - this.#size.height, -x].map((cut) => Math.max(0, cut));
    style.clipPath = cuts.some((cut) => cut > 0.5) ? `inset(${cuts.map((cut) => `${cut}px`).join(" ")})` : "";
    node.classList.toggle("checkered", layer.hasAlpha);
    // The squares keep their size at every zoom.
    style.backgroundSize = layer.hasAlpha ? `${checker / this.#scale}px ${checker / this.#scale}px` : "";
  }
}

/** The position of a side: centred if it is shorter than the pane, otherwise without a gap at either end. */
function held(start, pane, side) {
  if (side <= pane) return (pane - side) / 2;
  return Math.min(0, Math.max(pane - side, start));
}
