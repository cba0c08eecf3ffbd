// The river: heavy ball and gradient descent down a valley at the same loss on its side. Python side: momentum_lib/widgets/river.py

import { curve } from "./kit/curve.js";
import { clamp, pythonFloat, roundTo, show } from "./kit/dom.js";
import { noisyWalk } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { drawNoise } from "./kit/noise.js";
import { choice, integer, number } from "./kit/state.js";
import { RULES } from "./generated/rules.js";
import { effectiveRate, lrAtHillLoss, momentumEdge, noiseOverHill, riverGain } from "./generated/theory.js";

/** @typedef {import("./kit/types.js").Pair} Pair */

export const WALKERS = 100;
export const STEPS = 200;
const POOL = 100,
  SHOWN = 60,
  BANK = 0.22, // how wide the loss on the side is drawn, of the room of a valley
  TOP = 0.95,
  SHARES = /** @type {Pair} */ ([0.001, 0.99]),
  SIGMAS = /** @type {Pair} */ ([0.01, 2]),
  NOISE = /** @type {Pair} */ ([1e-3, 1e2]),
  GAINS = /** @type {Pair} */ ([0.9, 50]);

export const STATE = {
  hold: choice("loss", ["loss", "rate"]),
  loss: number(0.05, 0.005, 0.5),
  share: number(0.05, ...SHARES),
  beta: number(0.9, 0, TOP),
  sigma: number(0.03, ...SIGMAS),
  seed: integer(0, 0, 9999),
};

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} RiverFigure */
/** @typedef {ReturnType<typeof make>} Drawn */
/** @typedef {ReturnType<typeof travel>} Travel */

// ---------------------------------------------------------------------------------------------------- pure numbers

/** What the state means: noise against the hill, the loss on the side, and both rates. @param {State} state */
export function settings({ hold, loss, share, beta, sigma }) {
  const square = sigma ** 2,
    noise = hold === "loss" ? square / (2 * loss) : noiseOverHill(share, beta),
    lost = hold === "loss" ? loss : square / (2 * noise);
  return {
    noise,
    loss: lost,
    plain: lrAtHillLoss(lost, 0, 1, sigma),
    heavy: hold === "loss" ? lrAtHillLoss(lost, beta, 1, sigma) : share * momentumEdge(1, beta, false, false),
  };
}

/** A run from rest at `start` under the gradient `slope + curvature * theta`, without noise. @param {string} name @param {{lr: number, beta: number}} hyper @param {number} start @param {number} slope @param {number} curvature */
function still(name, hyper, start, slope, curvature) {
  const rule = RULES[name],
    out = new Float64Array(STEPS + 1).fill(start);
  let state = Object.keys(rule.slots).map(() => 0);
  for (let t = 1; t <= STEPS; t++)
    [out[t], state] = rule.step(out[t - 1], slope + curvature * out[t - 1], t, state, hyper);
  return out;
}

/**
 * One rule down f(x, y) = -x + y^2/2 from rest on the side: `x[t]` along the river, `y[WALKERS * t + walker]` across it.
 * The rule is linear: its run from the side without noise, and on it the noise's own run.
 * @param {string} name @param {{lr: number, beta: number}} hyper @param {number} loss @param {number} sigma @param {Float64Array} draws
 */
export function travel(name, hyper, loss, sigma, draws) {
  const x = still(name, hyper, 0, -1, 0),
    side = still(name, hyper, Math.sqrt(2 * loss), 0, 1),
    y = new Float64Array(WALKERS * (STEPS + 1));
  for (let first = 0; first < WALKERS; first++)
    noisyWalk(RULES[name], { hyper, curvature: 1, sigma, draws, steps: STEPS, first, row: WALKERS }, y);
  for (let t = 0, k = 0; t <= STEPS; t++) for (let i = 0; i < WALKERS; i++, k++) y[k] += side[t];
  let squares = 0;
  for (let k = y.length - WALKERS * POOL; k < y.length; k++) squares += y[k] ** 2;
  return {
    lr: hyper.lr,
    speed: effectiveRate(hyper.lr, hyper.beta),
    measured: (x[STEPS] - x[STEPS - POOL]) / POOL,
    lost: squares / (2 * WALKERS * POOL),
    path: Array.from({ length: 2 * (SHOWN + 1) }, (_, k) => {
      const t = STEPS - POOL + (k >> 1);
      return k % 2 ? y[WALKERS * t] : x[t] - x[STEPS - POOL];
    }),
  };
}

/** All that is shown. @param {State} state @param {Float64Array} draws */
export function make(state, draws) {
  const { noise, loss, plain, heavy } = settings(state),
    { beta, sigma } = state;
  return {
    noise,
    loss,
    gain: riverGain(beta, noise),
    plain: travel("gradient_descent", { lr: plain, beta: 0 }, loss, sigma, draws),
    heavy: travel("heavy_ball", { lr: heavy, beta }, loss, sigma, draws),
  };
}

/** What momentum is worth, by the gain itself and by its share of what it would be without noise. @param {number} beta @param {number} gain */
export function verdict(beta, gain) {
  const most = riverGain(beta, 0),
    share = (gain - 1) / (most - 1);
  if (most < 1.1) return "So small a momentum has next to nothing to give";
  if (gain < 1.1) return "The noise sets the pace, and momentum has next to nothing to give";
  if (share < 0.05) return "The noise sets the pace, and little is left of what momentum could give";
  return share > 0.7
    ? "The curvature sets the pace, and momentum pays"
    : "Curvature and noise both hold it back";
}

/** What the state says. @param {State} state @param {Drawn} drawn */
export function sentence({ beta, sigma }, { gain, loss, plain, heavy }) {
  const where = `noise ${show(sigma)} and a loss of ${show(loss)} on the side`;
  if (beta === 0)
    return `With momentum 0 both are gradient descent, and neither gets farther: at ${where}, ${show(plain.speed)} a step.`;
  return `${verdict(beta, gain)}: at momentum ${show(beta)}, ${where}, ${show(heavy.speed)} a step against ${show(plain.speed)}, ${show(gain)} times as far. Without noise: ${show(riverGain(beta, 0))} times.`;
}

/** @param {State} state */
function python(state) {
  const { beta, sigma } = state,
    { loss, heavy } = settings(state);
  return `from momentum_lib import rules, theory
from momentum_lib.widgets.river import travel

beta, sigma, loss = ${pythonFloat(beta)}, ${pythonFloat(sigma)}, ${pythonFloat(loss)}
plain = theory.lr_at_hill_loss(loss, 0.0, 1.0, sigma)
heavy = ${state.hold === "loss" ? "theory.lr_at_hill_loss(loss, beta, 1.0, sigma)" : pythonFloat(heavy)}
gain = theory.effective_rate(heavy, beta) / plain
x, y = travel(rules.heavy_ball, heavy, beta, loss, sigma, seed=${state.seed})
print(f"{gain:.3f} times as far; loss on the side {(y[-${POOL}:] ** 2).mean() / 2:.4f} measured, {loss:.4f} exact")
`;
}

// -------------------------------------------------------------------------------------------------------- the rivers

/** A way's point at `pen` steps, between two of them too. @param {number[]} path @param {number} pen */
function placeAt(path, pen) {
  const t = Math.floor(pen),
    next = Math.min(t + 1, path.length / 2 - 1);
  return [0, 1].map((k) => path[2 * t + k] + (pen - t) * (path[2 * next + k] - path[2 * t + k]));
}

/** One of the two valleys in the picture, its river at height `lane`. @param {import("./kit/types.js").Plot} plot @param {"gradient"|"momentum"} look @param {number} lane @param {string} words */
function addValley(plot, look, lane, words) {
  const bank = plot.line({ class: "lf-bank", layer: "back" }),
    river = plot.line({ class: "lf-guide", layer: "back" }),
    way = plot.line({ look, class: "lf-way" }),
    now = plot.marks({ look, radius: 5, layer: "front" }),
    name = plot.text({ look, anchor: "end" });
  /** @param {Travel} one @param {number} far @param {number} loss @param {number} pen */
  return ({ path, speed }, far, loss, pen) => {
    const high = Math.sqrt(2 * loss),
      across = (/** @type {number} */ y) => lane + (BANK * y) / high,
      shown = [...path.slice(0, 2 * Math.floor(pen) + 2), ...placeAt(path, pen)].map((v, k) =>
        k % 2 ? across(v) : v,
      );
    bank.update([0, lane - BANK, far, lane - BANK, far, lane + BANK, 0, lane + BANK]);
    river.update([0, lane, far, lane]);
    way.update(shown);
    now.update(shown.slice(-2));
    name.update(far, lane + 1, `${words}: ${show(speed)} a step`, -2, 12);
  };
}

/** Both valleys from above, on one scale. @param {RiverFigure} fig */
function addValleys(fig) {
  const plot = fig.plot({
    label: "The way along the river without and with momentum, from above",
    x: { domain: [0, 1], label: `along the river, ${SHOWN} steps at full speed`, count: 5 },
    y: { domain: [-2, 2], hidden: true },
    height: () => 196,
    margin: { top: 8, right: 14 },
  });
  plot.box.classList.add("lf-wide");
  const plain = addValley(plot, "gradient", 1, "without momentum"),
    heavy = addValley(plot, "momentum", -1, "with momentum");
  /** @param {Drawn} drawn @param {number} pen */
  return (drawn, pen) => {
    const far = 1.02 * Math.max(drawn.plain.path[2 * SHOWN], drawn.heavy.path[2 * SHOWN]);
    plot.setDomain([0, far]);
    plain(drawn.plain, far, drawn.loss, pen);
    heavy(drawn.heavy, far, drawn.loss, pen);
  };
}

/** The gain against the noise. @param {RiverFigure} fig */
function addGain(fig) {
  const plot = fig.plot({
    label: "How many times as far momentum gets, against the noise",
    x: {
      type: "log",
      domain: NOISE,
      label: "noise: σ² / (2 · loss on the side)",
      ticks: () => [0.001, 0.01, 0.1, 1, 10, 100],
      format: (v) => show(v),
    },
    y: {
      type: "log",
      domain: GAINS,
      label: "times as far",
      ticks: () => [1, 3, 10, 30],
      format: (v) => show(v),
    },
    height: (width) => clamp(width * 0.25, 176, 196),
    margin: { top: 20, left: 46, right: 14 },
  });
  plot.box.classList.add("lf-wide");
  const one = plot.line({ class: "lf-guide", layer: "back" }),
    limit = plot.line({ class: "lf-guide", layer: "back" }),
    line = plot.line({ look: "momentum" }),
    limitName = plot.text({ class: "lf-direct", anchor: "end" }),
    oneName = plot.text({ class: "lf-direct", anchor: "start" });
  /** @param {number} noise */
  const put = (noise) => {
    const { hold, beta, loss } = fig.snapshot(),
      within = clamp(noise, ...NOISE);
    if (hold === "loss") fig.set({ sigma: clamp(roundTo(Math.sqrt(2 * loss * within)), ...SIGMAS) });
    else {
      const lr = lrAtHillLoss(0.5, beta, 1, Math.sqrt(within));
      fig.set({ share: clamp(roundTo(lr / momentumEdge(1, beta, false, false)), ...SHARES) });
    }
  };
  const handle = plot.handle({
    label: "Noise against the hill",
    axis: "x",
    look: "momentum",
    set: put,
    words: (noise, gain) => `noise ${show(noise)}: ${show(gain)} times as far`,
  });
  plot.onPick(put);
  /** @param {State} state @param {Drawn} drawn */
  return ({ beta }, { noise, gain }) => {
    const most = riverGain(beta, 0);
    one.update([NOISE[0], 1, NOISE[1], 1]);
    limit.update([NOISE[0], most, NOISE[1], most]);
    line.update(curve((q) => riverGain(beta, q), NOISE, 95, { log: true }));
    limitName.update(NOISE[1], most, `without noise ${show(most)}`, -4, -8);
    oneName.update(NOISE[0], 1, "no gain", 6, -8);
    handle.update(clamp(noise, ...NOISE), gain);
  };
}

/** @param {RiverFigure} fig */
function addControls(fig) {
  fig.segments({
    name: "hold",
    label: "you set",
    options: [
      { value: "loss", label: "loss" },
      { value: "rate", label: "rate" },
    ],
  });
  fig.slider({ name: "beta", label: QUANTITIES.beta.name, symbol: QUANTITIES.beta.symbol, look: "momentum" });
  fig.slider({ name: "sigma", label: "noise", symbol: "σ", type: "log" });
  const loss = fig.slider({ name: "loss", label: "loss on the side", type: "log" }),
    share = fig.slider({ name: "share", label: "rate, of the largest stable", type: "log" });
  fig.button({ label: "New noise", press: () => fig.set({ seed: (fig.get("seed") + 1) % 10000 }) });
  return (/** @type {string} */ hold) => {
    loss.node.hidden = hold !== "loss";
    share.node.hidden = hold === "loss";
  };
}

/** @param {RiverFigure} fig */
function addReadouts(fig) {
  const sayGain = fig.readout("times as far, exact"),
    sayRun = fig.readout("times as far, measured", { look: "momentum" }),
    sayRates = fig.readout("learning rates: without, with"),
    sayLost = fig.readout("loss on the side: exact, measured");
  /** @param {Drawn} drawn */
  return ({ gain, loss, plain, heavy }) => {
    sayGain(show(gain));
    sayRun(show(heavy.measured / plain.measured));
    sayRates(`${show(plain.lr)}, ${show(heavy.lr)}`);
    sayLost(`${show(loss)}, ${show(heavy.lost, 2)}`);
  };
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Down the river: turn up the noise, and see what momentum is worth",
    python,
  });
  fig.root.classList.add("lf-river");
  const valleys = addValleys(fig),
    gain = addGain(fig),
    suit = addControls(fig),
    time = fig.player({ length: () => SHOWN, seconds: () => 6 }),
    say = addReadouts(fig);
  fig.onReset(() => time.end());
  const noise = { seed: -1, draws: new Float64Array(0) },
    drawn = { key: "", now: /** @type {Drawn} */ (/** @type {unknown} */ (null)) };
  /** Made again where the state changed: playing moves the step only. @param {State} state */
  function made(state) {
    const key = Object.values(state).join();
    if (state.seed !== noise.seed)
      Object.assign(noise, { seed: state.seed, draws: drawNoise(WALKERS * STEPS, state.seed) });
    if (key !== drawn.key) Object.assign(drawn, { key, now: make(state, noise.draws) });
    return drawn.now;
  }
  fig.draw(() => {
    const state = fig.snapshot(),
      now = made(state);
    suit(state.hold);
    valleys(now, time.pen());
    gain(state, now);
    say(now);
    fig.speak(sentence(state, now));
  });
  fig.numbers(() => ({ ...drawn.now, head: time.head() }));
  return fig.start();
}
