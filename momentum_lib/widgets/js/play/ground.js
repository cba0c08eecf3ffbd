// What is descended: a surface of the library, or one pulled by hand. Pure.

import { clamp } from "../kit/dom.js";
import { SURFACES } from "../generated/surfaces.js";

/** @typedef {import("../kit/types.js").Box} Box */
/** @typedef {import("../kit/types.js").Pair} Pair */
/** @typedef {import("../kit/types.js").Params} Params */
/** @typedef {import("../kit/types.js").Surface} Surface */
/** @typedef {import("./types.js").Bump} Bump */

/** The surfaces of the library: those of the plane, then those of a line. */
export const FIELDS = Object.keys(SURFACES).sort((a, b) => SURFACES[b].dim - SURFACES[a].dim);

/**
 * A surface of a line as one of the plane: the same along x, a bowl of curvature 1 along y.
 * @param {Surface} line
 * @returns {Surface}
 */
function widened(line) {
  const { value, gradient } = line.template;
  return {
    ...line,
    name: `${line.name} with a bowl across`,
    dim: 2,
    domain: [line.domain[0], [-2, 2]],
    start: [line.start[0], 1.2],
    minima: line.minima.map(([x]) => [x, 0]),
    template: {
      value: { lines: value.lines, answer: [`(${value.answer[0]}) + y$ * y$ / 2`] },
      gradient: { lines: gradient.lines, answer: [gradient.answer[0], "y$"] },
    },
    value: (x, y, params) => line.value(x, 0, params) + (y * y) / 2,
    gradient: (x, y, params) => [line.gradient(x, 0, params)[0], y],
  };
}
/** Every surface of the library as one of the plane. @type {Record<string, Surface>} */
export const PLANES = Object.fromEntries(
  FIELDS.map((name) => [name, SURFACES[name].dim === 2 ? SURFACES[name] : widened(SURFACES[name])]),
);

/** The surface of the bare country on which hills and hollows are pulled: a shallow bowl, so that every ball stays. */
const BOWL = 0.08;
/** How many hills and hollows there may be. */
export const MOST_BUMPS = 24;
/** @type {Box} */
const DRAWN_BOX = [
  [-3, 3],
  [-2, 2],
];

/** @param {ArrayLike<number>} bumps four numbers each @param {number} x @param {number} y @param {(w: number, dx: number, dy: number, e: number) => void} each */
function overBumps(bumps, x, y, each) {
  for (let k = 0; k < bumps.length; k += 4) {
    const dx = x - bumps[k],
      dy = y - bumps[k + 1],
      w = 1 / (bumps[k + 3] * bumps[k + 3]);
    each(w, dx, dy, bumps[k + 2] * Math.exp((-(dx * dx + dy * dy) * w) / 2));
  }
}

const HEAD =
  "const dx$ = x$ - bumps[k$], dy$ = y$ - bumps[k$ + 1], w$ = 1 / (bumps[k$ + 3] * bumps[k$ + 3]); " +
  "const e$ = bumps[k$ + 2] * Math.exp(-(dx$ * dx$ + dy$ * dy$) * w$ / 2);";
const LOOP = "for (let k$ = 0; k$ < bumps.length; k$ += 4) {";

/**
 * A surface of Gaussian hills and hollows over a shallow bowl; the engine takes their numbers as one parameter, so that a hill
 * that grows under the finger compiles nothing anew.
 * @param {Bump[]} bumps
 * @returns {Surface}
 */
export function drawn(bumps) {
  const flat = Float64Array.from(bumps.flat()),
    all = /** @type {any} */ ({ bumps: flat });
  /** @type {Surface} */
  const surface = {
    name: "drawn by hand",
    title: "Drawn by hand",
    dim: 2,
    params: all,
    domain: DRAWN_BOX,
    start: [-2.4, 1.3],
    minima: [],
    latex: "",
    template: {
      value: {
        lines: [`let f$ = ${BOWL} * (x$ * x$ + y$ * y$);`, `${LOOP} ${HEAD} f$ += e$; }`],
        answer: ["f$"],
      },
      gradient: {
        lines: [
          `let fx$ = ${2 * BOWL} * x$, fy$ = ${2 * BOWL} * y$;`,
          `${LOOP} ${HEAD} fx$ -= e$ * w$ * dx$; fy$ -= e$ * w$ * dy$; }`,
        ],
        answer: ["fx$", "fy$"],
      },
    },
    value(x, y) {
      let sum = BOWL * (x * x + y * y);
      overBumps(flat, x, y, (_w, _dx, _dy, e) => {
        sum += e;
      });
      return sum;
    },
    gradient(x, y) {
      let gx = 2 * BOWL * x,
        gy = 2 * BOWL * y;
      overBumps(flat, x, y, (w, dx, dy, e) => {
        gx -= e * w * dx;
        gy -= e * w * dy;
      });
      return [gx, gy];
    },
  };
  surface.minima = lowest(surface, all, DRAWN_BOX);
  return surface;
}

/**
 * The minima of a surface inside a box: from each lowest point of a grid by Newton steps on the gradient, kept where they
 * stay in the box.
 * @param {Pick<Surface, "value"|"gradient">} surface
 * @param {Params} params
 * @param {Box} box
 * @returns {Pair[]} the deepest first, at most eight
 */
export function lowest(surface, params, [[x0, x1], [y0, y1]]) {
  const nx = 61,
    ny = 41,
    dx = (x1 - x0) / (nx - 1),
    dy = (y1 - y0) / (ny - 1),
    at = (/** @type {number} */ i, /** @type {number} */ j) =>
      surface.value(x0 + i * dx, y0 + j * dy, params);
  const heights = Array.from({ length: nx * ny }, (_, k) => at(k % nx, Math.floor(k / nx)));
  /** @type {Pair[]} */
  const found = [];
  for (let j = 1; j < ny - 1; j++)
    for (let i = 1; i < nx - 1; i++) {
      const here = heights[j * nx + i],
        around = [-1, 1, -nx, nx, -nx - 1, -nx + 1, nx - 1, nx + 1];
      if (around.some((by) => !(heights[j * nx + i + by] >= here))) continue;
      const point = settle(surface, params, [x0 + i * dx, y0 + j * dy], Math.min(dx, dy));
      if (!point || found.some((one) => Math.hypot(one[0] - point[0], one[1] - point[1]) < dx)) continue;
      found.push(point);
    }
  return found.sort((a, b) => surface.value(...a, params) - surface.value(...b, params)).slice(0, 8);
}

/** Newton's steps to the minimum beside a place, each at most a cell long; null where it is none. @param {Pick<Surface, "gradient">} surface @param {Params} params @param {Pair} from @param {number} cell @returns {Pair|null} */
function settle(surface, params, from, cell) {
  let [x, y] = from;
  const h = cell * 1e-3;
  for (let k = 0; k < 40; k++) {
    const [gx, gy] = surface.gradient(x, y, params),
      [ax, ay] = surface.gradient(x + h, y, params),
      [bx, by] = surface.gradient(x, y + h, params),
      [a, b, c] = [(ax - gx) / h, (ay - gy + bx - gx) / (2 * h), (by - gy) / h],
      det = a * c - b * b;
    if (!(det > 0 && a > 0)) {
      const size = Math.hypot(gx, gy);
      if (!(size > 0)) return null;
      x -= (cell / 4) * (gx / size);
      y -= (cell / 4) * (gy / size);
      continue;
    }
    const sx = (c * gx - b * gy) / det,
      sy = (a * gy - b * gx) / det,
      cut = Math.min(1, cell / (Math.hypot(sx, sy) || 1));
    x -= cut * sx;
    y -= cut * sy;
    if (Math.hypot(sx, sy) < 1e-13 * (1 + Math.hypot(x, y))) break;
  }
  return Math.hypot(x - from[0], y - from[1]) < 6 * cell ? [x, y] : null;
}

/** Pull the country up (or down) at a place: the hill that stands there grows, or a new one begins. @param {Bump[]} bumps @param {Pair} place @param {number} by @param {number} width @returns {Bump[]} */
export function pull(bumps, [x, y], by, width) {
  const near = bumps.findIndex((one) => Math.hypot(one[0] - x, one[1] - y) < width / 3);
  if (near < 0)
    return bumps.length < MOST_BUMPS ? [...bumps, [round(x), round(y), round(by), round(width)]] : bumps;
  return bumps
    .map((one, k) =>
      k === near ? /** @type {Bump} */ ([one[0], one[1], round(clamp(one[2] + by, -4, 4)), one[3]]) : one,
    )
    .filter((one) => Math.abs(one[2]) > 0.02);
}

const round = (/** @type {number} */ value) => Math.round(value * 100) / 100;

/** The same surface for one run whose gradients carry noise: at step t the two draws of that step, alike for every rule and start. @param {Surface} surface @param {number} sigma @param {Float64Array} draws two a step @returns {Surface} */
export function withNoise(surface, sigma, draws) {
  const { lines, answer } = surface.template.gradient;
  const params = /** @type {any} */ ({ ...surface.params, noise_sigma: sigma, noise_draws: draws });
  let asked = 0; // where the page forbids compiling, a run asks once a step
  return {
    ...surface,
    name: `${surface.name} with noise`,
    params,
    template: {
      value: surface.template.value,
      gradient: {
        lines,
        answer: answer.map(
          (one, i) => `(${one}) + noise_sigma * noise_draws[(2 * t - ${2 - i}) % noise_draws.length]`,
        ),
      },
    },
    gradient: (x, y, p) => {
      const k = (2 * asked++) % draws.length;
      return surface.gradient(x, y, p).map((g, i) => g + sigma * draws[k + i]);
    },
  };
}
