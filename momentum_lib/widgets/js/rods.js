// Rods: the singular values of a matrix, evened out by Newton-Schulz, step by step. Python side: momentum_lib/widgets/rods.py

import { curve } from "./kit/curve.js";
import { clamp, many, pythonFloat, roundTo, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { choice, integer, numbers } from "./kit/state.js";
import { oddQuintic } from "./generated/theory.js";

const NAMES = ["s1", "s2", "s3", "s4", "s5", "s6"],
  LOW = 1e-3,
  MOST = 8,
  WIDE = 0.5;

/** The polynomials' coefficients, one row a step, the last one repeated; a test compares them with theory's. @type {Record<string, [number, number, number][]>} */
export const POLYNOMIALS = {
  muon: [[3.4445, -4.775, 2.0315]],
  cubic: [[1.5, -0.5, 0]],
  best: [
    [8.470328803848073, -25.108074706661885, 18.62927559911802],
    [4.182834183293943, -3.108701109889242, 0.5806066813500492],
    [3.9618572789615976, -2.9540637463593775, 0.5629761179538963],
    [3.2865862170279545, -2.4647201345312784, 0.5073576938614545],
    [2.2737499944340356, -1.6446603679080671, 0.4161909274978863],
    [1.8887161973518318, -1.2651572253386059, 0.376518925557493],
    [1.8750008858690173, -1.2500009843108897, 0.3750000984422031],
    [1.875, -1.25, 0.375],
  ],
};

/** How high the pictures reach: between its steps the best one goes up to 2. @param {string} polynomial */
const topOf = (polynomial) => (polynomial === "best" ? 2.1 : 1.3);

/** @type {Record<string, string>} */
const TITLES = { muon: "Muon’s polynomial", cubic: "the cubic", best: "the best polynomials" };

export const STATE = {
  values: numbers(
    { s1: 0.8, s2: 0.5, s3: 0.28, s4: 0.15, s5: 0.07, s6: 0.02 },
    Object.fromEntries(NAMES.map((name) => [name, /** @type {[number, number]} */ ([0, 1])])),
  ),
  polynomial: choice("muon", Object.keys(POLYNOMIALS)),
  steps: integer(5, 0, MOST),
};

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} RodsFigure */
/** @typedef {ReturnType<typeof addRods>} RodsPlot */
/** @typedef {ReturnType<typeof addMap>} MapPlot */
/** @typedef {number[][]} Path */

// ---------------------------------------------------------------------------------------------------- pure numbers

/** One step of a polynomial. @param {number} x @param {string} polynomial @param {number} k which step, from 0 */
const step = (x, polynomial, k) => {
  const rows = POLYNOMIALS[polynomial];
  return oddQuintic(x, ...rows[Math.min(k, rows.length - 1)]);
};

/** What so many steps make of a value. @param {number} x @param {string} polynomial @param {number} steps */
export function after(x, polynomial, steps) {
  let y = x;
  for (let k = 0; k < steps; k++) y = step(y, polynomial, k);
  return y;
}

/** The values divided by their norm, then step by step. @param {State} state @returns {Path} */
export function pathOf({ values, polynomial, steps }) {
  const raw = NAMES.map((name) => values[name]),
    norm = Math.hypot(...raw) || 1,
    path = [raw.map((v) => v / norm)];
  for (let k = 0; k < steps; k++) path.push(path[k].map((v) => step(v, polynomial, k)));
  return path;
}

/**
 * The values, of norm 1, when one of them is drawn to another height: the others keep their proportions.
 * @param {number[]} scaled of norm 1 @param {number} i @param {number} to
 */
export function drawnTo(scaled, i, to) {
  const height = clamp(to, 0, 1),
    rest = Math.hypot(...scaled.map((v, j) => (j === i ? 0 : v))),
    shrink = rest > 0 ? Math.sqrt(1 - height * height) / rest : 1;
  return scaled.map((v, j) => (j === i ? height : v * shrink));
}

/** Least and largest of the values that are not zero, at a step; null where all are. @param {Path} path @param {number} k */
export function ends(path, k) {
  const alive = path[k].filter((_, i) => path[0][i] > 0);
  return alive.length ? { least: Math.min(...alive), most: Math.max(...alive) } : { least: null, most: null };
}

/** What the state says at a step. @param {Path} path @param {string} polynomial @param {number} k */
export function sentence(path, polynomial, k) {
  const before = ends(path, 0),
    now = ends(path, k);
  if (before.least === null || now.least === null)
    return "A matrix of zeros has no direction: nothing moves.";
  const apart = (/** @type {{least: number, most: number}} */ { least, most }) => show(most / least),
    first = /** @type {{least: number, most: number}} */ (before),
    last = /** @type {{least: number, most: number}} */ (now);
  if (k === 0)
    return `Divided by their norm, the singular values lie between ${show(first.least)} and ${show(first.most)}: the longest rod is ${apart(first)} times the shortest.`;
  return `After ${many(k, "step")} of ${TITLES[polynomial]} all lie between ${show(last.least)} and ${show(last.most)}: the longest rod is ${apart(last)} times the shortest, before it was ${apart(first)} times.`;
}

/** @param {State} state */
const python = ({ values, polynomial, steps }) => `from momentum_lib import theory
from momentum_lib.widgets.rods import POLYNOMIALS

values = [${NAMES.map((name) => pythonFloat(values[name])).join(", ")}]
path = theory.newton_schulz(values, ${steps}, POLYNOMIALS["${polynomial}"])
for k, row in enumerate(path):
    print(k, row.round(4))
`;

// --------------------------------------------------------------------------------------------------------- the rods

/** @param {RodsFigure} fig */
function addRods(fig) {
  const plot = fig.plot({
    label: "Six singular values as rods: before, and after the steps",
    x: {
      domain: [-0.6, NAMES.length - 0.4],
      ticks: () => NAMES.map((_, k) => k),
      format: (k) => `σ${"₁₂₃₄₅₆"[k]}`,
    },
    y: { domain: [0, 1.3], label: "singular value", ticks: () => [0, 0.5, 1, 1.5, 2] },
    height: (width) => clamp(width * 0.72, 230, 330),
    margin: { top: 26, left: 40, right: 10 },
  });
  plot.key([
    { words: "■ now", look: "matrix" },
    { words: "□ before, of norm 1" },
    { words: "┅ all 1: U V′" },
  ]);
  const scaled = () => pathOf(fig.snapshot())[0];
  return {
    plot,
    rods: plot.line({ look: "matrix", class: "lf-rod" }),
    outline: plot.line({ class: "lf-outline" }),
    one: plot.line({ class: "lf-one-line" }),
    handles: NAMES.map((name, i) =>
      plot.handle({
        label: `Singular value ${i + 1}, before`,
        axis: "y",
        bounds: () => [
          [i, i],
          [0, 1],
        ],
        set: (_, y) => {
          const moved = drawnTo(scaled(), i, y < 0.003 ? 0 : y);
          fig.set({ values: Object.fromEntries(NAMES.map((each, j) => [each, roundTo(moved[j], 4)])) });
        },
        words: (_, y) => `${show(y)} of the norm`,
      }),
    ),
    numbers: NAMES.map(() => plot.text({ class: "lf-direct", anchor: "middle" })),
  };
}

/** Boxes from the floor to a height, one a rod, as one path. @param {import("./kit/types.js").Plot} plot @param {number[]} heights */
const boxes = (plot, heights) =>
  heights
    .map((v, k) => {
      const left = plot.x(k - WIDE / 2).toFixed(1),
        wide = (plot.x(k + WIDE / 2) - plot.x(k - WIDE / 2)).toFixed(1),
        foot = plot.y(0).toFixed(1);
      return `M${left},${foot}V${plot.y(v).toFixed(1)}h${wide}V${foot}z`;
    })
    .join("");

/** Lengths between those of two steps, for a rod that grows. @param {Path} path @param {number} pen */
export function between(path, pen) {
  const k = Math.min(Math.floor(pen), path.length - 1),
    next = path[Math.min(k + 1, path.length - 1)];
  return path[k].map((v, i) => v + (pen - k) * (next[i] - v));
}

/** @param {RodsPlot} rods @param {string} polynomial @param {Path} path @param {number} pen */
function drawRods({ plot, rods, outline, one, handles, numbers: words }, polynomial, path, pen) {
  const now = between(path, pen);
  plot.setDomain(undefined, [0, topOf(polynomial)]);
  rods.path(boxes(plot, now));
  outline.path(boxes(plot, path[0]));
  one.update([-0.6, 1, NAMES.length - 0.4, 1]);
  handles.forEach((handle, i) => handle.update(i, path[0][i]));
  words.forEach((word, i) => word.update(i, Math.max(now[i], path[0][i]), show(now[i], 2), 0, -14));
}

// ---------------------------------------------------------------------------------------------------------- the map

/** @param {RodsFigure} fig */
function addMap(fig) {
  const plot = fig.plot({
    label: "What the steps make of any singular value",
    x: {
      type: "log",
      domain: [LOW, 1],
      label: "value before",
      ticks: () => [0.001, 0.01, 0.1, 1],
      format: (v) => show(v),
    },
    y: { domain: [0, 1.3], label: "value after", ticks: () => [0, 0.5, 1, 1.5, 2] },
    height: (width) => clamp(width * 0.9, 230, 330),
    margin: { top: 26, left: 40, right: 14 },
  });
  return {
    plot,
    one: plot.line({ class: "lf-one-line" }),
    map: plot.line({ look: "matrix", class: "lf-map" }),
    dots: plot.marks({ look: "matrix", radius: 4.5 }),
    name: plot.text(),
  };
}

/** @param {MapPlot} map @param {string} polynomial @param {Path} path @param {number} k */
function drawMap({ plot, one, map, dots, name }, polynomial, path, k) {
  plot.setDomain(undefined, [0, topOf(polynomial)]);
  one.update([LOW, 1, 1, 1]);
  map.update(curve((x) => after(x, polynomial, k), [LOW, 1], 300, { log: true }));
  dots.update(path[0].flatMap((v, i) => [v, path[k][i]]));
  name.update(LOW, topOf(polynomial), `after ${many(k, "step")}`, 6, 12);
}

// ------------------------------------------------------------------------------------------------------- the figure

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Long rods and short ones, brought to one length",
    python,
  });
  fig.root.classList.add("lf-rods");
  const rods = addRods(fig),
    map = addMap(fig);
  fig.segments({
    name: "polynomial",
    label: "polynomial",
    options: [
      { value: "muon", label: "Muon’s" },
      { value: "cubic", label: "cubic" },
      { value: "best", label: "best" },
    ],
  });
  fig.slider({ name: "steps", label: "steps" });
  NAMES.forEach((name, i) =>
    fig.slider({
      label: `singular value ${i + 1}`,
      get: () => fig.get("values")[name],
      set: (v) => fig.set({ values: { ...fig.get("values"), [name]: v } }),
      bounds: [0, 1],
      fold: true,
    }),
  );
  const time = fig.player({ length: () => fig.get("steps"), seconds: () => 0.9 * fig.get("steps") });
  fig.watch((changed) => {
    if (changed.includes("steps") || changed.includes("polynomial")) time.end();
  });
  fig.onReset(() => time.end());
  let path = pathOf(fig.snapshot());
  fig.draw(() => {
    const state = fig.snapshot(),
      k = time.head();
    path = pathOf(state);
    drawRods(rods, state.polynomial, path, time.pen());
    drawMap(map, state.polynomial, path, k);
    fig.speak(sentence(path, state.polynomial, k));
  });
  fig.numbers(() => ({ path, ...ends(path, path.length - 1), head: time.head() }));
  return fig.start();
}
