// Many balls from a grid of starts with one rule: where each ends and when. Pure.

import { descend } from "../kit/engine.js";

/** @typedef {import("./types.js").Scene} Scene */

/**
 * @param {Scene} scene whose picked rule runs
 * @param {number} nx columns of starts over the picture's box
 * @param {number} steps
 * @returns {(part: [number, number]) => {where: Int8Array, steps: Float32Array, nx: number, ny: number}} runs the rows of a part
 *   (0 to 1 is all), and returns what is known so far: the minimum in which each ends (-1: none yet, -2: it flies off), and the
 *   step from which it is near it (NaN, Infinity likewise)
 */
export function createFleet({ surface, params, picked, box }, nx, steps) {
  const [[x0, x1], [y0, y1]] = box,
    ny = Math.max(2, Math.round((nx * (y1 - y0)) / (x1 - x0))),
    where = new Int8Array(nx * ny).fill(-1),
    when = new Float32Array(nx * ny).fill(Infinity),
    near = 0.01 * Math.hypot(x1 - x0, y1 - y0);
  return ([from, to]) => {
    for (let j = Math.round(from * ny); j < Math.round(to * ny); j++)
      for (let i = 0; i < nx; i++) {
        const start = [x0 + ((i + 0.5) / nx) * (x1 - x0), y0 + ((j + 0.5) / ny) * (y1 - y0)],
          { points, n, divergedAt } = descend(picked.rule, surface, {
            start,
            steps,
            hyper: picked.hyper,
            params,
          }),
          k = j * nx + i;
        if (divergedAt) {
          where[k] = -2;
          when[k] = NaN;
          continue;
        }
        where[k] = surface.minima.findIndex(
          (m) => Math.hypot(points[2 * n] - m[0], points[2 * n + 1] - m[1]) < near,
        );
        if (where[k] < 0) continue;
        const [mx, my] = surface.minima[where[k]];
        let last = n;
        while (last >= 0 && Math.hypot(points[2 * last] - mx, points[2 * last + 1] - my) < near) last--;
        when[k] = Math.max(last + 1, 1);
      }
    return { where, steps: when, nx, ny };
  };
}
