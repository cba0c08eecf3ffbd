// From strokes on the pad to the eight by eight grey values that the networks know. Pure.

import { LETTERS } from "../kit/digits.js";

/** @typedef {import("../kit/types.js").Pair} Pair */

export const SIDE = 8; // the pad's side, in pixels of a digit
export const PEN = 0.7; // half the width of a stroke
const FINE = 4, // each pixel is the count of a block of so many by so many
  WIDEST = 5.4, // a digit of the data fills the height, and about so much of the width,
  MIDDLE = 4.1, // around this place
  MOST = 6; // a dot does not become a digit

/** How near a point lies to a piece of a stroke, squared. @param {number} x @param {number} y @param {Pair} a @param {Pair} b */
function square(x, y, [ax, ay], [bx, by]) {
  const dx = bx - ax,
    dy = by - ay,
    long = dx * dx + dy * dy,
    part = long > 0 ? Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / long)) : 0;
  return (x - ax - part * dx) ** 2 + (y - ay - part * dy) ** 2;
}

/**
 * Strokes (in pixels of a digit, y downwards) as 64 letters, row by row: how many of a pixel's 16 parts lie under the pen.
 * @param {Pair[][]} strokes
 */
export function ink(strokes) {
  const fine = new Uint8Array((SIDE * FINE) ** 2);
  for (const stroke of strokes)
    stroke.forEach((b, k) => {
      const a = stroke[Math.max(0, k - 1)],
        low = (/** @type {number} */ i) => Math.max(0, Math.floor((Math.min(a[i], b[i]) - PEN) * FINE)),
        high = (/** @type {number} */ i) =>
          Math.min(SIDE * FINE - 1, Math.ceil((Math.max(a[i], b[i]) + PEN) * FINE));
      for (let row = low(1); row <= high(1); row++)
        for (let column = low(0); column <= high(0); column++)
          if (square((column + 0.5) / FINE, (row + 0.5) / FINE, a, b) <= PEN * PEN)
            fine[row * SIDE * FINE + column] = 1;
    });
  const counts = new Uint8Array(SIDE * SIDE);
  fine.forEach((on, at) => {
    const row = Math.floor(at / (SIDE * FINE) / FINE),
      column = Math.floor((at % (SIDE * FINE)) / FINE);
    counts[row * SIDE + column] += on;
  });
  return Array.from(counts, (count) => LETTERS[count]).join("");
}

/** The strokes moved and stretched to where the digits of the data stand: full height, in the middle. @param {Pair[][]} strokes @returns {Pair[][]} */
export function fit(strokes) {
  const all = strokes.flat();
  if (!all.length) return strokes;
  const ends = [0, 1].map((i) => [Math.min(...all.map((p) => p[i])), Math.max(...all.map((p) => p[i]))]),
    [[left, right], [top, bottom]] = ends,
    stretch = Math.min(
      (SIDE - 2 * PEN) / Math.max(bottom - top, 1e-9),
      (WIDEST - 2 * PEN) / Math.max(right - left, 1e-9),
      MOST,
    );
  return strokes.map((stroke) =>
    stroke.map(([x, y]) => [
      MIDDLE + (x - (left + right) / 2) * stretch,
      SIDE / 2 + (y - (top + bottom) / 2) * stretch,
    ]),
  );
}
