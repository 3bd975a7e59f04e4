import { $, setText } from "./dom.js";
import { dimensions } from "./words.js";

const usualSide = 256;
const leastSide = 16;
const keyStep = 8;

/** A rectangle over the stage for choosing a part of the original, in the original's pixels. */
export class PartChooser {
  #stage;
  #node = $("part");
  #region = null;
  #part = null;
  #split = 50;

  constructor(stage) {
    this.#stage = stage;
    stage.onplace = () => this.#place();
    this.#listen();
  }

  get isOpen() { return this.#part !== null; }
  get part() { return { ...this.#part }; }

  /** Begins with a part in the middle of the visible part of `region`. */
  begin(region) {
    const { frame } = this.#stage;
    const seen = (start, length, pane, side) => {
      const from = Math.max(0, -start / length) * side;
      const to = Math.min(1, (pane - start) / length) * side;
      const extent = Math.max(Math.min(leastSide, side), Math.round(Math.min(usualSide, (to - from) * 0.6)));
      return [Math.round((from + to - extent) / 2), extent];
    };
    const [x, width] = seen(frame.x, frame.width, frame.pane.width, region.width);
    const [y, height] = seen(frame.y, frame.height, frame.pane.height, region.height);
    this.#region = region;
    this.#stage.isChoosing = true;
    this.#stage.root.classList.add("choosing");
    this.#split = this.#stage.split;
    this.#node.hidden = false;
    this.#set({ x: region.x + x, y: region.y + y, width, height });
    // Parts are chosen on the whole original.
    this.#stage.setSplit(100);
    this.#node.focus();
  }

  end() {
    if (!this.isOpen) return;
    this.#part = null;
    this.#node.hidden = true;
    this.#stage.isChoosing = false;
    this.#stage.root.classList.remove("choosing");
    this.#stage.setSplit(this.#split);
  }

  /** Sets the part, moved and shrunk into the region. */
  #set({ x, y, width, height }) {
    const region = this.#region;
    const held = (value, low, high) => Math.round(Math.min(Math.max(value, low), Math.max(low, high)));
    const w = held(width, Math.min(leastSide, region.width), region.width);
    const h = held(height, Math.min(leastSide, region.height), region.height);
    this.#part = {
      x: held(x, region.x, region.x + region.width - w), y: held(y, region.y, region.y + region.height - h),
      width: w, height: h,
    };
    this.#node.setAttribute("aria-label", "Part to try. Arrow keys move it, with Shift they change its size.");
    setText($("part-size"), `${dimensions(this.#part)} pixels at ${this.#part.x}, ${this.#part.y}`);
    this.#place();
  }

  #place() {
    if (!this.isOpen) return;
    const { frame } = this.#stage;
    const across = frame.width / this.#region.width;
    const down = frame.height / this.#region.height;
    const { style } = this.#node;
    style.left = `${frame.x + (this.#part.x - this.#region.x) * across}px`;
    style.top = `${frame.y + (this.#part.y - this.#region.y) * down}px`;
    style.width = `${this.#part.width * across}px`;
    style.height = `${this.#part.height * down}px`;
  }

  #listen() {
    let drag = null;
    this.#node.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.stopPropagation();
      event.preventDefault();
      this.#node.focus();
      this.#node.setPointerCapture(event.pointerId);
      drag = { from: event, part: this.part, corner: event.target.dataset.corner ?? null };
    });
    this.#node.addEventListener("pointermove", (event) => {
      if (drag?.from.pointerId !== event.pointerId) return;
      const { frame } = this.#stage;
      const dx = (event.clientX - drag.from.clientX) * (this.#region.width / frame.width);
      const dy = (event.clientY - drag.from.clientY) * (this.#region.height / frame.height);
      const moved = { ...drag.part, x: drag.part.x + dx, y: drag.part.y + dy };
      this.#set(drag.corner ? this.#resized(drag, dx, dy) : moved);
    });
    for (const end of ["pointerup", "pointercancel"]) this.#node.addEventListener(end, () => { drag = null; });
    this.#node.addEventListener("dblclick", (event) => event.stopPropagation());
    this.#node.addEventListener("keydown", (event) => this.#key(event));
  }

  /** The corner follows the pointer, the opposite one stays. */
  #resized({ part, corner }, dx, dy) {
    const region = this.#region;
    const side = (isFirst, start, length, by, low, extent) => {
      const least = Math.min(leastSide, extent);
      if (!isFirst) return [start, Math.min(Math.max(least, length + by), low + extent - start)];
      const end = start + length;
      const from = Math.min(Math.max(low, start + by), end - least);
      return [from, end - from];
    };
    const [x, width] = side(corner.includes("left"), part.x, part.width, dx, region.x, region.width);
    const [y, height] = side(corner.includes("top"), part.y, part.height, dy, region.y, region.height);
    return { x, y, width, height };
  }

  #key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (!(event.key in steps) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [dx, dy] = steps[event.key].map((step) => step * keyStep);
    const { x, y, width, height } = this.#part;
    this.#set(event.shiftKey
      ? { x, y, width: width + dx, height: height + dy } : { x: x + dx, y: y + dy, width, height });
  }
}
