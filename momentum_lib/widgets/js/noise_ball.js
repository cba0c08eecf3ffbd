// The noise ball: a swarm of heavy balls under gradient noise, and the exact ellipse that it fills.
// Python side: momentum_lib/widgets/noise_ball.py

import { clamp, pythonFloat, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { drawNoise } from "./kit/noise.js";
import { choice, integer, number } from "./kit/state.js";

export const WALKERS = 300;
export const STEPS = 200;
export const POOL = 100;
const TRAIL = 30,
  TOP = 0.95;
/** @typedef {import("./kit/types.js").Pair} Pair */
/** @type {[Pair, Pair]} */
const FRAME = [
  [-2.4, 2.4],
  [-1.6, 1.6],
];
/** @type {Pair} */
const VARIANCES = [2e-3, 10];

export const STATE = {
  hold: choice("rate", ["rate", "effective"]),
  rate: number(0.1, 0.02, 0.2),
  beta: number(0.9, 0, TOP),
  kappa: number(4, 1, 4),
  sigma: number(1, 0.5, 1.5),
  seed: integer(0, 0, 9999),
};

// ---------------------------------------------------------------------------------------------------- pure numbers

/** The learning rate in use. @param {string} hold @param {number} rate @param {number} beta */
export const learningRate = (hold, rate, beta) => (hold === "effective" ? rate * (1 - beta) : rate);

/** The variance at which heavy ball settles under gradient noise: theory.noise_ball. @param {number} lr @param {number} beta @param {number} curvature @param {number} sigma */
export const noiseBall = (lr, beta, curvature, sigma) =>
  (lr * sigma ** 2 * (1 + beta)) / (curvature * (1 - beta) * (2 * (1 + beta) - lr * curvature));

/**
 * E[x^2] after 0, 1, ... n steps from rest at the minimum: the second moments of point and velocity, moved exactly.
 * @param {number} lr @param {number} beta @param {number} curvature @param {number} sigma @param {number} n
 */
export function meanSquares(lr, beta, curvature, sigma, n) {
  const out = new Float64Array(n + 1);
  let xx = 0,
    xv = 0,
    vv = 0;
  for (let t = 1; t <= n; t++) {
    const fresh = beta * beta * vv + 2 * beta * curvature * xv + curvature * curvature * xx + sigma * sigma; // E[v'^2], v' = beta v + curvature x + noise
    const mixed = beta * xv + curvature * xx; // E[x v']
    xx = xx - 2 * lr * mixed + lr * lr * fresh; // x' = x - lr v'
    xv = mixed - lr * fresh;
    vv = fresh;
    out[t] = xx;
  }
  return out;
}

/**
 * The swarm: 300 heavy balls from rest at the minimum under the noise `draws`; points[2 * (300 * t + walker) + axis].
 * @param {{lr: number, beta: number}} hyper @param {number[]} curvatures @param {number} sigma @param {Float64Array} draws
 */
export function swarm(hyper, curvatures, sigma, draws) {
  const { step } = RULES.heavy_ball,
    row = 2 * WALKERS,
    points = new Float64Array(row * (STEPS + 1));
  for (let k = 0; k < row; k++) {
    const curvature = curvatures[k % 2];
    let x = 0,
      state = [0];
    for (let t = 1, at = k; t <= STEPS; t++, at += row) {
      [x, state] = step(x, curvature * x + sigma * draws[at], t, state, hyper);
      points[at + row] = x;
    }
  }
  return points;
}

/** Variances (the mean is known to be 0) and the part inside the two-sigma ellipse, over the last 100 steps. @param {Float64Array} points @param {number[]} exact */
export function measure(points, exact) {
  const from = points.length - 2 * WALKERS * POOL,
    n = WALKERS * POOL;
  let xx = 0,
    yy = 0,
    inside = 0;
  for (let k = from; k < points.length; k += 2) {
    const a = points[k] ** 2,
      b = points[k + 1] ** 2;
    xx += a;
    yy += b;
    if (a / exact[0] + b / exact[1] <= 4) inside++;
  }
  return { measured: [xx / n, yy / n], inside: inside / n };
}

/** Two standard deviations around the minimum, as flat (x, y) pairs. @param {number[]} variances */
function ellipse([xx, yy]) {
  const a = 2 * Math.sqrt(xx),
    b = 2 * Math.sqrt(yy);
  return Float64Array.from({ length: 2 * 121 }, (_, k) =>
    k % 2 ? b * Math.sin(((k >> 1) * Math.PI) / 60) : a * Math.cos(((k >> 1) * Math.PI) / 60),
  );
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} BallFigure */
/** @typedef {ReturnType<typeof addPlane>} Plane */
/** @typedef {ReturnType<typeof addSizes>} Sizes */
/** @typedef {ReturnType<typeof numbersOf>} Drawn */

const HOLDS = /** @type {const} */ (["rate", "effective"]);

/** @param {State} state */
const python = ({ hold, rate, beta, kappa, sigma, seed }) => `from momentum_lib import theory
from momentum_lib.widgets.noise_ball import swarm

beta = ${pythonFloat(beta)}
lr = ${hold === "effective" ? `${pythonFloat(rate)} * (1 - beta)` : pythonFloat(rate)}
points = swarm(lr, beta, kappa=${pythonFloat(kappa)}, sigma=${pythonFloat(sigma)}, seed=${seed})  # (step, ball, axis)
measured = (points[-${POOL}:] ** 2).mean(axis=(0, 1))
exact = theory.noise_ball(lr, beta, [1.0, ${pythonFloat(kappa)}], ${pythonFloat(sigma)})
print(f"variance along x: {measured[0]:.3f} measured, {exact[0]:.3f} exact")
`;

/** The swarm and what theory says of it. @param {State} state @param {Float64Array} draws */
function numbersOf({ hold, rate, beta, kappa, sigma }, draws) {
  const lr = learningRate(hold, rate, beta),
    curvatures = [1, kappa],
    exact = curvatures.map((c) => noiseBall(lr, beta, c, sigma)),
    points = swarm({ lr, beta }, curvatures, sigma, draws);
  return {
    lr,
    effective: lr / (1 - beta),
    exact,
    points,
    ...measure(points, exact),
    growing: curvatures.map((c) => meanSquares(lr, beta, c, sigma, STEPS)),
    average: (1 - beta) / (1 + beta),
  };
}

/** What computes a swarm, again only where the state has changed: playing moves the step only. */
function swarms() {
  const kept = { seed: -1, draws: new Float64Array(), key: "", drawn: /** @type {Drawn|null} */ (null) };
  return (/** @type {State} */ state) => {
    const key = Object.values(state).join();
    if (kept.drawn && key === kept.key) return kept.drawn;
    if (state.seed !== kept.seed) {
      kept.draws = drawNoise(2 * WALKERS * STEPS, state.seed);
      kept.seed = state.seed;
    }
    kept.key = key;
    return (kept.drawn = numbersOf(state, kept.draws));
  };
}

/** The swarm at a step and a part of the way to the next. @param {Float64Array} points @param {number} pen */
function swarmAt(points, pen) {
  const row = 2 * WALKERS,
    t = Math.floor(pen),
    part = pen - t,
    here = points.subarray(row * t, row * (t + 1));
  if (part === 0) return here;
  const next = points.subarray(row * (t + 1), row * (t + 2));
  return here.map((x, k) => x + part * (next[k] - x));
}

/** The last steps of the first ball, up to where it is now. @param {Float64Array} points @param {number} head @param {Float64Array} now */
function trailOf(points, head, now) {
  const from = Math.max(0, head - TRAIL),
    past = new Float64Array(2 * (head - from) + 4);
  for (let t = from; t <= head; t++)
    past.set(points.subarray(2 * WALKERS * t, 2 * WALKERS * t + 2), 2 * (t - from));
  past.set(now.subarray(0, 2), past.length - 2);
  return past;
}

/** The swarm from above. @param {BallFigure} fig */
function addPlane(fig) {
  const plot = fig.plot({
    label: "The swarm around the minimum, and the exact two-sigma ellipse",
    equal: true,
    x: { domain: FRAME[0], label: "x, curvature 1", count: 5 },
    y: { domain: FRAME[1], label: "y", count: 4 },
    margin: { top: 26, left: 34, right: 8 },
  });
  return {
    growing: plot.line({ look: "ink", class: "lf-guide" }),
    trail: plot.line({ look: "momentum", class: "lf-thin" }),
    cloud: plot.marks({ look: "momentum", radius: 2.2, class: "lf-swarm" }),
    one: plot.marks({ look: "momentum", radius: 4.5, layer: "front" }),
    rest: plot.marks({ class: "lf-minimum", shape: "cross", radius: 4 }),
    edge: plot.line({ look: "ink", class: "lf-ellipse" }),
    saidEllipse: plot.text({ class: "lf-direct", anchor: "end" }),
    saidDots: plot.text({ look: "momentum", anchor: "end" }),
  };
}

/** The size of the ball against the momentum. @param {BallFigure} fig */
function addSizes(fig) {
  const plot = fig.plot({
    label: "Variance along x against the momentum, at the same learning rate and at the same effective rate",
    x: { domain: [0, TOP], label: "momentum β", count: 4 },
    y: { type: "log", domain: VARIANCES, label: "variance along x", count: 4 },
    height: (width) => clamp(width * 0.95, 220, 320),
    margin: { top: 26, left: 42, right: 10 },
  });
  const parts = {
    level: plot.line({ class: "lf-guide", layer: "back" }),
    curves: {
      rate: plot.line({ look: "momentum" }),
      effective: plot.line({ look: "momentum", class: "lf-dashed" }),
    },
    names: { rate: plot.text(), effective: plot.text() },
    handle: plot.handle({
      label: "Momentum",
      axis: "x",
      look: "momentum",
      set: (beta) => fig.set({ beta: Number(beta.toFixed(4)) }),
      words: (beta, variance) => `momentum ${show(beta)}: variance ${show(variance)}`,
    }),
  };
  plot.onPick((beta) => fig.set({ beta: Number(clamp(beta, 0, TOP).toFixed(4)) }));
  return parts;
}

/** @param {BallFigure} fig */
function addControls(fig) {
  fig.segments({
    name: "hold",
    label: "hold fixed",
    options: [
      { value: "rate", label: "learning rate" },
      { value: "effective", label: "effective rate" },
    ],
  });
  fig.slider({ name: "beta", label: QUANTITIES.beta.name, symbol: QUANTITIES.beta.symbol, look: "momentum" });
  fig.slider({
    name: "rate",
    label: "the rate held",
    type: "log",
    words: (v) => `${show(v)}: ${fig.get("hold") === "rate" ? "the learning rate" : "the effective rate"}`,
  });
  fig.slider({ name: "kappa", label: "curvature along y", fold: true });
  fig.slider({ name: "sigma", label: "noise of a gradient", symbol: "σ", fold: true });
  fig.slider({ name: "seed", label: "seed of the noise", fold: true });
}

/** @param {Plane} plane @param {Drawn} drawn @param {number} head @param {number} pen */
function drawPlane(plane, { points, exact, growing }, head, pen) {
  const now = swarmAt(points, pen),
    [[, right], [, top]] = FRAME,
    moving = head < STEPS;
  plane.rest.update([0, 0]);
  plane.cloud.update(now);
  plane.trail.update(trailOf(points, head, now));
  plane.one.update(now.subarray(0, 2));
  plane.edge.update(ellipse(exact));
  const words = moving ? `step ${head}; dashed: exact, now` : "ellipse: exact, two sigma";
  plane.saidEllipse.update(right, top, words, -2, 12);
  plane.saidDots.update(right, top, `dots: ${WALKERS} heavy balls`, -2, 28);
  if (moving) plane.growing.update(ellipse(growing.map((squares) => squares[head])));
  else plane.growing.clear();
}

/** @param {Sizes} sizes @param {State} state @param {Drawn} drawn */
function drawSizes({ level, curves, names, handle }, { hold, rate, beta, sigma }, { exact }) {
  const still = noiseBall(rate, 0, 1, sigma);
  level.update([0, still, TOP, still]);
  for (const which of HOLDS) {
    const at = (/** @type {number} */ b) => noiseBall(learningRate(which, rate, b), b, 1, sigma);
    curves[which].update(
      Float64Array.from({ length: 2 * 96 }, (_, k) => {
        const b = (TOP * (k >> 1)) / 95;
        return k % 2 ? at(b) : b;
      }),
    );
    curves[which].node.classList.toggle("lf-aside", which !== hold);
  }
  const atRate = (/** @type {number} */ b) => noiseBall(rate, b, 1, sigma);
  names.rate.update(0, atRate(0.3), "same learning rate", 8, -14);
  names.effective.update(0, atRate(0), "same effective rate", 8, 20);
  handle.update(beta, exact[0]);
}

/** @param {BallFigure} fig */
function addReadouts(fig) {
  const sayRates = fig.readout(`${QUANTITIES.lr.name}, effective rate`),
    sayExact = fig.readout("variance along x, exact"),
    sayMeasured = fig.readout("variance along x, measured", { look: "momentum" }),
    sayInside = fig.readout("inside the ellipse"),
    sayAverage = fig.readout("noise left in the average");
  return (/** @type {Drawn} */ drawn, /** @type {State} */ { beta, kappa }) => {
    const exact = show(drawn.exact[0]),
      measured = show(drawn.measured[0], 2),
      lr = show(drawn.lr),
      effective = show(drawn.effective);
    sayRates(`${lr}, ${effective}`);
    sayExact(exact);
    sayMeasured(measured);
    sayInside(`${Math.round(100 * drawn.inside)} %`);
    sayAverage(`${show(100 * drawn.average)} %`);
    fig.speak(
      `Momentum ${show(beta)}, learning rate ${lr}, effective rate ${effective}: variance along x ${exact} exact, ${measured} measured; curvature along y ${show(kappa)}.`,
    );
  };
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "A ball of noise: momentum blows it up, unless the effective rate stays the same",
    python,
  });
  fig.root.classList.add("lf-noise-ball");
  const plane = addPlane(fig),
    sizes = addSizes(fig);
  addControls(fig);
  const time = fig.player({ length: () => STEPS, seconds: () => 14 });
  fig.onReset(() => time.end());
  const tell = addReadouts(fig),
    compute = swarms();

  fig.draw(() => {
    const state = fig.snapshot(),
      drawn = compute(state);
    drawPlane(plane, drawn, time.head(), time.pen());
    drawSizes(sizes, state, drawn);
    tell(drawn, state);
  });
  fig.numbers(() => {
    const { points, exact, growing, measured, inside, lr, effective, average } = compute(fig.snapshot());
    const first = 2 * WALKERS * (STEPS - TRAIL);
    return {
      cloud: Array.from(points.subarray(-2 * WALKERS)),
      trail: Array.from(
        { length: 2 * (TRAIL + 1) },
        (_, k) => points[first + 2 * WALKERS * (k >> 1) + (k % 2)],
      ),
      exact,
      growing: growing.map((squares) => Array.from(squares)),
      measured,
      inside,
      lr,
      effective,
      average,
      head: time.head(),
      shown: Array.from(swarmAt(points, time.pen())),
    };
  });
  return fig.start();
}
