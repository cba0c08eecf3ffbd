// The plane in which paths of many weights are seen: it goes through their start and along the two directions in which their steps
// have moved most. And the loss in that plane, measured on a grid that becomes finer. Pure.

import { clamp } from "../kit/dom.js";
import { dot, largestEigenvalue } from "../kit/network.js";
import { drawNoise } from "../kit/noise.js";

/** @typedef {import("../kit/types.js").Box} Box */
/** @typedef {import("../kit/types.js").Pair} Pair */
/** @typedef {{origin: Float64Array, across: Float64Array, up: Float64Array}} Plane a point and two unit vectors at a right angle */

/** So many points of a path tell where it goes. */
const TOLD = 16;

/** How far and where each of some points of a path lies from a start. @param {Float64Array[]} path @param {Float64Array} origin */
function offsets(path, origin) {
  const every = Math.max(1, Math.floor((path.length - 1) / TOLD)),
    some = path.filter((_, k) => k % every === 0 || k === path.length - 1);
  return some.map((point) => point.map((v, i) => v - origin[i]));
}

/**
 * The plane of some paths: each counts the same, however far it goes.
 * @param {Float64Array[][]} paths the weights after each step
 * @param {Plane|null} like turned so that it lies as this one did, where it may lie in two ways
 * @returns {Plane}
 */
export function planeOf(paths, like) {
  const origin = paths[0][0],
    rows = paths.flatMap((path) => {
      const all = offsets(path, origin),
        far = Math.max(...all.map((one) => dot(one, one))) || 1;
      return all.map((one) => one.map((v) => v / Math.sqrt(far)));
    });
  /** The sum of the rows' outer products, times v, less its part along what was found before. @param {Float64Array[]} found */
  const product = (found) => (/** @type {Float64Array} */ v, /** @type {Float64Array} */ out) => {
    out.fill(0);
    for (const row of rows) {
      const along = dot(row, v);
      for (let i = 0; i < out.length; i++) out[i] += along * row[i];
    }
    remove(out, found);
  };
  /** @param {Float64Array[]} found @param {Float64Array|undefined} before */
  const next = (found, before) => {
    const start = drawNoise(origin.length, 1 + found.length);
    remove(start, found);
    const { vector } = largestEigenvalue(product(found), start, 1e-5),
      turned = dot(before ?? rows[rows.length - 1], vector) < 0;
    return turned ? vector.map((v) => -v) : vector;
  };
  const across = next([], like?.across);
  return { origin, across, up: next([across], like?.up) };
}

/** Take off a vector's parts along others. @param {Float64Array} vector @param {Float64Array[]} others */
function remove(vector, others) {
  for (const other of others) {
    const along = dot(vector, other);
    for (let i = 0; i < vector.length; i++) vector[i] -= along * other[i];
  }
}

/** Where weights lie in the plane, seen at a right angle. @param {Plane} plane @param {Float64Array} theta @returns {Pair} */
export function placeIn({ origin, across, up }, theta) {
  let a = 0,
    b = 0;
  for (let i = 0; i < theta.length; i++) {
    a += (theta[i] - origin[i]) * across[i];
    b += (theta[i] - origin[i]) * up[i];
  }
  return [a, b];
}

/** The weights at a place of the plane. @param {Plane} plane @param {number} x @param {number} y */
export const weightsAt = ({ origin, across, up }, x, y) =>
  origin.map((v, i) => v + x * across[i] + y * up[i]);

/** How much of a path's way from its start lies in the plane, from 0 to 1: of the squared distances. @param {Plane} plane @param {Float64Array[]} path */
export function shareOf(plane, path) {
  let inside = 0,
    all = 0;
  for (const offset of offsets(path, path[0])) {
    inside += dot(offset, plane.across) ** 2 + dot(offset, plane.up) ** 2;
    all += dot(offset, offset);
  }
  return all > 0 ? inside / all : 1;
}

/** A box that holds all places, with room about them, and at least half as high as wide (and the other way round). @param {ArrayLike<number>[]} all places, one after the other @returns {Box} */
export function boxAround(all) {
  const ends = [0, 1].map((i) => {
    let low = Infinity,
      high = -Infinity;
    for (const places of all)
      for (let k = i; k < places.length; k += 2) {
        low = Math.min(low, places[k]);
        high = Math.max(high, places[k]);
      }
    return high >= low ? [low, high] : [-1, 1];
  });
  const wide = Math.max(...ends.map(([low, high]) => high - low), 1e-3);
  return ends.map(([low, high]) => {
    const half = Math.max((high - low) / 2, wide / 4) + 0.16 * wide,
      middle = (low + high) / 2;
    return [middle - half, middle + half];
  });
}

/** Columns of the first grid; each finer one has twice as many gaps. */
const GAPS = 12,
  FINER = 3;

/**
 * The loss in a box of the plane, on a grid that becomes finer as time allows; between its points, a smooth curve in the logarithm.
 * @param {(x: number, y: number) => number} loss positive
 * @param {Box} box
 */
export function createSlice(loss, [[x0, x1], [y0, y1]]) {
  const up = Math.max(6, Math.round((GAPS * (y1 - y0)) / (x1 - x0)));
  /** @param {number} level */
  const grid = (level) => {
    const nx = GAPS * 2 ** level + 1,
      ny = up * 2 ** level + 1;
    return { nx, ny, level, at: 0, values: new Float64Array(nx * ny).fill(NaN) };
  };
  /** What is shown, and what is being measured. @type {ReturnType<typeof grid>|null} */
  let shown = null,
    next = /** @type {ReturnType<typeof grid>|null} */ (grid(0));
  /** One point of the grid that is being measured. @param {ReturnType<typeof grid>} to */
  function measure(to) {
    const k = to.at++,
      i = k % to.nx,
      j = Math.floor(k / to.nx);
    to.values[k] =
      shown && i % 2 === 0 && j % 2 === 0
        ? shown.values[(j / 2) * shown.nx + i / 2]
        : Math.log(loss(x0 + (i / (to.nx - 1)) * (x1 - x0), y0 + (j / (to.ny - 1)) * (y1 - y0)) || 1e-12);
  }
  return {
    /** Measure on until the time is over. @param {() => boolean} over @returns {boolean} whether all is done */
    advance(over) {
      while (next && !over()) {
        measure(next);
        if (next.at < next.values.length) continue;
        shown = next;
        next = shown.level + 1 < FINER ? grid(shown.level + 1) : null;
      }
      return next === null;
    },
    /** How fine it is; 0 before there is anything. */
    level: () => (shown ? shown.level + 1 : 0),
    /** @param {number} x @param {number} y */
    value(x, y) {
      if (!shown) return 1;
      const { nx, ny, values } = shown;
      return Math.exp(
        between(values, nx, ny, ((x - x0) / (x1 - x0)) * (nx - 1), ((y - y0) / (y1 - y0)) * (ny - 1)),
      );
    },
  };
}

/** Catmull and Rom's weights of the four values about a place between the second and the third. @param {number} u */
const spline = (u) => [
  (u * (u * (2 - u) - 1)) / 2,
  (u * u * (3 * u - 5) + 2) / 2,
  (u * (u * (4 - 3 * u) + 1)) / 2,
  (u * u * (u - 1)) / 2,
];

/** A smooth value between those of a grid. @param {Float64Array} values @param {number} nx @param {number} ny @param {number} x in columns @param {number} y in rows */
function between(values, nx, ny, x, y) {
  const i = clamp(Math.floor(x), 0, nx - 2),
    j = clamp(Math.floor(y), 0, ny - 2),
    across = spline(clamp(x - i, 0, 1)),
    upward = spline(clamp(y - j, 0, 1));
  let sum = 0;
  for (let b = 0; b < 4; b++)
    for (let a = 0; a < 4; a++)
      sum += across[a] * upward[b] * values[clamp(j + b - 1, 0, ny - 1) * nx + clamp(i + a - 1, 0, nx - 1)];
  return sum;
}
