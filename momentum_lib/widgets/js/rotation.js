// The rotation test: turn a problem against the coordinates, and see which rules lose by it.
// Python side: momentum_lib/widgets/rotation.py

import { ellipse } from "./kit/curve.js";
import { clamp, pythonFloat, roundTo, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { choice, number } from "./kit/state.js";
import { LOOK } from "./generated/look.js";
import { TURNED } from "./generated/turned.js";

export const STATE = {
  angle: number(0, 0, 90),
  norm: choice("all", ["all", "euclid", "maximum", "spectral"]),
};

/** The rows in their order, first the rules whose steps lie along the coordinates: [side, title, family]. */
export const ROWS = /** @type {const} */ ([
  ["adam", "Adam", "adaptive"],
  ["lion", "Lion", "sign"],
  ["signum", "Signum", "sign"],
  ["gradient_descent", "gradient descent", "gradient"],
  ["heavy_ball", "heavy ball", "momentum"],
  ["muon", "Muon", "matrix"],
  ["muon_0", "Muon, no memory", "matrix"],
  ["shampoo", "Shampoo", "matrix"],
]);

/** Curvatures of the two directions that the plane shows, the place of the step along them, and how long a step of size 1 is drawn. */
export const PLANE = { curvatures: [0.25, 1], point: [1.1, 0.42], reach: 0.44 };

const RANGE = /** @type {[number, number]} */ ([4e-8, 0.2]),
  EDGE = 1.75,
  ARM = 1.45,
  /** In the order of drawing: where the two squares lie on each other, the dashed one on top shows both. */
  NORMS = /** @type {const} */ ([
    ["euclid", "gradient"],
    ["spectral", "matrix"],
    ["maximum", "sign"],
  ]);

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} RotationFigure */
/** @typedef {ReturnType<typeof compute>} Drawn */
/** @typedef {ReturnType<typeof addRows>} Rows */
/** @typedef {ReturnType<typeof addPlane>} Plane */

/** A ravine turned as far in the playground. @param {State} state @returns {Partial<import("./play/types.js").PlayState>} */
const playground = ({ angle }) => ({
  surface: { kind: "library", name: "ravine", params: { kappa: 25, angle: (angle * Math.PI) / 180 } },
});

// ---------------------------------------------------------------------------------------------------- pure numbers

/** Mean and standard deviation of the logarithms. @param {number[]} values */
function ofLogs(values) {
  const logs = values.map(Math.log),
    mean = logs.reduce((a, b) => a + b, 0) / logs.length,
    square = logs.reduce((a, b) => a + (b - mean) ** 2, 0);
  return [mean, Math.sqrt(square / (logs.length - 1))];
}

/**
 * The share of the loss that a side leaves: its geometric mean over the problems, and the factor of one standard deviation.
 * Measured at equal angles from 0 to 90; between them the logarithms are interpolated.
 * @param {string} side @param {number} angle
 */
export function shareOf(side, angle) {
  const rows = TURNED[side],
    at = (angle / 90) * (rows.length - 1),
    k = Math.min(Math.floor(at), rows.length - 2),
    [from, to] = [ofLogs(rows[k]), ofLogs(rows[k + 1])];
  const [mean, spread] = from.map((value, i) => value + (at - k) * (to[i] - value));
  return { left: Math.exp(mean), spread: Math.exp(spread) };
}

/** A place along the problem's directions, in coordinates. @param {number} angle degrees @param {number[]} own */
function turned(angle, [a, b]) {
  const radians = (angle * Math.PI) / 180,
    c = Math.cos(radians),
    s = Math.sin(radians);
  return [c * a - s * b, s * a + c * b];
}

const signOf = (/** @type {number} */ v) => (Math.abs(v) < 1e-12 ? 0 : Math.sign(v));

/** The plane's own part: the point, its gradient, and the step of size 1 under each norm. @param {number} angle */
export function unitSteps(angle) {
  const { curvatures, point, reach } = PLANE,
    own = point.map((v, i) => curvatures[i] * v),
    gradient = turned(angle, own),
    size = Math.hypot(...own);
  return {
    point: turned(angle, point),
    gradient,
    euclid: gradient.map((v) => (-reach * v) / size),
    maximum: gradient.map((v) => -reach * signOf(v)),
    spectral: turned(angle, own.map(signOf)).map((v) => -reach * v),
  };
}

/** All that is shown. @param {State} state */
export function compute({ angle }) {
  const sides = ROWS.map(([side]) => side),
    now = sides.map((side) => shareOf(side, angle)),
    of = (/** @type {(k: number) => number} */ f) =>
      /** @type {Record<string, number>} */ (Object.fromEntries(sides.map((side, k) => [side, f(k)])));
  return {
    left: of((k) => now[k].left),
    spread: of((k) => now[k].spread),
    untouched: of((k) => shareOf(sides[k], 0).left),
    ...unitSteps(angle),
  };
}

// ------------------------------------------------------------------------------------------------------------ words

/** A share as a power of ten with two digits, 5.7·10⁻⁶. @param {number} value */
function power(value) {
  const [digits, exponent] = value.toExponential(1).split("e-");
  return `${digits}·10⁻${[...exponent].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("")}`;
}

/** A factor between two runs: two digits, or none where last bits make as much. @param {number} ratio */
const factor = (ratio) =>
  ratio > 2 ? `×${show(roundTo(ratio, 2))}` : ratio < 0.5 ? `÷${show(roundTo(1 / ratio, 2))}` : "";

/** What the state says. @param {number} angle @param {Pick<Drawn, "left"|"untouched">} found */
export function sentence(angle, { left, untouched }) {
  const aligned = angle === 0 || angle === 90,
    times = (/** @type {string} */ side) => {
      const said = factor(left[side] / untouched[side]);
      return said
        ? `${said.slice(1)} times ${said[0] === "×" ? "as much as" : "less than"} untouched`
        : "as untouched";
    };
  if (aligned)
    return `${angle ? "Turned by 90°, the problem lies along the coordinates again" : "Untouched, the problem lies along the coordinates"}, as Adam’s ruler does: Adam leaves ${power(left.adam)} of the loss, Lion ${power(left.lion)}, Muon ${power(left.muon)}.`;
  return `Turned by ${show(angle)}°: Adam leaves ${power(left.adam)} of the loss, ${times("adam")}; Lion ${power(left.lion)}, ${times("lion")}; Muon ${power(left.muon)}, ${times("muon")}.`;
}

/** @param {State} state */
const python = ({ angle }) => `import numpy as np
from momentum_lib.widgets import Rotation, turning

angle = ${pythonFloat(angle)}
print({side: f"{share:.2g}" for side, share in Rotation(angle=angle).numbers()["left"].items()})
print("Adam, run anew on the first problem:", turning.left("adam", angle))
`;

// --------------------------------------------------------------------------------------------------------- the rows

/** @param {string} family */
const shapeOf = (family) => {
  const marker = LOOK[family].marker;
  return /** @type {import("./kit/types.js").Shape} */ (
    marker === "none" || marker === "cross" || marker === "dot" ? "disc" : marker
  );
};

/** @param {RotationFigure} fig */
function addRows(fig) {
  const plot = fig.plot({
    label: "The share of the loss that each rule leaves, now and untouched",
    x: {
      type: "log",
      domain: RANGE,
      ticks: () => [1e-7, 1e-5, 1e-3, 1e-1],
      label: "share of the loss left after 100 steps",
    },
    y: { domain: [-0.6, ROWS.length - 0.4], hidden: true },
    height: (width) => (width > 480 ? 35 : 30) * ROWS.length + 46,
    margin: { top: 4, left: 128, right: 18 },
  });
  plot.key([{ words: "● now" }, { words: "○ untouched" }, { words: "▬ five problems’ spread" }]);
  return {
    plot,
    rows: ROWS.map(([side, title, family]) => ({
      side,
      title,
      rule: plot.line({ class: "lf-row-rule", layer: "back" }),
      spread: plot.line({ look: family, class: "lf-spread" }),
      way: plot.line({ look: family, class: "lf-way" }),
      before: plot.marks({ look: family, class: "lf-before", shape: shapeOf(family), radius: 5 }),
      now: plot.marks({ look: family, shape: shapeOf(family), radius: 5 }),
      name: plot.text({ look: family, anchor: "end" }),
      times: plot.text({ class: "lf-direct" }),
    })),
  };
}

/** @param {Rows} rows @param {Drawn} drawn */
function drawRows({ plot, rows }, { left, spread, untouched }) {
  rows.forEach(({ side, title, rule, spread: band, way, before, now, name, times }, k) => {
    const y = rows.length - 1 - k,
      x = left[side],
      late = plot.x(x) > plot.inner.right - 52;
    rule.update([RANGE[0], y, RANGE[1], y]);
    band.update([x / spread[side], y, x * spread[side], y]);
    way.update([untouched[side], y, x, y]);
    before.update([untouched[side], y]);
    now.update([x, y]);
    name.update(RANGE[0], y, title, -8, 4);
    times.anchor(late ? "end" : "start");
    times.update(x, y, factor(x / untouched[side]), late ? -10 : 10, late ? -8 : 4);
  });
}

// -------------------------------------------------------------------------------------------------------- the plane

/** @param {RotationFigure} fig */
function addPlane(fig) {
  const side = /** @type {[number, number]} */ ([-EDGE, EDGE]),
    plot = fig.plot({
      label: "Two of the problem’s directions in coordinates, and one step of size 1 in three norms",
      x: { domain: side, hidden: true },
      y: { domain: side, hidden: true },
      equal: true,
    });
  const lines = Array.from({ length: 7 }, (_, k) => k / 2 - 1.5),
    ruler = plot.line({ class: "lf-ruler", layer: "back" }),
    levels = [0.5, 1, 1.5].map(() => plot.line({ class: "lf-level", layer: "back" })),
    own = [plot.line({ class: "lf-own" }), plot.line({ class: "lf-own" })],
    steps = NORMS.map(([norm, look]) => ({
      norm,
      unit: plot.line({ look, class: "lf-norm-ball" }),
      step: plot.line({ look, class: "lf-step" }),
      tip: plot.marks({ look, class: "lf-tip", radius: norm === "maximum" ? 6.5 : 4.5 }),
    }));
  plot.key([
    { words: "○ Euclid: gradient", look: "gradient" },
    { words: "□ spectral: U V′", look: "matrix" },
    { words: "□ dashed, maximum: sign", look: "sign" },
  ]);
  return {
    plot,
    lines,
    ruler,
    levels,
    own,
    steps,
    point: plot.marks({ radius: 3.5, layer: "front" }),
    handle: plot.handle({
      label: "Turn the problem",
      set: (x, y) => {
        const degrees = (Math.atan2(y, x) * 180) / Math.PI;
        fig.set({ angle: clamp(Math.round(degrees < -90 ? 90 : degrees), 0, 90) });
      },
      words: () => `turned by ${show(fig.get("angle"))} degrees`,
    }),
  };
}

/** Points in the problem's own directions as a flat line in coordinates, around a place. @param {number} angle @param {ArrayLike<number>} own @param {number[]} [around] */
const line = (angle, own, [x, y] = [0, 0]) =>
  Array.from({ length: own.length / 2 }, (_, k) => turned(angle, [own[2 * k], own[2 * k + 1]])).flatMap(
    ([a, b]) => [x + a, y + b],
  );

/** @param {Plane} plane @param {State} state @param {Drawn} drawn */
function drawPlane(plane, { angle, norm }, drawn) {
  const { reach, curvatures } = PLANE,
    ratio = Math.sqrt(curvatures[0] / curvatures[1]),
    corners = [1, 1, 1, -1, -1, -1, -1, 1, 1, 1].map((v) => v * reach);
  plane.ruler.path(
    plane.lines
      .map((v) => {
        const { plot } = plane,
          { left, right, top, bottom } = plot.inner;
        return `M${plot.x(v).toFixed(1)},${top}V${bottom}M${left},${plot.y(v).toFixed(1)}H${right}`;
      })
      .join(""),
  );
  plane.levels.forEach((level, k) => level.update(line(angle, ellipse((k + 1) / 2, (ratio * (k + 1)) / 2))));
  plane.own[0].update(line(angle, [-ARM, 0, ARM, 0]));
  plane.own[1].update(line(angle, [0, -ARM, 0, ARM]));
  const shapes = {
    euclid: line(0, ellipse(reach, reach), drawn.point),
    maximum: line(0, corners, drawn.point),
    spectral: line(angle, corners, drawn.point),
  };
  for (const { norm: name, unit, step, tip } of plane.steps) {
    if (norm !== "all" && norm !== name) {
      for (const part of [unit, step, tip]) part.clear();
      continue;
    }
    const end = drawn.point.map((v, i) => v + drawn[name][i]);
    unit.update(shapes[name]);
    step.update([...drawn.point, ...end]);
    tip.update(end);
  }
  plane.point.update(drawn.point);
  const [x, y] = turned(angle, [ARM, 0]);
  plane.handle.update(x, y);
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Turn the problem: some rules notice, some do not",
    python,
    playground,
  });
  fig.root.classList.add("lf-rotation");
  let drawn = compute(fig.snapshot());
  const rows = addRows(fig),
    plane = addPlane(fig);
  fig.slider({
    name: "angle",
    label: "turn the problem by",
    unit: "°",
    marks: () => [0, 45, 90].map((value) => ({ value, label: `${value}°` })),
    words: (v) => `${show(v)} degrees`,
  });
  fig.select({
    name: "norm",
    label: "step shown",
    options: [
      { value: "all", label: "all three norms" },
      { value: "euclid", label: "Euclid: the gradient" },
      { value: "maximum", label: "maximum: its sign" },
      { value: "spectral", label: "spectral: U V′" },
    ],
  });
  fig.draw(() => {
    const state = fig.snapshot();
    drawn = compute(state);
    drawRows(rows, drawn);
    drawPlane(plane, state, drawn);
    fig.speak(sentence(state.angle, drawn));
  });
  fig.numbers(() => drawn);
  return fig.start();
}
