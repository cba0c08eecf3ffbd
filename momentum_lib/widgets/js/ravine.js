// The ravine: gradient descent in a valley, from a start you drag. Python side: momentum_lib/widgets/ravine.py

import { many, pythonFloat, pythonNumber, show } from "./kit/dom.js";
import { descend } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { measuredRate } from "./kit/measure.js";
import { LEARNING_RATE } from "./kit/sliders.js";
import { integer, number, point } from "./kit/state.js";
import { bestGradientDescent, momentumEdge } from "./generated/theory.js";

export const STATE = {
  start: point([-2.6, 0.6], SURFACES.ravine.domain),
  lr: number(0.07, 1e-5, 10),
  kappa: number(25, 1, 1000),
  angle: number(0.3, -Math.PI / 2, Math.PI / 2),
  steps: integer(100, 1, 1000),
};

export const TOLERANCE = 1e-6;
export const BUDGET = 10000;

/** Along the valley (curvature 1) and across it (curvature kappa), for every point of a flat (x, y) array. @param {ArrayLike<number>} points @param {number} angle */
export function components(points, angle) {
  const n = points.length / 2,
    along = new Float64Array(n),
    across = new Float64Array(n),
    c = Math.cos(angle),
    s = Math.sin(angle);
  for (let k = 0; k < n; k++) {
    along[k] = c * points[2 * k] + s * points[2 * k + 1];
    across[k] = c * points[2 * k + 1] - s * points[2 * k];
  }
  return { along, across };
}

/** Distance to the minimum at the origin, over the start's. @param {ArrayLike<number>} points */
export function distances(points) {
  const n = points.length / 2,
    found = new Float64Array(n);
  for (let k = 0; k < n; k++)
    found[k] = Math.sqrt(points[2 * k] * points[2 * k] + points[2 * k + 1] * points[2 * k + 1]); // Math.hypot takes ten times as long
  const first = found[0] || 1;
  for (let k = 0; k < n; k++) found[k] /= first;
  return found;
}

/** The first step from which all errors stay at or below `tolerance`; null if there is none. @param {ArrayLike<number>} errors @param {number} tolerance */
export function stepsTo(errors, tolerance) {
  let last = errors.length - 1;
  while (last >= 0 && errors[last] <= tolerance) last--;
  return last === errors.length - 1 ? null : last + 1;
}

/**
 * The step with which a run that diverges leaves a box for good: it and the next one are outside (alternate steps lie on
 * opposite sides of the valley); null if there is none.
 * @param {ArrayLike<number>} points
 * @param {number[][]} domain
 */
export function leavesAt(points, [[left, right], [low, high]]) {
  const outside = (/** @type {number} */ k) =>
    points[2 * k] < left || points[2 * k] > right || points[2 * k + 1] < low || points[2 * k + 1] > high;
  for (let k = 0; 2 * k + 3 < points.length; k++) if (outside(k) && outside(k + 1)) return k;
  return null;
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} RavineFigure */
/** @typedef {ReturnType<typeof addPlane>} Plane */
/** @typedef {ReturnType<typeof addFall>} Fall */
/** @typedef {ReturnType<typeof compute>} Drawn */

const SURFACE = SURFACES.ravine;
/** The rate above which the run diverges, and the one with which it is fastest. @param {RavineFigure} fig */
const edge = (fig) => momentumEdge(fig.get("kappa"), 0);
/** @param {RavineFigure} fig */
const best = (fig) => bestGradientDescent(1, fig.get("kappa")).lr;

/** The same in the playground. @param {State} state @returns {Partial<import("./play/types.js").PlayState>} */
const playground = ({ start, lr, kappa, angle, steps }) => ({
  surface: { kind: "library", name: "ravine", params: { kappa, angle } },
  rules: [{ rule: "gradient_descent", hyper: { lr } }],
  picked: 0,
  starts: [start],
  steps,
});

/** @param {State} state */
const python = ({ start, lr, kappa, angle, steps }) => `from momentum_lib import descend, rules, surfaces

ravine = surfaces.ravine(kappa=${pythonNumber(kappa)}, angle=${pythonFloat(angle)})
path = descend(rules.gradient_descent, ravine, start=[${start.map(pythonFloat).join(", ")}], steps=${steps}, lr=${pythonFloat(lr)})
print(path.points[-1]${start[0] === 0 && start[1] === 0 ? "" : ", path.error[-1]"})
`;

/** The run, its components, and what theory says of its rate. @param {State} state */
function compute({ start, lr, kappa, angle, steps }) {
  const options = { start, hyper: { lr }, params: { kappa, angle } };
  const run = descend(RULES.gradient_descent, SURFACE, { ...options, steps });
  const long = descend(RULES.gradient_descent, SURFACE, { ...options, steps: BUDGET });
  const flat = Math.abs(1 - lr),
    steep = Math.abs(1 - lr * kappa),
    errors = distances(run.points);
  return {
    n: run.n,
    points: run.points,
    divergedAt: run.divergedAt,
    errors,
    ...components(run.points, angle),
    predicted: Math.max(flat, steep),
    measured: measuredRate(errors),
    pace: Math.abs(flat - steep) < 1e-12 ? "both" : flat > steep ? "along" : "across",
    neverAt: long.divergedAt,
    reached: long.divergedAt ? null : stepsTo(distances(long.points), TOLERANCE),
    leavesAt: leavesAt(run.points, SURFACE.domain),
  };
}

/** The surface from above. @param {RavineFigure} fig */
function addPlane(fig) {
  const plot = fig.plot({
    label: "The ravine seen from above, and the path of gradient descent",
    x: { domain: SURFACE.domain[0], hidden: true },
    y: { domain: SURFACE.domain[1], hidden: true },
    equal: true,
    margin: { top: 1, right: 1, bottom: 1, left: 1 },
  });
  const parts = {
    plot,
    contours: plot.contours({ count: 9, cells: 150 }),
    flat: plot.line({ class: "lf-guide", layer: "back" }),
    steep: plot.line({ class: "lf-guide", layer: "back" }),
    path: plot.line({ look: "gradient", path: true }),
    dots: plot.marks({ look: "gradient", shape: "disc", radius: 2.3 }),
    alongName: plot.text({ anchor: "middle" }),
    acrossName: plot.text({ anchor: "middle" }),
    minimum: plot.marks({ class: "lf-minimum", shape: "cross", radius: 4, layer: "front" }),
    leaves: plot.text({ look: "gradient", class: "lf-loud", anchor: "middle" }),
    handle: plot.handle({
      label: "Start of the path",
      starts: true,
      bounds: () => STATE.start.domain,
      set: (x, y) => fig.set({ start: [x, y] }),
    }),
  };
  plot.onPick((x, y) => fig.set({ start: [x, y] }));
  return parts;
}

/** The distance to the minimum and its two components against the step. @param {RavineFigure} fig @param {Plane} plane */
function addFall(fig, { plot: plane }) {
  const plot = fig.plot({
    label: "Distance to the minimum against the step, and its two components",
    x: { domain: [0, fig.get("steps")], label: "step", count: 4 },
    y: { type: "log", domain: [3e-8, 10], label: "distance to the minimum (start = 1)", count: 5 },
    height: (width, part) => (part < 0.5 ? plane.height : Math.max(180, 0.52 * width)), // beside the plane: as tall as it
    margin: { top: 30, left: 42, right: 14 },
  });
  plane.onLayout(() => plot.relay());
  return {
    plot,
    goal: plot.line({ class: "lf-guide", layer: "back" }),
    along: plot.line({ class: "lf-part lf-part-flat" }),
    across: plot.line({ class: "lf-part lf-part-steep" }),
    whole: plot.line({ look: "gradient" }),
    now: plot.marks({ look: "gradient", radius: 4, layer: "front" }),
    alongName: plot.text(),
    acrossName: plot.text(),
    goalName: plot.text({ anchor: "end" }),
  };
}

/** @param {RavineFigure} fig */
function addControls(fig) {
  fig.slider({
    ...LEARNING_RATE,
    range: () => [edge(fig) / 40, 1.3 * edge(fig)],
    marks: () => [
      { value: best(fig), label: "best", side: "end" },
      { value: edge(fig), label: "edge", side: "start", class: "lf-mark-edge" },
    ],
    words: (v) => `${show(v)}, ${show(v / edge(fig), 2)} of the stability edge`,
  });
  fig.slider({ name: "kappa", label: QUANTITIES.kappa.name, symbol: QUANTITIES.kappa.symbol, type: "log" });
  fig.slider({ name: "steps", label: "steps drawn", type: "log" });
  fig.slider({
    name: "angle",
    label: QUANTITIES.angle.name,
    symbol: QUANTITIES.angle.symbol,
    unit: "rad",
    fold: true,
  });
}

/** The ravine, its axes, and the path as far as it is shown. @param {Plane} plane @param {State} state @param {Drawn} drawn @param {number} head @param {number} pen */
function drawPlane(plane, { start, kappa, angle }, drawn, head, pen) {
  const params = { kappa, angle },
    c = Math.cos(angle),
    s = Math.sin(angle);
  plane.contours.update((x, y) => SURFACE.value(x, y, params), `${kappa},${angle}`);
  plane.flat.update([-5 * c, -5 * s, 5 * c, 5 * s]);
  plane.steep.update([5 * s, -5 * c, -5 * s, 5 * c]);
  plane.minimum.update([0, 0]);
  nameAxis(plane, plane.alongName, [c, s], -drawn.along[0], "along: curvature 1");
  nameAxis(plane, plane.acrossName, [-s, c], -drawn.across[0], `across: curvature ${show(kappa)}`);
  plane.handle.update(start[0], start[1]);
  // A run that diverges is drawn until it has left the picture; what comes after would only cover it.
  const end = drawn.predicted > 1 && drawn.leavesAt !== null ? drawn.leavesAt : Infinity,
    shown = Math.min(head, end);
  plane.path.update(drawn.points, Math.min(pen, end));
  plane.dots.update(drawn.points, shown);
  plane.plot.layers.marks.classList.toggle("lf-fine", shown > 150); // so many steps: thinner, or the zigzag fills its wedge
  if (head >= end) plane.leaves.update(0, SURFACE.domain[1][1], "It diverges.", 0, 24);
  else plane.leaves.clear();
}

/** The name of an axis of the ravine, near the frame, on the side away from the start. @param {Plane} plane @param {import("./kit/types.js").Label} label @param {[number, number]} direction @param {number} side @param {string} words */
function nameAxis({ plot }, label, [dx, dy], side, words) {
  const [[, right], [, high]] = SURFACE.domain,
    reach = 0.9 * Math.min(right / Math.abs(dx), high / Math.abs(dy)) * (side < 0 ? -1 : 1);
  const half = ((3.4 * words.length) / (plot.inner.right - plot.inner.left)) * 2 * right + 0.05;
  label.update(Math.min(Math.max(reach * dx, half - right), right - half), reach * dy, words, 0, 4);
}

/** The three curves up to the step shown. @param {Fall} fall @param {State} state @param {Drawn} drawn @param {number} head */
function drawFall(fall, { start, steps }, drawn, head) {
  const last = Math.max(steps, 2),
    first = Math.hypot(start[0], start[1]) || 1;
  fall.plot.setDomain([0, last]);
  fall.goalName.update(last, TOLERANCE, `goal ${show(TOLERANCE)}`, 0, -5);
  fall.goal.update([0, TOLERANCE, last, TOLERANCE]);
  fall.along.update(sizes(drawn.along, head, first));
  fall.across.update(sizes(drawn.across, head, first));
  fall.whole.update(sizes(drawn.errors, head, 1));
  fall.now.update([head, drawn.errors[head]]);
  nameCurves(fall, drawn, head, Math.max(1, Math.round(0.3 * steps)), first);
}

/** The sizes of values up to a step, as a curve. @param {ArrayLike<number>} values @param {number} head @param {number} unit */
function sizes(values, head, unit) {
  const xy = new Float64Array(2 * (head + 1));
  for (let k = 0; k <= head; k++) {
    xy[2 * k] = k;
    xy[2 * k + 1] = Math.abs(values[k]) / unit;
  }
  return xy;
}

/** Names on the two component curves, where these lie apart. @param {Fall} fall @param {Drawn} drawn @param {number} head @param {number} where @param {number} unit */
function nameCurves(fall, drawn, head, where, unit) {
  const k = Math.min(drawn.n, where),
    a = Math.abs(drawn.along[k]) / unit,
    b = Math.abs(drawn.across[k]) / unit,
    apart = head >= k && Math.abs(Math.log10(a / b)) > 0.5;
  for (const { label, value, words, above } of [
    { label: fall.alongName, value: a, words: "along", above: a > b },
    { label: fall.acrossName, value: b, words: "across", above: b > a },
  ]) {
    label.anchor(above ? "start" : "end");
    if (apart && value > 1e-6 && value < 5) label.update(k, value, words, above ? 4 : -4, above ? -9 : 16);
    else label.clear();
  }
}

/** What a distance is multiplied by in a step: a rate that is far above 1 needs no decimals. @param {number} rate */
const factor = (rate) => (rate < 2 ? rate.toFixed(4) : show(rate));

/** @param {RavineFigure} fig */
function addReadouts(fig) {
  const saySteps = fig.readout("steps to a millionth of the distance"),
    sayRate = fig.readout("rate per step, predicted"),
    sayMeasured = fig.readout("rate per step, measured"),
    sayPace = fig.readout("the rate is set");
  return (
    /** @type {State} */ { lr, kappa },
    /** @type {Drawn} */ { reached, neverAt, predicted, measured, pace },
  ) => {
    const top = momentumEdge(kappa, 0),
      setting = `Learning rate ${show(lr)} is ${lr < top ? "below" : lr > top ? "beyond" : "on"} the stability edge, ${show(top)}`,
      grows = predicted > 1,
      rate = factor(predicted),
      [steps, told] = neverAt
        ? ["never: it diverges", "the run diverges"]
        : reached === null
          ? [
              `more than ${show(BUDGET)}`,
              `more than ${many(BUDGET, "step")} to one millionth of the distance`,
            ]
          : [show(reached), `${many(reached, "step")} to one millionth of the distance`];
    saySteps(steps);
    sayRate(rate);
    sayMeasured(measured === null ? "at the minimum" : factor(measured));
    sayPace(
      pace === "both"
        ? `both alike${grows ? ": they grow" : ""}`
        : `${pace} the valley${grows ? ": it grows" : ""}`,
    );
    const how =
      pace === "both"
        ? `${grows ? "growing in " : ""}both directions alike`
        : `${grows ? "growing" : "slowest"} ${pace} the valley`;
    fig.speak(`${setting}: ${told}; rate ${rate} per step, ${how}.`);
  };
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "One learning rate for two directions: across the valley and along it",
    python,
    playground,
  });
  const plane = addPlane(fig),
    fall = addFall(fig, plane);
  addControls(fig);
  let drawn = compute(fig.snapshot());
  const time = fig.player({ length: () => drawn.n, seconds: () => Math.min(8, 1.5 + drawn.n / 20) });
  fig.button({ label: "Best rate", icon: "target", press: () => fig.set({ lr: best(fig) }) });
  fig.onReset(() => time.end());
  const tell = addReadouts(fig);

  fig.draw(() => {
    const state = fig.snapshot();
    drawn = compute(state);
    drawPlane(plane, state, drawn, time.head(), time.pen());
    drawFall(fall, state, drawn, time.head());
    tell(state, drawn);
  });
  fig.numbers(() => ({
    path: Array.from(drawn.points),
    errors: Array.from(drawn.errors),
    divergedAt: drawn.divergedAt || null,
    steps_to: drawn.reached,
    predicted: drawn.predicted,
    measured: drawn.measured,
    head: time.head(),
  }));
  return fig.start();
}
