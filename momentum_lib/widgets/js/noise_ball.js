// The noise ball: a swarm of heavy balls under gradient noise, and the exact ellipse that it fills.
// Python side: momentum_lib/widgets/noise_ball.py

import { curve, ellipse } from "./kit/curve.js";
import { clamp, pythonFloat, show } from "./kit/dom.js";
import { noisyWalk } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { meanSquares } from "./kit/linear.js";
import { drawNoise, fillNoise } from "./kit/noise.js";
import { choice, integer, number } from "./kit/state.js";
import { inPieces } from "./kit/work.js";
import { RULES } from "./generated/rules.js";
import { effectiveRate, lrAtEffectiveRate, noiseBall, sampleSize } from "./generated/theory.js";

/** @typedef {import("./kit/types.js").Pair} Pair */

export const WALKERS = 300;
export const STEPS = 200;
export const POOL = 100;
const TRAIL = 30,
  TOP = 0.95,
  FRAME = /** @type {[Pair, Pair]} */ ([
    [-2.4, 2.4],
    [-1.6, 1.6],
  ]),
  ZOOMS = [1, 1.25, 1.5, 2, 3],
  VARIANCES = /** @type {Pair} */ ([2e-3, 10]);

export const STATE = {
  hold: choice("rate", ["rate", "effective"]),
  rate: number(0.1, 0.02, 0.2),
  beta: number(0.9, 0, TOP),
  kappa: number(4, 1, 4),
  sigma: number(1, 0.5, 1.5),
  seed: integer(0, 0, 9999),
};

// ---------------------------------------------------------------------------------------------------- pure numbers

/** One of its walkers in the playground. @param {import("./kit/types.js").Values<typeof STATE>} state @returns {Partial<import("./play/types.js").PlayState>} */
const playground = ({ hold, rate, beta, kappa, sigma }) => ({
  surface: { kind: "library", name: "ravine", params: { kappa, angle: 0 } },
  rules: [
    { rule: "gradient_descent", hyper: { lr: rate } },
    { rule: "heavy_ball", hyper: { lr: learningRate(hold, rate, beta), beta } },
  ],
  steps: STEPS,
  noise: sigma,
});

/** The learning rate in use. @param {string} hold @param {number} rate @param {number} beta */
export const learningRate = (hold, rate, beta) =>
  hold === "effective" ? lrAtEffectiveRate(rate, beta) : rate;

const room = () => new Float64Array(2 * WALKERS * (STEPS + 1));

/**
 * The swarm: 300 heavy balls from rest at the minimum under the noise `draws`; points[2 * (300 * t + walker) + axis].
 * @param {{lr: number, beta: number}} hyper @param {number[]} curvatures @param {number} sigma @param {Float64Array} draws
 * @param {Float64Array} [points] room for it: a megabyte that is new costs more than to fill it
 */
export function swarm(hyper, curvatures, sigma, draws, points = room()) {
  const row = 2 * WALKERS;
  for (let first = 0; first < row; first++) {
    const curvature = curvatures[first % 2];
    noisyWalk(RULES.heavy_ball, { hyper, curvature, sigma, draws, steps: STEPS, first, row }, points);
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

/** What the picture shows: the usual frame, or one so much wider that the ellipse fits. @param {number[]} variances @returns {[Pair, Pair]} */
export function frameOf(variances) {
  const needed = Math.max(...variances.map((v, k) => (2.1 * Math.sqrt(v)) / FRAME[k][1])),
    zoom = ZOOMS.find((each) => each >= needed) ?? ZOOMS[ZOOMS.length - 1];
  return [
    [zoom * FRAME[0][0], zoom * FRAME[0][1]],
    [zoom * FRAME[1][0], zoom * FRAME[1][1]],
  ];
}

/** Two standard deviations around the minimum. @param {number[]} variances */
const around = ([xx, yy]) => ellipse(2 * Math.sqrt(xx), 2 * Math.sqrt(yy));

/** The swarm of one state and what is measured on it. @param {State} state @param {Float64Array} draws @param {Float64Array} place the swarm's */
function make({ hold, rate, beta, kappa, sigma }, draws, place) {
  const lr = learningRate(hold, rate, beta),
    hyper = { lr, beta },
    curvatures = [1, kappa],
    exact = curvatures.map((c) => noiseBall(lr, beta, c, sigma)),
    points = swarm(hyper, curvatures, sigma, draws, place);
  return {
    lr,
    effective: effectiveRate(lr, beta),
    exact,
    points,
    ...measure(points, exact),
    growing: curvatures.map((c) => meanSquares("heavy_ball", c, sigma, hyper, STEPS)),
    average: 1 / sampleSize(beta),
  };
}

/** The swarm at a step and a part of the way to the next. @param {Float64Array} points @param {number} pen */
function swarmAt(points, pen) {
  const rows = 2 * WALKERS,
    t = Math.floor(pen),
    part = pen - t,
    here = points.subarray(rows * t, rows * (t + 1));
  if (part === 0) return here;
  const next = points.subarray(rows * (t + 1), rows * (t + 2));
  return here.map((x, k) => x + part * (next[k] - x));
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} BallFigure */
/** @typedef {ReturnType<typeof make>} Drawn */

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

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title:
      "A ball of noise: what momentum does to it at the same learning rate, and at the same effective rate",
    python,
    playground,
  });
  fig.root.classList.add("lf-noise-ball");
  const plane = addPlane(fig),
    sizes = addSizes(fig);
  addControls(fig);
  const time = fig.player({ length: () => STEPS, seconds: () => 14 });
  fig.onReset(() => time.end());
  const say = addReadouts(fig);

  const noise = addNoise(fig),
    place = room(),
    drawn = { key: "", now: make(fig.snapshot(), noise.draws(), place) };
  /** Made again where the state or its noise changed: playing moves the step only. @param {State} state */
  function made(state) {
    const key = Object.values({ ...state, seed: noise.seed(state.seed) }).join();
    if (key !== drawn.key) Object.assign(drawn, { key, now: make(state, noise.draws(), place) });
    return drawn.now;
  }
  fig.draw(() => {
    const state = fig.snapshot(),
      now = made(state);
    plane(now, time.head(), swarmAt(now.points, time.pen()));
    sizes(state, now);
    say(state, now);
  });
  fig.numbers(() => {
    noise.finish();
    fig.flush();
    const { points, growing, ...now } = drawn.now;
    return {
      ...now,
      cloud: Array.from(points.subarray(-2 * WALKERS)),
      trail: Array.from(
        { length: 2 * (TRAIL + 1) },
        (_, k) => points[2 * WALKERS * (STEPS - TRAIL + (k >> 1)) + (k % 2)],
      ),
      growing: growing.map((row) => Array.from(row)),
      head: time.head(),
      shown: Array.from(swarmAt(points, time.pen())),
    };
  });
  return fig.start();
}

/** Draws of noise that are made in a row before the clock is looked at. */
const DRAWS = 6000;

/** The noise of the seed; that of a new one is made between the frames, and the old one is shown until then. @param {BallFigure} fig */
function addNoise(fig) {
  const n = 2 * WALKERS * STEPS,
    first = fig.get("seed"),
    now = { seed: first, draws: drawNoise(n, first) },
    next = { seed: first, draws: now.draws, done: n };
  /** Make draws until it is over; whether some are left. @param {() => boolean} over */
  function fill(over) {
    for (; next.done < n && !over(); next.done += DRAWS)
      fillNoise(next.draws, next.seed, next.done, Math.min(next.done + DRAWS, n));
    if (next.done < n) return true;
    Object.assign(now, { seed: next.seed, draws: next.draws });
    fig.redraw();
    return false;
  }
  const goOn = inPieces(fig.life, fill);
  return {
    draws: () => now.draws,
    /** Which seed's noise there is, now that this one is asked for. @param {number} seed */
    seed(seed) {
      if (seed !== next.seed) {
        Object.assign(next, { seed, draws: new Float64Array(n), done: 0 });
        goOn();
      }
      return now.seed;
    },
    /** All that is left of it, at once. */
    finish() {
      if (now.seed !== next.seed) fill(() => false);
    },
  };
}

/** The swarm from above, in its ellipse. @param {BallFigure} fig */
function addPlane(fig) {
  const plane = fig.plot({
    label: "The swarm around the minimum, and the exact two-sigma ellipse",
    equal: true,
    x: { domain: FRAME[0], label: "x, curvature 1", count: 5 },
    y: { domain: FRAME[1], label: "y", count: 4 },
    margin: { top: 26, left: 34, right: 8 },
  });
  const growing = plane.line({ look: "ink", class: "lf-guide" }),
    trail = plane.line({ look: "momentum", class: "lf-thin" }),
    cloud = plane.marks({ look: "momentum", radius: 2.2, class: "lf-swarm" }),
    one = plane.marks({ look: "momentum", radius: 4.5, layer: "front" }),
    rest = plane.marks({ class: "lf-minimum", shape: "cross", radius: 4 }),
    edge = plane.line({ look: "ink", class: "lf-ellipse" }),
    key = plane.key();
  /** @param {Drawn} drawn @param {number} head @param {Float64Array} now the swarm */
  return ({ points, exact, growing: squares }, head, now) => {
    const from = Math.max(0, head - TRAIL),
      past = new Float64Array(2 * (head - from) + 4);
    for (let t = from; t <= head; t++)
      past.set(points.subarray(2 * WALKERS * t, 2 * WALKERS * t + 2), 2 * (t - from));
    past.set(now.subarray(0, 2), past.length - 2);
    plane.setDomain(...frameOf(exact));
    rest.update([0, 0]);
    cloud.update(now);
    trail.update(past);
    one.update(now.subarray(0, 2));
    edge.update(around(exact));
    const words = head < STEPS ? `step ${head}; dotted: exact, now` : "ellipse: exact, two sigma";
    key.update([{ words: `dots: ${WALKERS} heavy balls`, look: "momentum" }, { words }]);
    if (head < STEPS) growing.update(around(squares.map((row) => row[head])));
    else growing.clear();
  };
}

/** The size of the ball against the momentum, for both rates that can be held. @param {BallFigure} fig */
function addSizes(fig) {
  const sizes = fig.plot({
    label: "Variance along x against the momentum, at the same learning rate and at the same effective rate",
    x: { domain: [0, TOP], label: "momentum β", count: 4 },
    y: { type: "log", domain: VARIANCES, label: "variance along x", count: 4 },
    height: (width) => clamp(width * 0.95, 220, 320),
    margin: { top: 26, left: 42, right: 10 },
  });
  const level = sizes.line({ class: "lf-guide", layer: "back" });
  const lines = [
    { which: "rate", words: "same learning rate", at: 0.3, dy: -14, line: sizes.line({ look: "momentum" }) },
    {
      which: "effective",
      words: "same effective rate",
      at: 0,
      dy: 20,
      line: sizes.line({ look: "momentum", class: "lf-dashed" }),
    },
  ].map((row) => ({ ...row, name: sizes.text({ anchor: "start" }) }));
  const put = (/** @type {number} */ beta) => fig.set({ beta: Number(clamp(beta, 0, TOP).toFixed(4)) });
  const handle = sizes.handle({
    label: "Momentum",
    axis: "x",
    look: "momentum",
    set: put,
    words: (beta, variance) => `momentum ${show(beta)}: variance ${show(variance)}`,
  });
  sizes.onPick(put);
  /** @param {State} state @param {Drawn} drawn */
  return ({ hold, rate, beta, sigma }, { exact }) => {
    const plain = noiseBall(rate, 0, 1, sigma);
    level.update([0, plain, TOP, plain]);
    for (const { which, words, at, dy, line, name } of lines) {
      const size = (/** @type {number} */ b) => noiseBall(learningRate(which, rate, b), b, 1, sigma);
      line.update(curve(size, [0, TOP], 95));
      line.node.classList.toggle("lf-aside", which !== hold);
      name.update(0, size(at), words, 8, dy);
    }
    handle.update(beta, exact[0]);
  };
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
  fig.button({ label: "New noise", press: () => fig.set({ seed: (fig.get("seed") + 1) % 10000 }) });
}

/** @param {BallFigure} fig */
function addReadouts(fig) {
  const sayRates = fig.readout(`${QUANTITIES.lr.name}, effective rate`),
    sayExact = fig.readout("variance along x, exact"),
    sayMeasured = fig.readout("variance along x, measured", { look: "momentum" }),
    sayInside = fig.readout("inside the ellipse"),
    sayAverage = fig.readout("noise left in the average");
  /** @param {State} state @param {Drawn} drawn */
  return ({ beta, kappa }, { lr, effective, exact, measured, inside, average }) => {
    sayRates(`${show(lr)}, ${show(effective)}`);
    sayExact(show(exact[0]));
    sayMeasured(show(measured[0], 2));
    sayInside(`${Math.round(100 * inside)} %`);
    sayAverage(`${show(100 * average)} %`);
    fig.speak(
      `Momentum ${show(beta)}, learning rate ${show(lr)}, effective rate ${show(effective)}: the variance along x is ${show(exact[0])}, measured ${show(measured[0], 2)}. The curvature along y is ${show(kappa)}.`,
    );
  };
}
