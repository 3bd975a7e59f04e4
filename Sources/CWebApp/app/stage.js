import { $, setText } from "./dom.js";
import { LiveImage } from "./live-image.js";
import { listenToGestures } from "./gestures.js";

const largestZoom = 16;

/**
 * Before and after, over each other with a divider or beside each other. One transform serves both:
 * `scale` in CSS pixels per pixel of the result, `x` and `y` the place of its corner in a pane.
 */
export class Stage {
  root = $("stage");
  divider = $("divider");
  split = 50;
  #size = { width: 1, height: 1 };
  #scale = 1;
  #x = 0;
  #y = 0;
  #isFitted = true;
  #hasAfter = false;
  #isBeside = false;

  constructor() {
    const place = () => this.#place();
    this.before = new LiveImage({ alt: "Before", onshow: place });
    this.after = new LiveImage({ alt: "After", onshow: place, onfail: (url) => this.onfail?.(url) });
    this.panes = [...this.root.querySelectorAll(".pane")];
    this.panes[0].prepend(this.before.node);
    this.panes[1].prepend(this.after.node);
    new ResizeObserver(() => (this.#isFitted ? this.fit() : this.#place())).observe(this.root);
    listenToGestures(this);
  }

  /** Shows the pictures of a restoration; a size other than before makes a new view. */
  show({ size, before, after, isOther }) {
    this.#hasAfter = after !== null;
    this.before.show(before);
    this.after.show(after);
    const isResized = size.width !== this.#size.width || size.height !== this.#size.height;
    this.#size = size;
    this.root.classList.toggle("single", !this.#hasAfter);
    if (isOther || isResized) this.fit();
    else this.#place();
  }

  clear() { this.before.show(null); this.after.show(null); }

  get isBeside() { return this.#isBeside; }
  set isBeside(value) {
    const last = this.#pane;
    this.#isBeside = value;
    this.root.classList.toggle("beside", value);
    // What was in the middle stays there.
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

  fit() {
    this.#isFitted = true;
    this.#scale = this.#fittingScale;
    this.#place();
  }

  /** One pixel of the result on one of the screen. */
  actual(point) { this.#zoomTo(1 / devicePixelRatio, point); }

  toggle(point) { if (this.fits) this.actual(point); else this.fit(); }

  zoom(factor, point) { this.#zoomTo(this.#scale * factor, point); }

  /** Zooms so that what is under `point` of the pane, by default its middle, stays there. */
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

  /** A point of the window as one of the pane below it. */
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
    for (const { node } of [this.before, this.after]) {
      node.style.width = `${this.#size.width}px`;
      node.style.height = `${this.#size.height}px`;
      node.style.transform = `translate(${this.#x}px, ${this.#y}px) scale(${this.#scale})`;
    }
    const isDivided = this.#hasAfter && !this.#isBeside;
    this.panes[0].style.clipPath = isDivided ? `inset(0 ${100 - this.split}% 0 0)` : "";
    this.panes[1].style.clipPath = isDivided ? `inset(0 0 0 ${this.split}%)` : "";
    this.divider.hidden = !isDivided;
    this.divider.style.left = `${this.split}%`;
    const rounded = Math.round(this.split);
    this.divider.setAttribute("aria-valuenow", rounded);
    this.divider.setAttribute("aria-valuetext", `${rounded} % before, ${100 - rounded} % after`);
    this.root.classList.toggle("movable", !this.fits);
    setText($("zoom"), `${Math.round(this.#scale * devicePixelRatio * 100)} %`);
  }
}

/** Where a side starts: in the middle while it is shorter than the pane, else without a gap at either end. */
function held(start, pane, side) {
  if (side <= pane) return (pane - side) / 2;
  return Math.min(0, Math.max(pane - side, start));
}
