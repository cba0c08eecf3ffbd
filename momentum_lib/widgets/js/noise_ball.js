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
  TOP = 0.95,
  FRAME = [
    [-2.4, 2.4],
    [-1.6, 1.6],
  ],
  VARIANCES = [2e-3, 10];

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

/** @param {{model: import("./kit/types.js").Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "A ball of noise: momentum blows it up, unless the effective rate stays the same",
    python: ({ hold, rate, beta, kappa, sigma, seed }) => `from momentum_lib import theory
from momentum_lib.widgets.noise_ball import swarm

beta = ${pythonFloat(beta)}
lr = ${hold === "effective" ? `${pythonFloat(rate)} * (1 - beta)` : pythonFloat(rate)}
points = swarm(lr, beta, kappa=${pythonFloat(kappa)}, sigma=${pythonFloat(sigma)}, seed=${seed})  # (step, ball, axis)
measured = (points[-${POOL}:] ** 2).mean(axis=(0, 1))
exact = theory.noise_ball(lr, beta, [1.0, ${pythonFloat(kappa)}], ${pythonFloat(sigma)})
print(f"variance along x: {measured[0]:.3f} measured, {exact[0]:.3f} exact")
`,
  });
  fig.root.classList.add("lf-noise-ball");

  // ---- pictures: the swarm from above; the size of the ball against the momentum
  const plane = fig.plot({
    label: "The swarm around the minimum, and the exact two-sigma ellipse",
    equal: true,
    x: { domain: FRAME[0], label: "x, curvature 1", count: 5 },
    y: { domain: FRAME[1], label: "y", count: 4 },
    margin: { top: 26, left: 34, right: 8 },
  });
  const growing = plane.line({ look: "ink", class: "lf-guide" }),
    trail = plane.line({ look: "momentum", class: "lf-thin" }),
    cloud = plane.marks({ look: "momentum", radius: 2.2, class: "lf-swarm" });
  const one = plane.marks({ look: "momentum", radius: 4.5, layer: "front" }),
    rest = plane.marks({ class: "lf-minimum", shape: "cross", radius: 4 });
  const edge = plane.line({ look: "ink", class: "lf-ellipse" });
  const said = [
    plane.text({ class: "lf-direct", anchor: "end" }),
    plane.text({ look: "momentum", anchor: "end" }),
  ];
  const sizes = fig.plot({
    label: "Variance along x against the momentum, at the same learning rate and at the same effective rate",
    x: { domain: [0, TOP], label: "momentum β", count: 4 },
    y: { type: "log", domain: VARIANCES, label: "variance along x", count: 4 },
    height: (width) => clamp(width * 0.95, 220, 320),
    margin: { top: 26, left: 42, right: 10 },
  });
  const level = sizes.line({ class: "lf-guide", layer: "back" });
  const curves = {
    rate: sizes.line({ look: "momentum" }),
    effective: sizes.line({ look: "momentum", class: "lf-dashed" }),
  };
  const names = { rate: sizes.text({ anchor: "start" }), effective: sizes.text({ anchor: "start" }) };
  const handle = sizes.handle({
    label: "Momentum",
    axis: "x",
    look: "momentum",
    set: (beta) => fig.set({ beta: Number(beta.toFixed(4)) }),
    words: (beta, variance) => `momentum ${show(beta)}: variance ${show(variance)}`,
  });
  sizes.onPick((beta) => fig.set({ beta: Number(clamp(beta, 0, TOP).toFixed(4)) }));

  // ---- controls
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
  const time = fig.player({ length: () => STEPS, seconds: () => 14 });
  fig.onReset(() => time.end());
  const sayRates = fig.readout(`${QUANTITIES.lr.name}, effective rate`),
    sayExact = fig.readout("variance along x, exact"),
    sayMeasured = fig.readout("variance along x, measured", { look: "momentum" });
  const sayInside = fig.readout("inside the ellipse"),
    sayAverage = fig.readout("noise left in the average");

  // ---- numbers
  let draws = new Float64Array(),
    drawsSeed = -1,
    key = "",
    drawn = /** @type {any} */ (null);
  function compute() {
    const { hold, rate, beta, kappa, sigma, seed } = fig.snapshot(),
      now = [hold, rate, beta, kappa, sigma, seed].join();
    if (now === key) return; // playing moves the step only
    key = now;
    if (seed !== drawsSeed) {
      draws = drawNoise(2 * WALKERS * STEPS, seed);
      drawsSeed = seed;
    }
    const lr = learningRate(hold, rate, beta),
      curvatures = [1, kappa],
      exact = curvatures.map((c) => noiseBall(lr, beta, c, sigma));
    const points = swarm({ lr, beta }, curvatures, sigma, draws);
    drawn = {
      lr,
      effective: lr / (1 - beta),
      exact,
      points,
      ...measure(points, exact),
      growing: curvatures.map((c) => meanSquares(lr, beta, c, sigma, STEPS)),
      average: (1 - beta) / (1 + beta),
    };
  }
  /** The swarm at a step and a part of the way to the next. @param {number} pen */
  function swarmAt(pen) {
    const row = 2 * WALKERS,
      t = Math.floor(pen),
      part = pen - t,
      here = drawn.points.subarray(row * t, row * (t + 1));
    if (part === 0) return here;
    const next = drawn.points.subarray(row * (t + 1), row * (t + 2));
    return here.map((/** @type {number} */ x, /** @type {number} */ k) => x + part * (next[k] - x));
  }

  fig.draw(() => {
    compute();
    const { hold, rate, beta, sigma, kappa } = fig.snapshot(),
      head = time.head(),
      pen = time.pen(),
      now = swarmAt(pen),
      { exact, measured } = drawn;
    const from = Math.max(0, head - TRAIL),
      past = new Float64Array(2 * (head - from) + 4);
    for (let t = from; t <= head; t++)
      past.set(drawn.points.subarray(2 * WALKERS * t, 2 * WALKERS * t + 2), 2 * (t - from));
    past.set(now.subarray(0, 2), past.length - 2);
    rest.update([0, 0]);
    cloud.update(now);
    trail.update(past);
    one.update(now.subarray(0, 2));
    edge.update(ellipse(exact));
    said[0].update(
      FRAME[0][1],
      FRAME[1][1],
      head < STEPS ? `step ${head}; dashed: exact, now` : "ellipse: exact, two sigma",
      -2,
      12,
    );
    said[1].update(FRAME[0][1], FRAME[1][1], `dots: ${WALKERS} heavy balls`, -2, 28);
    if (head < STEPS) growing.update(ellipse(drawn.growing.map((/** @type {Float64Array} */ s) => s[head])));
    else growing.clear();

    level.update([0, noiseBall(rate, 0, 1, sigma), TOP, noiseBall(rate, 0, 1, sigma)]);
    for (const which of /** @type {const} */ (["rate", "effective"])) {
      const at = (/** @type {number} */ b) => noiseBall(learningRate(which, rate, b), b, 1, sigma);
      curves[which].update(
        Float64Array.from({ length: 2 * 96 }, (_, k) => {
          const b = (TOP * (k >> 1)) / 95;
          return k % 2 ? at(b) : b;
        }),
      );
      curves[which].node.classList.toggle("lf-aside", which !== hold);
      names[which].update(
        0,
        at(which === "rate" ? 0.3 : 0),
        which === "rate" ? "same learning rate" : "same effective rate",
        8,
        which === "rate" ? -14 : 20,
      );
    }
    handle.update(beta, exact[0]);

    sayRates(`${show(drawn.lr)}, ${show(drawn.effective)}`);
    sayExact(show(exact[0]));
    sayMeasured(show(measured[0], 2));
    sayInside(`${Math.round(100 * drawn.inside)} %`);
    sayAverage(`${show(100 * drawn.average)} %`);
    fig.speak(
      `Momentum ${show(beta)}, learning rate ${show(drawn.lr)}, effective rate ${show(drawn.effective)}: variance along x ${show(exact[0])} exact, ${show(measured[0], 2)} measured; curvature along y ${show(kappa)}.`,
    );
  });

  fig.numbers(() => ({
    cloud: Array.from(drawn.points.subarray(-2 * WALKERS)),
    trail: Array.from(
      { length: 2 * (TRAIL + 1) },
      (_, k) => drawn.points[2 * WALKERS * (STEPS - TRAIL + (k >> 1)) + (k % 2)],
    ),
    exact: drawn.exact,
    growing: drawn.growing.map((/** @type {Float64Array} */ s) => Array.from(s)),
    measured: drawn.measured,
    inside: drawn.inside,
    lr: drawn.lr,
    effective: drawn.effective,
    average: drawn.average,
    head: time.head(),
    shown: Array.from(swarmAt(time.pen())),
  }));
  return fig.start();
}
