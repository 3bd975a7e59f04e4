// Mouse, touch and keyboard control of the stage and the divider.

const firstMove = 4;

export function listenToGestures(stage) {
  const { root, divider } = stage;
  const pointers = new Map();
  let mode = null;
  let start = null;
  let isOnDivider = false;

  const divide = ({ clientX }) => {
    const { left, width } = root.getBoundingClientRect();
    stage.setSplit(((clientX - left) / width) * 100);
  };

  root.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    root.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, event);
    start = event;
    // The stage captures the pointer, so it is the target of later events.
    isOnDivider = divider.contains(event.target);
    if (pointers.size === 2) mode = "pinch";
    else if (isOnDivider) { mode = "divide"; divider.focus(); event.preventDefault(); }
    else mode = stage.isChoosing && stage.fits ? null : "undecided";
  });

  root.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    if (mode === "pinch") pinch(event);
    pointers.set(event.pointerId, event);
    if (mode === "undecided" && distance(event, start) > firstMove) {
      // If nothing can be moved, the whole picture is the divider's handle.
      mode = !stage.fits ? "pan" : divider.hidden ? null : "divide";
    }
    if (mode === "pan") stage.pan(event.clientX - last.clientX, event.clientY - last.clientY);
    if (mode === "divide") divide(event);
  });

  function pinch(event) {
    const other = [...pointers.values()].find(({ pointerId }) => pointerId !== event.pointerId);
    const last = pointers.get(event.pointerId);
    if (!other) return;
    const centre = stage.pointInPane(middle(event, other));
    const before = stage.pointInPane(middle(last, other));
    stage.pan(centre.x - before.x, centre.y - before.y);
    stage.zoom(distance(event, other) / Math.max(1, distance(last, other)), centre);
  }

  for (const end of ["pointerup", "pointercancel"]) {
    root.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      // After a pinch, the remaining finger moves the picture.
      mode = pointers.size === 1 && mode === "pinch" ? "pan" : pointers.size > 0 ? mode : null;
    });
  }

  root.addEventListener("wheel", (event) => {
    event.preventDefault();
    // Converts lines and pages of mouse wheels to pixels; a touchpad's pinch arrives as small steps with ctrl.
    const step = event.deltaY * [1, 16, 400][event.deltaMode] * (event.ctrlKey ? 6 : 1);
    stage.zoom(Math.exp(-Math.min(Math.max(step, -300), 300) * 0.0016), stage.pointInPane(event));
  }, { passive: false });

  root.addEventListener("dblclick", (event) => {
    if (!isOnDivider) stage.toggle(stage.pointInPane(event));
  });

  divider.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 10 : 2;
    const targets = {
      ArrowLeft: stage.split - step, ArrowDown: stage.split - step,
      ArrowRight: stage.split + step, ArrowUp: stage.split + step, Home: 0, End: 100,
    };
    if (!(event.key in targets) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    stage.setSplit(targets[event.key]);
  });
}

const distance = (one, other) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
const middle = (one, other) =>
  ({ clientX: (one.clientX + other.clientX) / 2, clientY: (one.clientY + other.clientY) / 2 });
