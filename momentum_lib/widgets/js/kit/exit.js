// A path that leaves the picture says so at its edge: an arrow where it went out, and in words where it is now.

import { clamp, s, show } from "./dom.js";
import { clipSegment } from "./geometry.js";

/** @typedef {import("./types.js").Frame} Frame */

const FAR = 1e7, // pixels: what lies beyond is drawn from here
  BARB = 9,
  OPEN = 0.5; // radians between the arrow's shaft and a barb

/**
 * The segment on which a path leaves a box for good: the step at which it is outside first, or null where it ends inside.
 * @param {ArrayLike<number>} xy flat (x, y) pairs
 * @param {number} last the step shown last
 * @param {import("./types.js").Box} box
 */
export function leftAt(xy, last, [[left, right], [low, high]]) {
  const inside = (/** @type {number} */ step) => {
    const x = xy[2 * step],
      y = xy[2 * step + 1];
    return x >= left && x <= right && y >= low && y <= high;
  };
  let k = last;
  while (k >= 0 && !inside(k)) k--;
  return k < 0 || k === last ? null : k + 1;
}

/** An arrowhead as path data, its tip at a point. @param {number[]} tip @param {number} angle */
const head = ([x, y], angle) =>
  [OPEN, -OPEN]
    .map((open) => [x - BARB * Math.cos(angle + open), y - BARB * Math.sin(angle + open)])
    .map(
      ([a, b], k) =>
        `${k ? "L" : "M"}${a.toFixed(1)},${b.toFixed(1)}${k ? "" : `L${x.toFixed(1)},${y.toFixed(1)}`}`,
    )
    .join("");

/**
 * @param {Frame} plot
 * @param {string|undefined} look the path's
 * @param {{update: (x: number, y: number, words: string, dx?: number, dy?: number) => void, anchor: (side: import("./types.js").Anchor) => void, clear: () => void}} label its words
 */
export function addExit(plot, look, label) {
  const arrow = s("path", { class: "lf-exit", "data-look": look });
  plot.layers.front.append(arrow);
  const pixel = (/** @type {ArrayLike<number>} */ xy, /** @type {number} */ k) => [
    clamp(plot.x(xy[2 * k]), -FAR, FAR),
    clamp(plot.y(xy[2 * k + 1]), -FAR, FAR),
  ];
  function clear() {
    arrow.setAttribute("d", "");
    label.clear();
  }
  return {
    clear,
    /** @param {ArrayLike<number>} xy @param {number} [to] */
    update(xy, to = Infinity) {
      const last = Math.min(Math.floor(to), xy.length / 2 - 1),
        step = leftAt(xy, last, plot.frame());
      if (step === null) return clear();
      const [x0, y0] = pixel(xy, step - 1),
        [x1, y1] = pixel(xy, step),
        cut = clipSegment(x0, y0, x1, y1, plot.pixelBox());
      if (!cut) return clear();
      const [, , x, y] = cut,
        { left, right, top } = plot.inner,
        near = x < (left + right) / 2;
      arrow.setAttribute("d", head([x, y], Math.atan2(y1 - y0, x1 - x0)));
      const place = [0, 1].map((i) => show(xy[2 * last + i], 2)).join(", ");
      label.anchor(near ? "start" : "end");
      label.update(
        plot.x.invert(x),
        plot.y.invert(y),
        `left the picture at step ${step}, last at (${place})`,
        near ? 12 : -12,
        y < top + 20 ? 16 : -6,
      );
    },
  };
}
