// Something to drag in a picture: by pointer, by finger, by keys.

import { assigner, clamp, s, show } from "./dom.js";

/** @typedef {import("./types.js").Frame} Frame */
/** @typedef {import("./types.js").Pair} Pair */
/** @typedef {import("./types.js").Scale} Scale */
/** @typedef {"both"|"x"|"y"} Along */

/** What a handle, or a picture that was picked, tells the figure when the hand has let go. */
export const PLACED = "lf-placed";

/**
 * @typedef {object} HandleOptions
 * @property {string} label
 * @property {(x: number, y: number) => void} set receives data coordinates inside `bounds`: store them and draw
 * @property {() => import("./types.js").Box} [bounds] by default the frame
 * @property {(x: number, y: number) => string} [words] the place in words
 * @property {string} [look]
 * @property {Along} [axis] along which it moves
 * @property {boolean} [starts] whether a run starts there: let go, it says so (`PLACED`), and a player runs again
 */

/**
 * A ring with a 44 px touch area, a cursor, arrow keys (Shift: ten times as far), announced as a slider with two
 * values. `set` stores what it is given; call `update(x, y)` on each draw.
 * @param {Frame} plot
 * @param {import("./dom.js").Life} life
 * @param {HandleOptions} o
 */
export function addHandle(
  plot,
  life,
  {
    label,
    set,
    bounds = plot.frame,
    words = (x, y) => `x ${show(x)}, y ${show(y)}`,
    look,
    axis = "both",
    starts = false,
  },
) {
  const node = knob(label, axis, look);
  if (starts) node.dataset.starts = "";
  plot.layers.front.append(node);
  /** @type {Spot} */
  const spot = { here: [0, 0], drawn: [0, 0], still: true, key: "" },
    assign = assigner(node);
  /** @param {number} x @param {number} y */
  const move = (x, y) => {
    const [[left, right], [low, high]] = bounds(),
      [oldX, oldY] = spot.here;
    spot.here = [axis === "y" ? oldX : clamp(x, left, right), axis === "x" ? oldY : clamp(y, low, high)]; // a second key may come before the next frame
    spot.still = false;
    life.frame(() => {
      spot.still = true;
    });
    set(...spot.here);
  };
  dragged(plot, life, node, spot, move);
  keyed(plot, life, node, { spot, move, bounds, axis });
  return {
    node,
    /** @param {number} x @param {number} y */
    update(x, y) {
      spot.here = spot.drawn = [x, y];
      plot.grips.set(node, [plot.x(x), plot.y(y)]);
      const k = axis === "y" ? 1 : 0,
        range = bounds()[k];
      assign({
        transform: `translate(${plot.x(x).toFixed(2)} ${plot.y(y).toFixed(2)})`,
        "aria-valuemin": range[0],
        "aria-valuemax": range[1],
        "aria-valuenow": spot.here[k],
        "aria-valuetext": words(x, y),
      });
    },
  };
}

/**
 * Where a handle has been moved to, and where it is drawn: a figure may keep it elsewhere, on a circle, at an end. Whether the
 * figure has had a frame to draw since, and the last key.
 * @typedef {{here: Pair, drawn: Pair, still: boolean, key: string}} Spot
 */

/** What one sees and holds. @param {string} label @param {Along} axis @param {string} [look] */
const knob = (label, axis, look) =>
  s(
    "g",
    {
      class: "lf-handle",
      "data-look": look,
      "data-axis": axis,
      tabindex: 0,
      role: "slider",
      "aria-label": label,
      "aria-roledescription": axis === "both" ? "draggable point" : undefined,
      "aria-orientation": axis === "y" ? "vertical" : "horizontal",
    },
    s("circle", { class: "lf-hit", r: 22 }),
    s("circle", { class: "lf-focus", r: 14 }),
    s("circle", { class: "lf-ring", r: 8 }),
    s("circle", { class: "lf-core", r: 2.5 }),
  );

/** Follow the pointer, keeping its distance from the middle. @param {Frame} plot @param {import("./dom.js").Life} life @param {SVGGElement} node @param {Spot} spot @param {(x: number, y: number) => void} move */
function dragged(plot, life, node, spot, move) {
  let grip = /** @type {Pair|null} */ (null);
  let moved = false;
  const pixelsOf = (/** @type {PointerEvent} */ event) => {
    const r = plot.svg.getBoundingClientRect();
    return [event.clientX - r.left, event.clientY - r.top];
  };
  life.on(node, "pointerdown", (event) => {
    if (event.button !== 0) return;
    const [px, py] = pixelsOf(event);
    Object.assign(spot, { here: spot.drawn, key: "" });
    grip = [plot.x(spot.here[0]) - px, plot.y(spot.here[1]) - py];
    node.setPointerCapture(event.pointerId);
    node.classList.add("is-held");
    node.focus({ preventScroll: true });
    event.preventDefault();
  });
  // Browsers do not agree on touch-action inside an SVG: without this a finger on the handle scrolls the page instead.
  life.on(node, "touchstart", (event) => event.preventDefault(), { passive: false });
  life.on(node, "pointermove", (event) => {
    if (!grip) return;
    const [px, py] = pixelsOf(event);
    moved = true;
    move(plot.x.invert(px + grip[0]), plot.y.invert(py + grip[1]));
  });
  const drop = () => {
    grip = null;
    node.classList.remove("is-held");
    if (moved) node.dispatchEvent(new CustomEvent(PLACED, { bubbles: true }));
    moved = false;
  };
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) life.on(node, type, drop);
  life.on(node, "click", (event) => event.stopPropagation());
}

/** Which way each arrow key goes, along x and along y. @type {Record<string, Pair>} */
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** So many hundredths of the way along an axis as it is drawn: by a factor on a log axis. @param {Scale} to @param {number} value @param {Pair} ends @param {number} hundredths */
const along = (to, value, [a, b], hundredths) =>
  hundredths ? Number(to.invert(to(value) + ((to(b) - to(a)) * hundredths) / 100).toPrecision(4)) : value;

/**
 * Move by arrow keys; on a handle of one axis all four of them move it.
 * @param {Frame} plot
 * @param {import("./dom.js").Life} life
 * @param {SVGGElement} node
 * @param {{spot: Spot, move: (x: number, y: number) => void, bounds: () => import("./types.js").Box, axis: Along}} o
 */
function keyed(plot, life, node, { spot, move, bounds, axis }) {
  life.on(node, "keydown", (event) => {
    const by = ARROWS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    // The same key again goes on from where it was, though the figure may not have followed yet; another begins at what is seen.
    if (spot.still && event.key !== spot.key) spot.here = spot.drawn;
    spot.key = event.key;
    const far = event.shiftKey ? 10 : 1,
      [across, up] = bounds(),
      dx = axis === "y" ? 0 : by[0] || (axis === "x" ? by[1] : 0),
      dy = axis === "x" ? 0 : by[1] || (axis === "y" ? by[0] : 0);
    move(along(plot.x, spot.here[0], across, dx * far), along(plot.y, spot.here[1], up, dy * far));
  });
}
