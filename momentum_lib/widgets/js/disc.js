// The disc: a setting picked on the map, its eigenvalues on the unit disc, and the error that follows the outermost one.
// Python side: momentum_lib/widgets/disc.py

import { curve, ellipse, series } from "./kit/curve.js";
import { clamp, many, pythonFloat, show } from "./kit/dom.js";
import { descend, stepsTo } from "./kit/engine.js";
import { perFamily } from "./kit/family.js";
import { createFigure } from "./kit/figure.js";
import { eigenvalues, iterationMatrix, modulus, radius } from "./kit/linear.js";
import { measuredRate } from "./kit/measure.js";
import { complexPlane } from "./kit/plane.js";
import { addSettingsMap, cells } from "./kit/settings_map.js";
import { LEARNING_RATE } from "./kit/sliders.js";
import { choice, integer, number } from "./kit/state.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import {
  FORMS,
  bestGradientDescent,
  bestHeavyBall,
  bestNesterov,
  circleOfPairs,
  criticalRate,
  effectiveRate,
  flippingRate,
  lrAtEffectiveRate,
  rateOfEigenvalue,
  settingOfPair,
  stepsAtRate,
} from "./generated/theory.js";

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
/** Half the width of the picture of the disc, and how many curvatures make the curve through the eigenvalues. */
const EDGE = 1.28,
  LOCUS = 240;

/** @typedef {{rule: string, kappa: number, lr: number, beta: number}} Setup */
/** @typedef {import("./kit/linear.js").Complex} Complex */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} DiscFigure */
/** @typedef {ReturnType<typeof measure>} Drawn */

/** The same in the playground. @param {import("./kit/types.js").Values<typeof STATE>} state @returns {Partial<import("./play/types.js").PlayState>} */
const playground = ({ rule, kappa, lr, beta, steps }) => ({
  view: "settings",
  surface: { kind: "library", name: "ravine", params: { kappa, angle: 0 } },
  rules: [{ rule, hyper: rule === "gradient_descent" ? { lr } : { lr, beta } }],
  picked: 0,
  steps,
});

// ---------------------------------------------------------------------------------------------------- pure numbers

/** @param {number} kappa @param {number} [n] */
export const curvatures = (kappa, n = DIRECTIONS) =>
  Array.from({ length: n }, (_, k) => kappa ** (k / (n - 1)));
/** A rule without a momentum takes no notice of one. @param {string} rule */
export const remembers = (rule) => RULES[rule].momentum !== null;

/** The factor per step in the long run: the outermost eigenvalue over these curvatures. @param {Setup} setup @param {number[]} spectrum */
export function rate({ rule, lr, beta }, spectrum) {
  const hyper = { lr, beta };
  let most = 0;
  for (const c of spectrum) most = Math.max(most, radius(iterationMatrix(rule, c, hyper)));
  return most;
}

/** Steps to a millionth that a rate predicts; NaN where it does not converge. @param {number} rho */
export const predictedSteps = (rho) => (rho >= 1 ? NaN : stepsAtRate(rho, GOAL));

/** The ends of the rate axis. @param {{rule: string, kappa: number}} setup @returns {[number, number]} */
export function rateRange({ rule, kappa }) {
  const { averaged } = FORMS[rule],
    top = (averaged ? 60 : 6) / kappa;
  return [top / (averaged ? 1000 : 100), top];
}

/** The best constant setting on curvatures from 1 to kappa, in closed form. @param {{rule: string, kappa: number}} setup */
export function bestSetting({ rule, kappa }) {
  if (!remembers(rule)) return bestGradientDescent(1, kappa);
  if (FORMS[rule].ahead) return bestNesterov(1, kappa);
  const best = bestHeavyBall(1, kappa);
  return FORMS[rule].averaged ? { ...best, lr: effectiveRate(best.lr, best.beta) } : best;
}

/**
 * The setting that puts a conjugate pair at x ± iy for this curvature. Left of 0 Nesterov has real eigenvalues only: there
 * x becomes one at the momentum that is set; and no pair of its lies farther than 1 from 1.
 * @param {string} rule @param {number} curvature @param {number} x @param {number} y @param {number} [now] the momentum set
 */
export function settingAt(rule, curvature, x, y, now = 0) {
  const { ahead, averaged } = FORMS[rule];
  if (!remembers(rule)) return { lr: (1 - x) / curvature };
  if (ahead && x < 0) return { beta: now, lr: rateOfEigenvalue(curvature, x, now) };
  const [lr, beta] = settingOfPair(curvature, x, y, ahead);
  if (ahead && lr * curvature >= 1) return { beta: TOP, lr: 1 / curvature };
  const most = clamp(beta, 0, TOP);
  return { beta: most, lr: averaged ? effectiveRate(lr, most) : lr };
}

/**
 * The run from a start of ones in every direction: distance over the start's, step by step, until BUDGET or divergence.
 * On a quadratic the directions do not see each other, so each is run by itself, as the second one of a ravine.
 * @param {Setup} setup
 */
export function run({ rule, kappa, lr, beta }) {
  const hyper = Object.fromEntries(
      Object.entries({ lr, beta }).filter(([name]) => name in RULES[rule].hyper),
    ),
    runs = curvatures(kappa).map((c) =>
      descend(RULES[rule], SURFACES.ravine, {
        start: [1, 1],
        steps: BUDGET,
        hyper,
        params: { kappa: c, angle: 0 },
      }),
    );
  const n = Math.min(...runs.map((one) => one.n)),
    sums = new Float64Array(n + 1);
  for (const { points } of runs) for (let t = 0; t <= n; t++) sums[t] += points[2 * t + 1] ** 2;
  const errors = Array.from(sums, (sum) => Math.sqrt(sum / runs.length));
  return { errors, divergedAt: n < BUDGET ? n + 1 : 0 };
}

/** Everything that a setting makes: eigenvalues, run and what is read from it. @param {Setup & {steps: number}} state */
function measure(state) {
  const { rule, kappa, lr, beta, steps } = state,
    spectrum = curvatures(kappa),
    pairs = spectrum.map((c) => eigenvalues(iterationMatrix(rule, c, { lr, beta }))),
    { errors, divergedAt } = run(state),
    shown = errors.slice(0, steps + 1);
  const peak = shown.reduce((most, e, k) => (e > shown[most] ? k : most), 0);
  return {
    spectrum,
    pairs,
    rate: Math.max(...pairs.map((pair) => modulus(pair[0]))),
    errors: shown,
    divergedAt,
    peak: [peak, shown[peak]],
    stepsTo: divergedAt ? null : stepsTo(errors, GOAL),
    measured: divergedAt ? null : measuredRate(shown),
    best: bestSetting(state),
  };
}

/** The rate of the flattest direction in every cell of the map. @param {{rule: string, kappa: number}} setup */
function ratesOf({ rule, kappa }) {
  const { xs, ys } = cells(rateRange({ rule, kappa }), TOP, CELLS),
    found = new Float64Array(CELLS * CELLS);
  for (let j = 0; j < CELLS; j++)
    for (let i = 0; i < CELLS; i++)
      found[j * CELLS + i] = radius(iterationMatrix(rule, 1, { lr: xs[i], beta: ys[j] }));
  return found;
}

/**
 * By rule the rate of the steepest direction in every cell, made once: what counts is learning rate times curvature, and in a cell
 * that is the same for every kappa.
 * @type {Record<string, Float64Array>}
 */
const steepest = {};

/** The predicted steps of every cell of the map, and the ends of its colours. @param {{rule: string, kappa: number}} setup */
function makeGrid({ rule, kappa }) {
  const began = performance.now(),
    steep = (steepest[rule] ??= ratesOf({ rule, kappa: 1 })),
    values = Float32Array.from(ratesOf({ rule, kappa }), (flat, k) =>
      predictedSteps(Math.max(flat, steep[k])),
    );
  const low = Math.max(1, predictedSteps(bestSetting({ rule, kappa }).rate)),
    most = Math.max(20, 3 * predictedSteps(bestGradientDescent(1, kappa).rate));
  return {
    ...cells(rateRange({ rule, kappa }), TOP, CELLS),
    values,
    low,
    high: Math.max(most, 2 * low),
    ms: performance.now() - began,
  };
}

/** How a run ends, in words. @param {Drawn} drawn */
const told = ({ divergedAt, rate: rho, stepsTo: reached }) =>
  divergedAt
    ? `diverges at step ${divergedAt}`
    : `rate ${show(rho, 4)}, ${reached === null ? "more than " : ""}${many(reached ?? BUDGET, "step")} to a millionth`;

// ------------------------------------------------------------------------------------------------------ the figure

/** @param {import("./kit/types.js").Values<typeof STATE>} state */
function python({ rule, kappa, lr, beta, steps }) {
  const hyper = `lr=${pythonFloat(lr)}${remembers(rule) ? `, beta=${pythonFloat(beta)}` : ""}`;
  return `import numpy as np
from momentum_lib import descend, rules, surfaces, theory

curvatures = np.geomspace(1.0, ${pythonFloat(kappa)}, ${DIRECTIONS})
print(theory.eigenvalues(rules.${rule}, curvatures, ${hyper}))
rate = theory.rate(rules.${rule}, curvatures, ${hyper}).max()

path = descend(rules.${rule}, surfaces.quadratic(curvatures), steps=${steps}, ${hyper})
print(f"predicted {rate:.6f} per step; {path.error[-1]:.3g} of the distance is left after {len(path.error) - 1} steps")
`;
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Drag a setting over the map: its eigenvalues move, and the error follows the outermost one",
    python,
    playground,
  });
  fig.root.classList.add("lf-disc-figure");
  fig.pictures.classList.add("lf-halves");
  /** @type {{now: Drawn|null}} */
  const drawn = { now: null };
  /** Set a rate and, where the rule has one, a momentum, held inside the map. @param {{lr: number, beta?: number}} setting */
  const place = ({ lr, beta }) => {
    fig.set({
      lr: Number(clamp(lr, ...rateRange(fig.snapshot())).toPrecision(4)),
      ...(beta === undefined || !remembers(fig.get("rule"))
        ? {}
        : { beta: Number(clamp(beta, 0, TOP).toFixed(4)) }),
    });
  };
  const words = () => (drawn.now ? told(drawn.now) : "");
  const map = addMap(fig, place, words),
    disc = addDisc(fig, place),
    fall = addFall(fig),
    momentum = addControls(fig),
    say = addReadouts(fig);
  fig.draw(() => {
    const state = fig.snapshot(),
      now = (drawn.now = measure(state));
    momentum.hidden = !remembers(state.rule);
    map.draw(state, now);
    disc(state, now);
    fall(state, now);
    say(now);
    const beta = remembers(state.rule) ? `, momentum ${show(state.beta)}` : "";
    fig.speak(`Learning rate ${show(state.lr)}${beta}: ${told(now)}.`);
  });
  fig.numbers(() => {
    const { spectrum, divergedAt, ...now } = /** @type {Drawn} */ (drawn.now),
      { xs, ys, values, ms } = map.grid();
    return {
      ...now,
      curvatures: spectrum,
      eigenvalues: now.pairs,
      divergedAt: divergedAt || null,
      map: {
        n: CELLS,
        xs: Array.from(xs),
        ys: Array.from(ys),
        steps: Array.from(values, (v) => (Number.isNaN(v) ? "diverged" : v)),
        ms,
      },
    };
  });
  return fig.start();
}

/**
 * The map of predicted steps, with the two lines on which a pair of eigenvalues meets.
 * @param {DiscFigure} fig @param {(setting: {lr: number, beta?: number}) => void} place @param {() => string} words
 */
function addMap(fig, place, words) {
  const setup = () => fig.snapshot();
  const map = addSettingsMap(fig, {
    label: "Map of the predicted rate: learning rate to the right, momentum upwards",
    rates: () => rateRange(setup()),
    top: TOP,
    height: (width) => clamp(width * 0.92, 270, 400),
    kinds: ["lf-hatched diverges"],
    momentum: () => remembers(fig.get("rule")),
    pick: place,
    words: (lr, beta) =>
      `learning rate ${show(lr)}${remembers(fig.get("rule")) ? `, momentum ${show(beta)}` : ""}: ${words()}`,
  });
  const { plot } = map,
    flat = plot.line({ class: "lf-theory lf-theory-flat" }),
    steep = plot.line({ class: "lf-theory" }),
    flatName = plot.text({ class: "lf-on-map", anchor: "start" }),
    steepName = plot.text({ class: "lf-on-map", anchor: "end" }),
    cross = map.cross();
  /** What the map shows now. @type {{key: string, grid: ReturnType<typeof makeGrid>}} */
  let kept;
  /** Where a pair of eigenvalues meets on the real axis, and the names of both lines. @param {Setup} state @param {[number, number]} range */
  function lines({ rule, kappa }, range) {
    const { ahead, averaged } = FORMS[rule];
    for (const part of [flat, steep, flatName, steepName]) part.clear();
    if (!remembers(rule)) return;
    const meetFlat = (/** @type {number} */ beta) => criticalRate(1, beta, ahead, averaged);
    flat.update(curve(meetFlat, [0, TOP], 159, { upright: true }));
    let b = TOP;
    while (b > 0.02 && meetFlat(b) < range[0] * 1.15) b -= 0.005;
    const low = plot.y(b) - plot.inner.top < 24 ? 26 : 24;
    if (b > 0.05) flatName.update(clamp(meetFlat(b), ...range), b, "flat pair meets", 4, low);
    if (ahead) return;
    const meetSteep = (/** @type {number} */ beta) => flippingRate(kappa, beta, averaged);
    steep.update(curve(meetSteep, [0, TOP], 159, { upright: true }));
    steepName.update(meetSteep(0.1), 0.1, "steep pair meets", -6, 4);
  }
  return {
    grid: () => kept.grid,
    /** @param {Setup} state @param {Drawn} now */
    draw(state, now) {
      const range = rateRange(state),
        key = `${state.rule} ${state.kappa}`;
      plot.setDomain(range, [0, TOP]);
      if (key !== kept?.key) {
        kept = { key, grid: makeGrid(state) };
        map.paint(kept.grid.values, CELLS, CELLS, kept.grid.low, kept.grid.high);
      }
      map.best(now.best);
      lines(state, range);
      cross(state, RULES[state.rule].family);
      map.scale(many(Math.round(kept.grid.low), "step"), `${show(Math.round(kept.grid.high))} or more`);
    },
  };
}

/** The complex plane with the unit disc and the eigenvalues. @param {DiscFigure} fig @param {(setting: {lr: number, beta?: number}) => void} place */
function addDisc(fig, place) {
  const disc = complexPlane(
    fig,
    "The complex plane with the unit disc and the eigenvalues of each direction",
    EDGE,
  );
  const home = disc.line({ class: "lf-guide lf-home", layer: "back" }),
    outer = disc.line({ class: "lf-outer" }),
    homeName = disc.text({ anchor: "middle" }),
    outside = disc.text({ class: "lf-loud", anchor: "middle" });
  const handles = addEigenvalues(fig, disc, place);
  const lookOf = perFamily((family) => ({
    locus: disc.line({ look: family, class: "lf-faint" }),
    dots: disc.marks({ look: family, radius: 3.2 }),
  }));
  /** The circle on which complex pairs lie. @param {Setup} state */
  function dwelling({ rule, beta }) {
    const { ahead } = FORMS[rule],
      [centre, size] = circleOfPairs(beta, ahead);
    if (!remembers(rule) || beta === 0) {
      home.clear();
      homeName.clear();
      return;
    }
    home.update(ellipse(size, size, centre, 0, 180));
    homeName.update(centre, -size, ahead ? "pairs live here" : "radius √β", 0, size > 0.3 ? -8 : 16);
  }
  /** @param {Setup} state @param {Drawn} now */
  return (state, { pairs, rate: rho }) => {
    const { rule, kappa, lr, beta } = state,
      { family } = RULES[rule],
      look = lookOf(family);
    dwelling(state);
    if (rho < EDGE) outer.update(ellipse(rho, rho, 0, 0, 180));
    else outer.clear();
    look.locus.update(
      curvatures(kappa, LOCUS).flatMap((c) => eigenvalues(iterationMatrix(rule, c, { lr, beta }))[0]),
    );
    look.dots.update(pairs.flat(2));
    handles(pairs, kappa === 1, family);
    const [far] = pairs[pairs.length - 1];
    if (modulus(far) > EDGE)
      outside.update(0, -EDGE, `the steep one lies outside, at ${show(far[0])}`, 0, -8);
    else outside.clear();
  };
}

/**
 * The eigenvalues of the flattest and the steepest direction, which can be dragged.
 * @param {DiscFigure} fig @param {import("./kit/types.js").Plot} disc @param {(setting: {lr: number, beta?: number}) => void} place
 */
function addEigenvalues(fig, disc, place) {
  const made = /** @type {const} */ (["flat", "steep"]).map((which) => {
    const handle = disc.handle({
      label: `Eigenvalue of the ${which === "flat" ? "flattest" : "steepest"} direction`,
      bounds: () => [
        [-1, 1],
        [0, remembers(fig.get("rule")) ? 1 : 0],
      ],
      set: (x, y) => {
        const { rule, kappa, beta } = fig.snapshot();
        place(settingAt(rule, which === "flat" ? 1 : kappa, x, y, beta));
      },
      words: (x, y) =>
        `${show(x)}${y > 1e-9 ? ` plus or minus ${show(y)} i` : ", real"}, modulus ${show(Math.hypot(x, y))}`,
    });
    return { which, handle, name: disc.text({ class: "lf-direct", anchor: "middle" }) };
  });
  /** @param {Complex[][]} pairs @param {boolean} alike @param {string} family */
  return (pairs, alike, family) => {
    for (const { which, handle, name } of made) {
      const [[x, y]] = which === "flat" ? pairs[0] : pairs[pairs.length - 1],
        px = clamp(x, -EDGE, EDGE),
        py = Math.max(y, 0);
      handle.update(px, py);
      handle.node.setAttribute("data-look", family);
      if (alike && which === "flat") name.clear();
      else name.update(px, py, alike ? "flat = steep" : which, px > 1.05 ? -20 : px < -1.05 ? 20 : 0, -14);
    }
  };
}

/** The measured error and the line that the rate predicts. @param {DiscFigure} fig */
function addFall(fig) {
  const fall = fig.plot({
    label: "Distance to the minimum against the step, measured and predicted",
    x: { domain: [0, fig.get("steps")], label: "step" },
    y: { type: "log", domain: [1e-8, 10], label: "distance to the minimum (start = 1)", count: 6 },
    later: true,
    height: (width) => clamp(width * 0.34, 190, 250),
    margin: { top: 26, left: 42, right: 14 },
  });
  const goal = fall.line({ class: "lf-guide", layer: "back" }),
    line = fall.line({ class: "lf-outer" }),
    lineName = fall.text({ anchor: "start" }),
    curveName = fall.text({ anchor: "start" });
  const lookOf = perFamily((family) => ({ measured: fall.line({ look: family }) }));
  /** @param {Setup & {steps: number}} state @param {Drawn} now */
  return ({ rule, steps }, { errors, rate: rho, peak: [, highest] }) => {
    const { family } = RULES[rule],
      top = Math.max(10, 10 ** Math.ceil(Math.log10(highest)));
    fall.setDomain([0, steps], [1e-8, Math.min(top, 1e9)]);
    goal.update([0, GOAL, steps, GOAL]);
    lookOf(family).measured.update(series(errors));
    line.update(rho > 0 ? [0, 1, steps, rho ** steps] : [0, 1, 1, 1e-300]);
    // Names, where both lines are in the picture: the upper line's above it to the right, the lower one's below it to the left.
    const at = Math.round(Math.min(steps, rho < 1 ? stepsAtRate(rho, 1e-8) : steps) * 0.45),
      end = Math.min(at, errors.length - 1),
      higher = errors[end] > rho ** end;
    /** @param {typeof lineName} text @param {number} k @param {number} value @param {string} words @param {boolean} above */
    const name = (text, k, value, words, above) => {
      text.anchor(above ? "start" : "end");
      if (k > 2 && value > 1e-7 && value < top) text.update(k, value, words, above ? 6 : -6, above ? -8 : 16);
      else text.clear();
    };
    name(lineName, at, rho ** at, "predicted: rateᵏ", !higher);
    name(curveName, end, errors[end], "measured", higher);
    curveName.node.setAttribute("data-look", family);
  };
}

/** Sliders, rules and the best setting; returns the momentum's slider, which a rule without one hides. @param {DiscFigure} fig */
function addControls(fig) {
  fig.slider({
    ...LEARNING_RATE,
    range: () => rateRange(fig.snapshot()),
  });
  const momentum = fig.slider({
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
    set: (rule) => fig.set(settingOf(fig.snapshot(), rule)),
  });
  fig.slider({ name: "steps", label: "steps shown", type: "log", fold: true });
  fig.button({
    label: "Best setting",
    icon: "target",
    press: () => {
      const { lr, beta } = bestSetting(fig.snapshot());
      fig.set({ lr, ...(remembers(fig.get("rule")) ? { beta } : {}) });
    },
  });
  return momentum.node;
}

/**
 * What a change of rule sets. The average's rate is in another unit: converted, the eigenvalues stay where they are. A
 * setting that diverges gives way to the best.
 * @param {Setup} now @param {string} rule
 */
function settingOf(now, rule) {
  const sum = FORMS[now.rule].averaged ? lrAtEffectiveRate(now.lr, now.beta) : now.lr,
    moved = FORMS[rule].averaged ? effectiveRate(sum, now.beta) : sum;
  const next = { ...now, rule, lr: Number(clamp(moved, ...rateRange({ ...now, rule })).toPrecision(4)) };
  const { lr, beta } = rate(next, [1, now.kappa]) < 1 ? next : bestSetting(next);
  return {
    rule,
    lr: Number(lr.toPrecision(4)),
    ...(remembers(rule) ? { beta: Number(beta.toFixed(4)) } : {}),
  };
}

/** @param {DiscFigure} fig */
function addReadouts(fig) {
  const sayRate = fig.readout("rate, predicted"),
    sayMeasured = fig.readout("rate, measured"),
    saySteps = fig.readout("steps to a millionth of the distance"),
    sayPeak = fig.readout("farthest on the way");
  /** @param {Drawn} now */
  return ({ rate: rho, measured, divergedAt, stepsTo: reached, peak: [at, size] }) => {
    sayRate(show(rho, 4));
    sayMeasured(measured === null ? (divergedAt ? "diverges" : "nothing is left") : show(measured, 4));
    saySteps(
      divergedAt
        ? `diverges at step ${divergedAt}`
        : reached === null
          ? `more than ${show(BUDGET)}`
          : show(reached),
    );
    sayPeak(at === 0 ? "never farther than the start" : `${show(size)} times, at step ${at}`);
  };
}
