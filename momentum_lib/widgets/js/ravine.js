// The ravine: gradient descent in a valley, from a start you drag. Python side: momentum_lib/widgets/ravine.py

import { pythonFloat, pythonNumber, show } from "./kit/dom.js";
import { descend } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { integer, number, point } from "./kit/state.js";

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

/** The factor by which the error shrinks per step, measured over the second half of a run; null where nothing is left to measure. @param {ArrayLike<number>} errors */
export function measuredRate(errors) {
  let end = errors.length - 1;
  while (end > 0 && errors[end] === 0) end--;
  const begin = Math.floor(end / 2);
  return end > begin && errors[begin] > 0 ? (errors[end] / errors[begin]) ** (1 / (end - begin)) : null;
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

/** @param {{model: import("./kit/types.js").Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "One learning rate, two directions: too long a step across the valley, too short along it",
    python: ({ start, lr, kappa, angle, steps }) => `from momentum_lib import descend, rules, surfaces

ravine = surfaces.ravine(kappa=${pythonNumber(kappa)}, angle=${pythonFloat(angle)})
path = descend(rules.gradient_descent, ravine, start=[${start.map(pythonFloat).join(", ")}], steps=${steps}, lr=${pythonFloat(lr)})
print(path.points[-1]${start[0] === 0 && start[1] === 0 ? "" : ", path.error[-1]"})
`,
  });

  const surface = SURFACES.ravine;
  const edge = () => 2 / fig.get("kappa");
  const best = () => 2 / (1 + fig.get("kappa"));

  // ---- pictures
  const plane = fig.plot({
    label: "The ravine seen from above, and the path of gradient descent",
    x: { domain: surface.domain[0], hidden: true },
    y: { domain: surface.domain[1], hidden: true },
    equal: true,
    margin: { top: 1, right: 1, bottom: 1, left: 1 },
  });
  const contours = plane.contours({ count: 9, cells: 150 });
  const flat = plane.line({ class: "lf-guide", layer: "back" }),
    steep = plane.line({ class: "lf-guide", layer: "back" });
  const path = plane.line({ look: "gradient" });
  const dots = plane.marks({ look: "gradient", shape: "disc", radius: 2.3 });
  const alongName = plane.text({ anchor: "middle" }),
    acrossName = plane.text({ anchor: "middle" });
  const minimum = plane.marks({ class: "lf-minimum", shape: "cross", radius: 4, layer: "front" });
  const leaves = plane.text({ look: "gradient", class: "lf-loud", anchor: "middle" });
  const handle = plane.handle({
    label: "Start of the path",
    bounds: () => STATE.start.domain,
    set: (x, y) => fig.set({ start: [x, y] }),
    words: (x, y) => `x ${show(x)}, y ${show(y)}`,
  });
  plane.onPick((x, y) => fig.set({ start: [x, y] }));

  const fall = fig.plot({
    label: "Distance to the minimum against the step, and its two components",
    x: { domain: [0, fig.get("steps")], label: "step", count: 4 },
    y: { type: "log", domain: [3e-8, 10], label: "distance to the minimum (start = 1)", count: 5 },
    height: (width) => (width < 0.5 * fig.root.clientWidth ? plane.height : Math.max(180, 0.52 * width)), // beside the plane: as tall as it
    margin: { top: 30, left: 42, right: 14 },
  });
  plane.onLayout(() => fall.relay());
  const goal = fall.line({ class: "lf-guide", layer: "back" });
  const alongLine = fall.line({ class: "lf-part lf-part-flat" }),
    acrossLine = fall.line({ class: "lf-part lf-part-steep" }),
    whole = fall.line({ look: "gradient" });
  const now = fall.marks({ look: "gradient", radius: 4, layer: "front" });
  const alongLabel = fall.text(),
    acrossLabel = fall.text(),
    goalLabel = fall.text({ anchor: "end" });

  // ---- controls
  fig.slider({
    name: "lr",
    label: QUANTITIES.lr.name,
    symbol: QUANTITIES.lr.symbol,
    type: "log",
    range: () => [edge() / 40, 1.3 * edge()],
    marks: () => [
      { value: best(), label: "best", side: "end" },
      { value: edge(), label: "edge", side: "start", class: "lf-mark-edge" },
    ],
    words: (v) => `${show(v)}, ${show(v / edge(), 2)} of the stability edge`,
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

  const time = fig.player({ length: () => drawn.n, seconds: () => Math.min(8, 1.5 + drawn.n / 20) });
  fig.button({ label: "Best rate", icon: "target", press: () => fig.set({ lr: best() }) });
  fig.onReset(() => time.end());

  const saySteps = fig.readout(`steps to ${show(TOLERANCE)}`),
    sayRate = fig.readout("rate per step, predicted"),
    sayMeasured = fig.readout("rate per step, measured"),
    sayPace = fig.readout("slowest");

  // ---- the run
  let drawn = /** @type {any} */ ({ n: 0 });
  function compute() {
    const { start, lr, kappa, angle, steps } = fig.snapshot();
    const options = { start, hyper: { lr }, params: { kappa, angle } };
    const run = descend(RULES.gradient_descent, surface, { ...options, steps });
    const long = descend(RULES.gradient_descent, surface, { ...options, steps: BUDGET });
    const along = Math.abs(1 - lr),
      across = Math.abs(1 - lr * kappa);
    drawn = {
      n: run.n,
      points: run.points,
      divergedAt: run.divergedAt,
      errors: distances(run.points),
      ...components(run.points, angle),
      predicted: Math.max(along, across),
      pace: Math.abs(along - across) < 1e-12 ? "both" : along > across ? "along" : "across",
      neverAt: long.divergedAt,
      reached: long.divergedAt ? null : stepsTo(distances(long.points), TOLERANCE),
    };
    drawn.measured = measuredRate(drawn.errors);
  }

  fig.draw(() => {
    compute();
    const { start, kappa, angle, steps } = fig.snapshot();
    const head = time.head(),
      { points, errors, along, across } = drawn;
    const params = { kappa, angle },
      c = 5 * Math.cos(angle),
      s = 5 * Math.sin(angle);
    contours.update((x, y) => surface.value(x, y, params), `${kappa},${angle}`);
    flat.update([-c, -s, c, s]);
    steep.update([s, -c, -s, c]);
    minimum.update([0, 0]);
    nameAxis(alongName, Math.cos(angle), Math.sin(angle), -drawn.along[0], "along: curvature 1");
    nameAxis(
      acrossName,
      -Math.sin(angle),
      Math.cos(angle),
      -drawn.across[0],
      `across: curvature ${show(kappa)}`,
    );
    handle.update(start[0], start[1]);

    const out = leavesAt(points, surface.domain),
      [, high] = surface.domain[1];
    // A run that diverges is drawn until it has left the picture; what comes after would only cover it.
    const flies = drawn.predicted > 1 && out !== null,
      shown = flies ? Math.min(head, out) : head;
    path.update(points, flies ? Math.min(time.pen(), out) : time.pen());
    dots.update(points, shown);
    plane.layers.marks.classList.toggle("lf-fine", shown > 150); // so many steps: thinner, or the zigzag fills its wedge
    if (flies && head >= out)
      leaves.update(0, high, `It diverges: step ${out} leaves the picture for good.`, 0, 24);
    else leaves.clear();

    fall.setDomain([0, Math.max(steps, 2)]);
    const first = Math.hypot(start[0], start[1]) || 1;
    const curve = (/** @type {ArrayLike<number>} */ values, /** @type {number} */ by) => {
      const xy = new Float64Array(2 * (head + 1));
      for (let k = 0; k <= head; k++) {
        xy[2 * k] = k;
        xy[2 * k + 1] = Math.abs(values[k]) / by;
      }
      return xy;
    };
    goalLabel.update(Math.max(steps, 2), TOLERANCE, `goal ${show(TOLERANCE)}`, 0, -5);
    goal.update([0, TOLERANCE, Math.max(steps, 2), TOLERANCE]);
    alongLine.update(curve(along, first));
    acrossLine.update(curve(across, first));
    whole.update(curve(errors, 1));
    now.update([head, errors[head]]);
    nameLines(steps, first);

    const { reached, neverAt, predicted, measured, pace } = drawn;
    saySteps(
      neverAt
        ? `diverges at step ${neverAt}`
        : reached === null
          ? `more than ${show(BUDGET)}`
          : show(reached),
    );
    sayRate(predicted.toFixed(4));
    sayMeasured(measured === null ? "at the minimum" : measured.toFixed(4));
    sayPace(pace === "both" ? "both alike" : `${pace} the valley`);
    fig.speak(
      `${neverAt ? `The run diverges at step ${neverAt}` : reached === null ? `More than ${BUDGET} steps` : `${reached} steps to one millionth of the distance`}; ` +
        `rate ${predicted.toFixed(4)} per step, ${pace === "both" ? "both directions alike" : `slowest ${pace} the valley`}.`,
    );
  });

  /** The name of an axis of the ravine, near the frame, on the side away from the start. @param {any} label @param {number} dx @param {number} dy @param {number} side @param {string} words */
  function nameAxis(label, dx, dy, side, words) {
    const [[, right], [, high]] = surface.domain,
      reach = 0.9 * Math.min(right / Math.abs(dx), high / Math.abs(dy)) * (side < 0 ? -1 : 1);
    const half = ((3.4 * words.length) / (plane.inner.right - plane.inner.left)) * 2 * right + 0.05;
    label.update(Math.min(Math.max(reach * dx, half - right), right - half), reach * dy, words, 0, 4);
  }

  /** Names on the two component curves, where these lie apart. @param {number} steps @param {number} first */
  function nameLines(steps, first) {
    const k = Math.min(drawn.n, Math.max(1, Math.round(0.3 * steps)));
    const a = Math.abs(drawn.along[k]) / first,
      b = Math.abs(drawn.across[k]) / first;
    const place = (
      /** @type {any} */ label,
      /** @type {number} */ value,
      /** @type {string} */ words,
      /** @type {boolean} */ above,
    ) => {
      label.node.setAttribute("text-anchor", above ? "start" : "end");
      if (value > 1e-6 && value < 5 && time.head() >= k && Math.abs(Math.log10(a / b)) > 0.5)
        label.update(k, value, words, above ? 4 : -4, above ? -9 : 16);
      else label.clear();
    };
    place(alongLabel, a, "along", a > b);
    place(acrossLabel, b, "across", b > a);
  }

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
