// The disc: a setting picked on the map, its eigenvalues on the unit disc, and the error that follows the outermost one.
// Python side: momentum_lib/widgets/disc.py

import { clamp, h, pythonFloat, show } from "./kit/dom.js";
import { stepsTo } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { heatPixels } from "./kit/geometry.js";
import { measuredRate } from "./ravine.js";
import { choice, integer, number } from "./kit/state.js";

export const LINEAR = ["gradient_descent", "heavy_ball", "nesterov", "averaged_momentum"];
const TOP = 0.99;

export const STATE = {
  rule: choice("heavy_ball", LINEAR),
  kappa: number(100, 1, 1000),
  lr: number(0.02, 1e-6, 100),
  beta: number(0.8, 0, TOP),
  steps: integer(150, 20, 1000),
};

/** Curvatures followed from 1 to kappa, cells along each axis of the map, the longest run counted, the goal. */
export const DIRECTIONS = 9;
export const CELLS = 96;
export const BUDGET = 2000;
export const GOAL = 1e-6;
const LIMIT = 1e9;

/** @typedef {{rule: string, kappa: number, lr: number, beta: number}} Setup */
/** @typedef {[number, number]} Complex real and imaginary part */

/** @param {number} kappa @param {number} [n] */
export const curvatures = (kappa, n = DIRECTIONS) =>
  Array.from({ length: n }, (_, k) => kappa ** (k / (n - 1)));
/** A rule without a momentum takes no notice of one. @param {string} rule */
export const remembers = (rule) => RULES[rule].momentum !== null;
const averages = (/** @type {string} */ rule) => rule === "averaged_momentum";

/**
 * The matrix that one step applies to (theta, state) where the gradient is curvature times the point looked at: the
 * rule's own generated step, fed with unit vectors. Row by row; at most one slot.
 * @param {string} name @param {number} curvature @param {{lr: number, beta: number}} hyper
 */
export function iterationMatrix(name, curvature, hyper) {
  const rule = RULES[name];
  const [a, [c]] = rule.step(1, curvature * rule.lookAt(1, REST, hyper), 2, REST, hyper);
  if (c === undefined) return [[a]];
  const [b, [d]] = rule.step(0, curvature * rule.lookAt(0, UNIT, hyper), 2, UNIT, hyper);
  return [
    [a, b],
    [c, d],
  ];
}
const REST = [0],
  UNIT = [1];

/**
 * Eigenvalues of a 1 x 1 or 2 x 2 matrix in closed form, the larger modulus first; of a complex pair the upper one.
 * @param {number[][]} matrix
 * @returns {Complex[]}
 */
export function eigenvalues(matrix) {
  if (matrix.length === 1) return [[matrix[0][0], 0]];
  const [[a, b], [c, d]] = matrix,
    half = (a + d) / 2,
    gap = ((a - d) / 2) ** 2 + b * c;
  if (gap < 0)
    return [
      [half, Math.sqrt(-gap)],
      [half, -Math.sqrt(-gap)],
    ];
  const one = half + Math.sqrt(gap),
    two = half - Math.sqrt(gap);
  return Math.abs(one) >= Math.abs(two)
    ? [
        [one, 0],
        [two, 0],
      ]
    : [
        [two, 0],
        [one, 0],
      ];
}

/** The larger modulus alone, without the roots: the map asks for many thousands. @param {number[][]} matrix */
export function radius([[a, b], row]) {
  if (row === undefined) return Math.abs(a);
  const [c, d] = row,
    half = (a + d) / 2,
    gap = ((a - d) / 2) ** 2 + b * c;
  return gap < 0 ? Math.sqrt(half * half - gap) : Math.abs(half) + Math.sqrt(gap);
}
const modulus = (/** @type {Complex} */ [x, y]) => Math.hypot(x, y);

/** The factor per step in the long run: the outermost eigenvalue over these curvatures. @param {Setup} setup @param {number[]} spectrum */
export function rate({ rule, lr, beta }, spectrum) {
  const hyper = { lr, beta };
  let most = 0;
  for (const c of spectrum) most = Math.max(most, radius(iterationMatrix(rule, c, hyper)));
  return most;
}

/** Steps to a millionth that a rate predicts; NaN where it does not converge. @param {number} rho */
export const predictedSteps = (rho) => (rho >= 1 ? NaN : Math.log(GOAL) / Math.log(rho));

/** The ends of the rate axis. @param {{rule: string, kappa: number}} setup @returns {[number, number]} */
export function rateRange({ rule, kappa }) {
  const top = (averages(rule) ? 60 : 6) / kappa;
  return [top / (averages(rule) ? 1000 : 100), top];
}

/** The best constant setting on curvatures from 1 to kappa, in closed form. @param {{rule: string, kappa: number}} setup */
export function bestSetting({ rule, kappa }) {
  const root = Math.sqrt(kappa),
    q = Math.sqrt(3 * kappa + 1);
  if (!remembers(rule)) return { lr: 2 / (1 + kappa), beta: 0, rate: (kappa - 1) / (kappa + 1) };
  if (rule === "nesterov") return { lr: 4 / (3 * kappa + 1), beta: (q - 2) / (q + 2), rate: 1 - 2 / q };
  const beta = ((root - 1) / (root + 1)) ** 2;
  return { lr: 4 / (root + 1) ** 2 / (averages(rule) ? 1 - beta : 1), beta, rate: Math.sqrt(beta) };
}

/**
 * The setting that puts a conjugate pair at x ± iy for this curvature. For every rule here the squared distance of an
 * eigenvalue pair from 1 is the rate times the curvature. Left of 0 Nesterov has real eigenvalues only: there x becomes
 * one at the momentum that is set.
 * @param {string} rule @param {number} curvature @param {number} x @param {number} y @param {number} [now] the momentum set
 */
export function settingAt(rule, curvature, x, y, now = 0) {
  if (!remembers(rule)) return { lr: (1 - x) / curvature };
  if (rule === "nesterov" && x < 0)
    return { beta: now, lr: (1 - x ** 2 / ((1 + now) * x - now)) / curvature };
  const product = (1 - x) ** 2 + y ** 2,
    square = x ** 2 + y ** 2;
  const beta = clamp(rule !== "nesterov" ? square : product < 1 ? square / (1 - product) : TOP, 0, TOP);
  return {
    beta,
    lr:
      (rule === "nesterov" ? Math.min(product, 1) : product) / (curvature * (averages(rule) ? 1 - beta : 1)),
  };
}

/**
 * The run from a start of ones in every direction: distance over the start's, step by step, until BUDGET or divergence.
 * @param {Setup} setup
 */
export function run({ rule: name, kappa, lr, beta }) {
  const rule = RULES[name],
    hyper = { lr, beta },
    spectrum = curvatures(kappa),
    slots = Object.values(rule.slots);
  const theta = spectrum.map(() => 1),
    state = spectrum.map(() => slots.map((how) => (how === 0 ? 0 : 1)));
  const errors = [1];
  for (let t = 1; t <= BUDGET; t++) {
    let sum = 0;
    for (let i = 0; i < spectrum.length; i++) {
      [theta[i], state[i]] = rule.step(
        theta[i],
        spectrum[i] * rule.lookAt(theta[i], state[i], hyper),
        t,
        state[i],
        hyper,
      );
      if (!(Math.abs(theta[i]) <= LIMIT)) return { errors, divergedAt: t };
      sum += theta[i] ** 2;
    }
    errors.push(Math.sqrt(sum / spectrum.length));
  }
  return { errors, divergedAt: 0 };
}

/** @param {{model: import("./kit/types.js").Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Drag a setting over the map: its eigenvalues move, and the error falls like the outermost one",
    python: ({ rule, kappa, lr, beta, steps }) => {
      const hyper = `lr=${pythonFloat(lr)}${remembers(rule) ? `, beta=${pythonFloat(beta)}` : ""}`;
      return `import numpy as np
from momentum_lib import descend, rules, surfaces, theory

curvatures = np.geomspace(1.0, ${pythonFloat(kappa)}, ${DIRECTIONS})
print(theory.eigenvalues(rules.${rule}, curvatures, ${hyper}))
rate = theory.rate(rules.${rule}, curvatures, ${hyper}).max()

path = descend(rules.${rule}, surfaces.quadratic(curvatures), steps=${steps}, ${hyper})
print(f"predicted {rate:.6f} per step; {path.error[-1]:.3g} of the distance is left after {len(path.error) - 1} steps")
`;
    },
  });
  fig.root.classList.add("lf-disc-figure");
  fig.pictures.classList.add("lf-halves");
  const setup = () => /** @type {Setup & any} */ (fig.snapshot());
  const place = (/** @type {{lr: number, beta?: number}} */ { lr, beta }) => {
    fig.set({
      lr: Number(clamp(lr, ...rateRange(setup())).toPrecision(4)),
      ...(beta === undefined || !remembers(fig.get("rule"))
        ? {}
        : { beta: Number(clamp(beta, 0, TOP).toFixed(4)) }),
    });
  };

  // ---- the map
  const map = fig.plot({
    label: "Map of the predicted rate: learning rate to the right, momentum upwards",
    x: { type: "log", domain: rateRange(setup()), label: "learning rate η" },
    y: { domain: [0, TOP], label: "momentum β", count: 5 },
    height: (width) => clamp(width * 0.92, 270, 400),
    margin: { top: 26, left: 42, right: 8 },
  });
  const heat = map.heat();
  const flatLine = map.line({ class: "lf-theory lf-theory-flat" }),
    steepLine = map.line({ class: "lf-theory" });
  const across = map.line({ class: "lf-cross" }),
    down = map.line({ class: "lf-cross" });
  const flatName = map.text({ class: "lf-on-map", anchor: "start" }),
    steepName = map.text({ class: "lf-on-map", anchor: "end" });
  const bestMark = map.marks({ class: "lf-best", shape: "diamond", radius: 5, layer: "front" });
  map.onPick((lr, beta) => place({ lr, beta }));
  const fewest = h("span"),
    most = h("span"),
    bar = h("canvas", { class: "lf-scale", width: 64, height: 1, "aria-hidden": "true" });
  bar.getContext("2d")?.putImageData(
    new ImageData(
      heatPixels(
        Float64Array.from({ length: 64 }, (_, k) => k),
        64,
        1,
        0,
        63,
        false,
      ),
      64,
      1,
    ),
    0,
    0,
  );
  fig.pictures.append(
    h(
      "div",
      {},
      map.box,
      h(
        "p",
        { class: "lf-legend" },
        fewest,
        bar,
        most,
        h("span", { class: "lf-hatched" }),
        h("span", { text: "diverges" }),
      ),
    ),
  );

  // ---- the disc
  const EDGE = 1.28;
  const disc = fig.plot({
    label: "The complex plane with the unit disc and the eigenvalues of each direction",
    equal: true,
    x: { domain: [-EDGE, EDGE], hidden: true },
    y: { domain: [-EDGE, EDGE], hidden: true },
    margin: { top: 4, right: 4, bottom: 4, left: 4 },
  });
  const ring = (/** @type {number} */ r, centre = 0) =>
    Float64Array.from({ length: 2 * 181 }, (_, k) =>
      k % 2 ? r * Math.sin(((k >> 1) * Math.PI) / 90) : centre + r * Math.cos(((k >> 1) * Math.PI) / 90),
    );
  const real = disc.line({ class: "lf-guide", layer: "back" }),
    imaginary = disc.line({ class: "lf-guide", layer: "back" }),
    unit = disc.line({ class: "lf-truth", layer: "back" });
  const home = disc.line({ class: "lf-guide lf-home", layer: "back" }),
    outer = disc.line({ class: "lf-outer" });
  const unitName = disc.text({ anchor: "start" }),
    homeName = disc.text({ anchor: "middle" }),
    outside = disc.text({ class: "lf-loud", anchor: "middle" });
  const handles = /** @type {const} */ (["flat", "steep"]).map((which) => {
    const lambda = () => (which === "flat" ? 1 : fig.get("kappa"));
    const handle = disc.handle({
      label: `Eigenvalue of the ${which}est direction`.replace("flatest", "flattest"),
      bounds: () => [
        [-1, 1],
        [0, remembers(fig.get("rule")) ? 1 : 0],
      ],
      set: (x, y) => place(settingAt(fig.get("rule"), lambda(), x, y, fig.get("beta"))),
      words: (x, y) =>
        `${show(x)}${y > 1e-9 ? ` plus or minus ${show(y)} i` : ", real"}, modulus ${show(Math.hypot(x, y))}`,
    });
    return { which, handle, name: disc.text({ class: "lf-direct", anchor: "middle" }) };
  });

  // ---- the error
  const fall = fig.plot({
    label: "Distance to the minimum against the step, measured and predicted",
    x: { domain: [0, fig.get("steps")], label: "step" },
    y: { type: "log", domain: [1e-8, 10], label: "distance to the minimum (start = 1)", count: 6 },
    height: (width) => clamp(width * 0.34, 190, 250),
    margin: { top: 26, left: 42, right: 14 },
  });
  fall.box.classList.add("lf-wide");
  const goal = fall.line({ class: "lf-guide", layer: "back" }),
    line = fall.line({ class: "lf-outer" });
  const lineName = fall.text({ anchor: "start" }),
    curveName = fall.text({ anchor: "start" });
  /** The run wears the look of its rule's family. @type {Map<string, any>} */
  const looks = new Map();
  const lookOf = (/** @type {string} */ family) => {
    if (!looks.has(family))
      looks.set(family, {
        locus: disc.line({ look: family, class: "lf-faint" }),
        dots: disc.marks({ look: family, radius: 3.2 }),
        curve: fall.line({ look: family }),
      });
    return looks.get(family);
  };
  const cross = map.handle({
    label: "Learning rate and momentum",
    set: (lr, beta) => place({ lr, beta }),
    bounds: () => /** @type {any} */ ([rateRange(setup()), remembers(fig.get("rule")) ? [0, TOP] : [0, 0]]),
    words: (lr, beta) =>
      `learning rate ${show(lr)}${remembers(fig.get("rule")) ? `, momentum ${show(beta)}` : ""}: ${told()}`,
  });

  // ---- controls
  fig.slider({
    name: "lr",
    label: QUANTITIES.lr.name,
    symbol: QUANTITIES.lr.symbol,
    type: "log",
    range: () => rateRange(setup()),
  });
  const betaControl = fig.slider({
    name: "beta",
    label: QUANTITIES.beta.name,
    symbol: QUANTITIES.beta.symbol,
    look: "momentum",
    type: "near-one",
  });
  fig.slider({
    label: QUANTITIES.kappa.name,
    symbol: QUANTITIES.kappa.symbol,
    type: "log",
    bounds: [1, 1000],
    get: () => fig.get("kappa"),
    // The rate keeps its place in the picture: what counts is rate times curvature.
    set: (kappa) =>
      fig.set({ kappa, lr: Number(((fig.get("lr") * fig.get("kappa")) / kappa).toPrecision(4)) }),
  });
  fig.select({
    name: "rule",
    label: "rule",
    options: LINEAR.map((name) => ({ value: name, label: RULES[name].title })),
    // The average's rate is in another unit: converted, the eigenvalues stay where they are. A setting that diverges gives way to the best.
    set: (rule) => {
      const now = setup(),
        scale = (averages(now.rule) ? 1 - now.beta : 1) / (averages(rule) ? 1 - now.beta : 1);
      const next = {
        ...now,
        rule,
        lr: Number(clamp(now.lr * scale, ...rateRange({ ...now, rule })).toPrecision(4)),
      };
      const { lr, beta } = rate(next, [1, now.kappa]) < 1 ? next : bestSetting(next);
      fig.set({
        rule,
        lr: Number(lr.toPrecision(4)),
        ...(remembers(rule) ? { beta: Number(beta.toFixed(4)) } : {}),
      });
    },
  });
  fig.slider({ name: "steps", label: "steps shown", type: "log", fold: true });
  fig.button({
    label: "Best setting",
    icon: "target",
    press: () => {
      const { lr, beta } = bestSetting(setup());
      fig.set({ lr, ...(remembers(fig.get("rule")) ? { beta } : {}) });
    },
  });
  const sayRate = fig.readout("rate, predicted"),
    sayMeasured = fig.readout("rate, measured"),
    saySteps = fig.readout("steps to a millionth"),
    sayPeak = fig.readout("farthest on the way");

  let grid = { xs: new Float64Array(), ys: new Float64Array(), values: new Float32Array(), low: 1, high: 20 },
    mapKey = "",
    mapTime = 0;
  function makeMap() {
    const { rule, kappa } = setup(),
      key = `${rule} ${kappa}`;
    if (key === mapKey) return;
    mapKey = key;
    const began = performance.now(),
      [low, high] = rateRange({ rule, kappa }),
      ends = [1, kappa];
    const xs = Float64Array.from({ length: CELLS }, (_, k) => low * (high / low) ** ((k + 0.5) / CELLS)),
      ys = Float64Array.from({ length: CELLS }, (_, k) => (TOP * (k + 0.5)) / CELLS);
    const values = new Float32Array(CELLS * CELLS);
    for (let j = 0; j < CELLS; j++)
      for (let i = 0; i < CELLS; i++)
        values[j * CELLS + i] = predictedSteps(rate({ rule, kappa, lr: xs[i], beta: ys[j] }, ends));
    const least = Math.max(1, predictedSteps(bestSetting({ rule, kappa }).rate)),
      most = Math.max(20, 3 * predictedSteps((kappa - 1) / (kappa + 1)));
    grid = { xs, ys, values, low: least, high: Math.max(most, 2 * least) };
    mapTime = performance.now() - began;
    heat.update(values, CELLS, CELLS, grid.low, grid.high);
  }

  /** @type {any} */
  let drawn = null;
  const told = () =>
    !drawn
      ? ""
      : drawn.divergedAt
        ? `diverges at step ${drawn.divergedAt}`
        : `rate ${show(drawn.rate, 4)}, ${drawn.stepsTo === null ? `more than ${BUDGET}` : drawn.stepsTo} steps to a millionth`;

  fig.draw(() => {
    const state = setup(),
      { rule, kappa, lr, beta, steps } = state,
      family = RULES[rule].family,
      memory = remembers(rule),
      range = rateRange(state);
    const spectrum = curvatures(kappa),
      pairs = spectrum.map((c) => eigenvalues(iterationMatrix(rule, c, { lr, beta })));
    const rho = Math.max(...pairs.map((pair) => modulus(pair[0])));
    const { errors, divergedAt } = run(state),
      shown = errors.slice(0, steps + 1);
    let peak = 0;
    shown.forEach((e, k) => {
      if (e > shown[peak]) peak = k;
    });
    drawn = {
      spectrum,
      pairs,
      rate: rho,
      errors: shown,
      divergedAt,
      peak: [peak, shown[peak]],
      stepsTo: divergedAt ? null : stepsTo(Float64Array.from(errors), GOAL),
      measured: divergedAt ? null : measuredRate(shown),
      best: bestSetting(state),
    };

    // the map
    betaControl.node.hidden = !memory;
    map.setDomain(range, [0, TOP]);
    makeMap();
    const height = memory ? beta : 0;
    across.update(memory ? [range[0], beta, range[1], beta] : []);
    down.update([lr, 0, lr, TOP]);
    cross.update(clamp(lr, ...range), height);
    cross.node.setAttribute("data-look", family);
    bestMark.update([drawn.best.lr, drawn.best.beta]);
    const curve = (/** @type {(b: number) => number} */ f) =>
      Float64Array.from({ length: 2 * 160 }, (_, k) => {
        const b = (TOP * (k >> 1)) / 159;
        return k % 2 ? b : f(b);
      });
    const unitOf = (/** @type {number} */ b) => (averages(rule) ? 1 - b : 1);
    const meetFlat = (/** @type {number} */ b) =>
      (rule === "nesterov" ? ((1 - b) / (1 + b)) ** 2 : (1 - Math.sqrt(b)) ** 2) / unitOf(b);
    const meetSteep = (/** @type {number} */ b) => (1 + Math.sqrt(b)) ** 2 / (unitOf(b) * kappa);
    flatName.clear();
    steepName.clear();
    if (!memory) {
      flatLine.clear();
      steepLine.clear();
    } else {
      flatLine.update(curve(meetFlat));
      let b = TOP;
      while (b > 0.02 && meetFlat(b) < range[0] * 1.15) b -= 0.005;
      if (b > 0.05)
        flatName.update(
          clamp(meetFlat(b), ...range),
          b,
          "flat pair meets",
          4,
          map.y(b) - map.inner.top < 24 ? 26 : 24,
        );
      if (rule === "nesterov") steepLine.clear();
      else {
        steepLine.update(curve(meetSteep));
        steepName.update(meetSteep(0.1), 0.1, "steep pair meets", -6, 4);
      }
    }
    fewest.textContent = `${show(Math.round(grid.low))} steps`;
    most.textContent = `${show(Math.round(grid.high))} or more`;

    // the disc
    for (const [name, look] of looks)
      if (name !== family) for (const part of Object.values(look)) part.clear();
    const look = lookOf(family);
    real.update([-EDGE, 0, EDGE, 0]);
    imaginary.update([0, -EDGE, 0, EDGE]);
    unit.update(ring(1));
    unitName.update(Math.cos(2.2), Math.sin(2.2), "unit circle", -46, -8);
    const [radius, centre] =
      rule === "nesterov" ? [beta / (1 + beta), beta / (1 + beta)] : [Math.sqrt(beta), 0];
    if (memory && beta > 0) {
      home.update(ring(radius, centre));
      homeName.update(
        centre,
        -radius,
        rule === "nesterov" ? "pairs live here" : "radius √β",
        0,
        radius > 0.3 ? -8 : 16,
      );
    } else {
      home.clear();
      homeName.clear();
    }
    if (rho < EDGE) outer.update(ring(rho));
    else outer.clear();
    const path = /** @type {number[]} */ ([]);
    for (const c of curvatures(kappa, 500))
      path.push(...eigenvalues(iterationMatrix(rule, c, { lr, beta }))[0]);
    look.locus.update(path);
    look.dots.update(pairs.flat(2));
    for (const { which, handle, name } of handles) {
      const [x, y] = (which === "flat" ? pairs[0] : pairs[pairs.length - 1])[0],
        px = clamp(x, -EDGE, EDGE),
        py = Math.max(y, 0);
      handle.update(px, py);
      handle.node.setAttribute("data-look", family);
      const same = kappa === 1;
      if (same && which === "flat") name.clear();
      else name.update(px, py, same ? "flat = steep" : which, px > 1.05 ? -20 : px < -1.05 ? 20 : 0, -14);
    }
    const far = pairs[pairs.length - 1][0];
    if (modulus(far) > EDGE)
      outside.update(0, -EDGE, `the steep one lies outside, at ${show(far[0])}`, 0, -8);
    else outside.clear();

    // the error
    const top = Math.max(10, 10 ** Math.ceil(Math.log10(shown[peak])));
    fall.setDomain([0, steps], [1e-8, Math.min(top, 1e9)]);
    goal.update([0, GOAL, steps, GOAL]);
    look.curve.update(
      Float64Array.from({ length: 2 * shown.length }, (_, k) => (k % 2 ? shown[k >> 1] : k >> 1)),
    );
    line.update(rho > 0 ? [0, 1, steps, rho ** steps] : [0, 1, 1, 1e-300]);
    // Names, where both lines are in the picture: the upper line's above it to the right, the lower one's below it to the left.
    const at = Math.round(Math.min(steps, rho < 1 ? Math.log(1e-8) / Math.log(rho) : steps) * 0.45),
      end = Math.min(at, shown.length - 1);
    const name = (
      /** @type {ReturnType<typeof fall.text>} */ text,
      /** @type {number} */ k,
      /** @type {number} */ value,
      /** @type {string} */ words,
      /** @type {boolean} */ above,
    ) => {
      text.node.setAttribute("text-anchor", above ? "start" : "end");
      if (k > 2 && value > 1e-7 && value < top) text.update(k, value, words, above ? 6 : -6, above ? -8 : 16);
      else text.clear();
    };
    const higher = shown[end] > rho ** end;
    name(lineName, at, rho ** at, "predicted: rateᵏ", !higher);
    name(curveName, end, shown[end], "measured", higher);
    curveName.node.setAttribute("data-look", family);

    sayRate(show(rho, 4));
    sayMeasured(
      drawn.measured === null ? (divergedAt ? "diverges" : "nothing is left") : show(drawn.measured, 4),
    );
    saySteps(
      divergedAt
        ? `diverges at step ${divergedAt}`
        : drawn.stepsTo === null
          ? `more than ${BUDGET}`
          : String(drawn.stepsTo),
    );
    sayPeak(peak === 0 ? "never farther than the start" : `${show(shown[peak])} times, at step ${peak}`);
    fig.speak(`Learning rate ${show(lr)}${memory ? `, momentum ${show(beta)}` : ""}: ${told()}.`);
  });

  fig.numbers(() => ({
    curvatures: drawn.spectrum,
    eigenvalues: drawn.pairs,
    rate: drawn.rate,
    errors: drawn.errors,
    divergedAt: drawn.divergedAt || null,
    peak: drawn.peak,
    stepsTo: drawn.stepsTo,
    measured: drawn.measured,
    best: drawn.best,
    map: {
      n: CELLS,
      xs: Array.from(grid.xs),
      ys: Array.from(grid.ys),
      steps: Array.from(grid.values, (v) => (Number.isNaN(v) ? "diverged" : v)),
      ms: mapTime,
    },
  }));
  return fig.start();
}
