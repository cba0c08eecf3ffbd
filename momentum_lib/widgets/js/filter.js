// The filter: a moving average on a noisy signal, its weights, its frequency response. Python side: momentum_lib/widgets/filter.py

import { pythonFloat, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { drawNoise } from "./kit/noise.js";
import { choice, flag, integer, number } from "./kit/state.js";

export const STEPS = 200;
const STEP_AT = 60,
  ZIGZAG_STEPS = 60,
  WEIGHTS = 60,
  DRAWS = 20000,
  SETTLE = 5000;

export const STATE = {
  beta: number(0.9, 0, 0.999),
  form: choice("average", ["average", "sum"]),
  signal: choice("wave", ["wave", "zigzag", "constant", "step"]),
  frequency: number(0.08, 0.01, Math.PI),
  noise: number(0.5, 0, 2),
  corrected: flag(false),
  seed: integer(0, 0, 9999),
};

// ---------------------------------------------------------------------------------------------------- pure numbers

/** The signal without noise at step t. @param {string} signal @param {number} frequency @param {number} t */
export const clean = (signal, frequency, t) =>
  signal === "wave"
    ? Math.cos(frequency * t)
    : signal === "zigzag"
      ? 1 - 2 * (t % 2)
      : signal === "constant"
        ? 1
        : t >= STEP_AT
          ? 1
          : 0;

/** The rule's memory after each gradient: its generated step, one after the other. @param {any} rule @param {ArrayLike<number>} grads @param {number} beta */
export function filter(rule, grads, beta) {
  const out = new Float64Array(grads.length),
    hyper = { lr: 0, beta };
  let state = [0];
  for (let k = 0; k < grads.length; k++) {
    state = rule.step(0, grads[k], k + 1, state, hyper)[1];
    out[k] = state[0];
  }
  return out;
}

/** Gain and phase lag (radians) of the average at `omega` radians per step. @param {number} beta @param {number} omega */
export function response(beta, omega) {
  const s = Math.sin(omega / 2); // 1 - 2 beta cos(omega) + beta^2, without its cancellation near omega = 0
  return {
    gain: (1 - beta) / Math.sqrt((1 - beta) ** 2 + 4 * beta * s * s),
    lag: Math.atan2(beta * Math.sin(omega), 1 - beta * Math.cos(omega)),
  };
}

/** By how much the average divides the variance of noise, measured over many draws. @param {ArrayLike<number>} draws @param {number} beta */
export function varianceRatio(draws, beta) {
  const passed = filter(RULES.averaged_momentum, draws, beta);
  let before = 0,
    after = 0;
  for (let k = SETTLE; k < draws.length; k++) {
    before += draws[k] * draws[k];
    after += passed[k] * passed[k];
  }
  return before / after;
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @param {{model: import("./kit/types.js").Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "What a moving average lets through: slow waves pass, fast ones and noise do not",
    python: ({ beta, form, signal, frequency, noise, corrected, seed }) => {
      const sum = form === "sum",
        name = sum ? "v" : "m",
        fixed = corrected && !sum;
      return `from momentum_lib import rules, theory
from momentum_lib.widgets.filter import gradients

beta, ${name}, kept = ${pythonFloat(beta)}, 0.0, []
for t, grad in enumerate(gradients("${signal}", frequency=${pythonFloat(frequency)}, noise=${pythonFloat(noise)}, seed=${seed}), 1):
    _, ${name} = rules.${sum ? "heavy_ball" : "averaged_momentum"}(0.0, grad, ${name}, lr=0.0, beta=beta)
    kept.append(${name}${fixed ? " / (1 - beta**t)" : ""})
print(kept[-1], theory.half_life(beta), theory.sample_size(beta))
`;
    },
  });
  fig.pictures.classList.add("lf-halves");

  const looks = () => (fig.get("form") === "sum" ? "momentum" : "averaged");
  const omega = () => {
    const s = fig.get("signal");
    return s === "zigzag" ? Math.PI : s === "constant" ? 0 : fig.get("frequency");
  };
  // The last hair of the way goes all the way: only pi itself alternates +1, -1 for ever.
  const setOmega = (/** @type {number} */ w) =>
    fig.set({ signal: fig.get("signal") === "step" ? "step" : "wave", frequency: w > 3.135 ? Math.PI : w });
  const say = (/** @type {number} */ value) => show(value),
    steps = (/** @type {number} */ value) => `${show(value)} step${value === 1 ? "" : "s"}`;

  // ---- pictures
  const time = fig.plot({
    label: "The noisy gradients and their moving average against the step",
    x: { domain: [0, STEPS], label: "step t" },
    y: { domain: [-2, 2], count: 4 },
    height: (width) => Math.max(220, Math.min(width * 0.36, 300)),
    margin: { top: 26, left: 34 },
  });
  time.box.classList.add("lf-wide");
  const zero = time.line({ class: "lf-guide", layer: "back" }),
    limit = time.line({ class: "lf-guide", layer: "back" }),
    link = time.line({ look: "gradient", class: "lf-faint" }),
    dots = time.marks({ look: "gradient", radius: 1.9 });
  const truth = time.line({ class: "lf-truth" }),
    kept = time.line({ look: "averaged", class: "lf-kept" }),
    late = time.line({ class: "lf-bracket" });
  const lateName = time.text({ class: "lf-direct", anchor: "middle" }),
    limitName = time.text({ anchor: "end" });
  const keys = [time.text({ look: "gradient" }), time.text(), time.text({ look: "averaged" })];

  const weights = fig.plot({
    label: "Weight of a gradient against its age",
    x: { domain: [-0.7, WEIGHTS], label: "steps ago", count: 6 },
    y: { domain: [0, 1], label: "weight of a past gradient", count: 3 },
    height: (width) => Math.max(190, Math.min(width * 0.62, 240)),
    margin: { top: 26, left: 46 },
  });
  const stems = weights.line({ look: "averaged", class: "lf-stems" }),
    half = weights.line({ class: "lf-guide", layer: "back" }),
    halfName = weights.text({ class: "lf-direct" });
  const halfHandle = weights.handle({
    label: "Half-life: after how many steps a weight has halved",
    axis: "x",
    look: "momentum",
    bounds: () => [
      [0.1, WEIGHTS],
      [0, 1],
    ],
    set: (steps) => fig.set({ beta: Number((2 ** (-1 / steps)).toPrecision(3)) }),
    words: () => `${steps(halfLife())}, momentum ${say(fig.get("beta"))}`,
  });

  const gains = fig.plot({
    label: "Gain of the filter against frequency",
    x: { type: "log", domain: [0.01, Math.PI], label: "frequency ω, radians per step" },
    y: { domain: [0, 1.08], label: "gain", count: 3 },
    height: (width) => Math.max(190, Math.min(width * 0.62, 240)),
    margin: { top: 26, left: 46 },
  });
  const curve = gains.line({ look: "averaged", class: "lf-kept" }),
    drop = gains.line({ class: "lf-guide", layer: "back" }),
    fastest = gains.marks({ look: "averaged", shape: "diamond", radius: 4, layer: "front" });
  const gainName = gains.text({ class: "lf-direct" }),
    fastName = gains.text({ anchor: "end" });
  const wave = gains.handle({
    label: "Frequency of the wave",
    axis: "x",
    look: "gradient",
    bounds: () => [
      [0.01, Math.PI],
      [0, 1],
    ],
    set: (w) => setOmega(Number(w.toPrecision(3))),
    words: () => `${say(omega())} radians per step, gain ${say(drawn.gain)}, ${steps(drawn.lag)} late`,
  });

  // ---- controls
  fig.slider({
    name: "beta",
    label: QUANTITIES.beta.name,
    symbol: QUANTITIES.beta.symbol,
    look: "momentum",
    type: "near-one",
    marks: () => [0.5, 0.9, 0.99].map((value) => ({ value, label: String(value) })),
  });
  fig.slider({ name: "noise", label: "noise", symbol: "σ" });
  fig.slider({
    name: "frequency",
    label: "frequency",
    symbol: "ω",
    type: "log",
    get: () => omega(),
    set: setOmega,
    marks: () => [{ value: Math.PI, label: "zigzag", side: "end" }],
    words: (v) =>
      v ? `${say(v)} radians per step, one wave in ${say((2 * Math.PI) / v)} steps` : "0, a constant",
  });
  fig.segments({
    name: "form",
    label: "keep",
    options: [
      { value: "average", label: "average m", look: "averaged" },
      { value: "sum", label: "sum v", look: "momentum" },
    ],
  });
  fig.select({
    name: "signal",
    label: "signal",
    fold: true,
    options: [
      { value: "wave", label: "wave at frequency ω" },
      { value: "zigzag", label: "zigzag +1, −1" },
      { value: "constant", label: "constant 1" },
      { value: "step", label: "step from 0 to 1" },
    ],
  });
  const correct = fig.toggle({
    name: "corrected",
    label: "correct the average’s start: divide by 1 − βᵗ",
    fold: true,
  });
  fig.button({ label: "New noise", press: () => fig.set({ seed: (fig.get("seed") + 1) % 10000 }) });

  const sayHalf = fig.readout("half-life"),
    sayTotal = fig.readout("weights add up to"),
    saySize = fig.readout("noise variance of m falls by"),
    sayGain = fig.readout("gain at ω"),
    sayLag = fig.readout("late by");

  // ---- numbers
  const halfLife = () => {
    const beta = fig.get("beta");
    return beta === 0 ? 0 : Math.log(0.5) / Math.log(beta);
  };
  const impulse = Float64Array.from({ length: WEIGHTS + 1 }, (_, k) => (k ? 0 : 1));
  let drawn = /** @type {any} */ ({}),
    draws = drawNoise(DRAWS, fig.get("seed")),
    drawnSeed = fig.get("seed"),
    ratio = NaN,
    ratioKey = "";
  function compute() {
    const { beta, form, signal, frequency, noise, corrected, seed } = fig.snapshot();
    if (seed !== drawnSeed) {
      draws = drawNoise(DRAWS, seed);
      drawnSeed = seed;
    }
    if (`${seed},${beta}` !== ratioKey) {
      ratio = varianceRatio(draws, beta);
      ratioKey = `${seed},${beta}`;
    }
    const sum = form === "sum",
      rule = sum ? RULES.heavy_ball : RULES.averaged_momentum;
    const bare = Float64Array.from({ length: STEPS }, (_, t) => clean(signal, frequency, t)),
      grads = bare.map((v, t) => v + noise * draws[t]);
    const out = filter(rule, grads, beta),
      total = sum ? 1 / (1 - beta) : 1,
      w = omega(),
      at = response(beta, w);
    drawn = {
      clean: bare,
      gradients: grads,
      filtered: corrected && !sum ? out.map((v, t) => v / (1 - beta ** (t + 1))) : out,
      weights: filter(rule, impulse, beta),
      total,
      omega: w,
      gain: total * at.gain,
      lag: w === 0 ? beta / (1 - beta) : w === Math.PI ? 0 : at.lag / w,
      nyquist: total * response(beta, Math.PI).gain,
      sampleSize: (1 + beta) / (1 - beta),
      measured: ratio,
    };
  }

  const pairs = (/** @type {ArrayLike<number>} */ values) =>
    Float64Array.from({ length: 2 * values.length }, (_, k) => (k % 2 ? values[k >> 1] : k >> 1));

  fig.draw(() => {
    compute();
    const { beta, form, signal, noise } = fig.snapshot(),
      look = looks(),
      { total } = drawn,
      sum = form === "sum";
    for (const part of [kept, stems, curve, fastest, keys[2]]) part.node.setAttribute("data-look", look);
    correct.tick.disabled = sum;

    // the signal and what the filter keeps of it
    let low = 0,
      high = 0;
    for (const series of [drawn.gradients, drawn.filtered])
      for (const v of series) {
        low = Math.min(low, v);
        high = Math.max(high, v);
      }
    const tall = time.inner.bottom - time.inner.top; // the bracket above the crest wants 38 of these pixels
    if (signal === "wave" && tall > 80)
      high = Math.max(high, low + (Math.max(1, drawn.gain) - low) / (1 - 38 / tall));
    const room = 0.06 * (high - low);
    const shown = signal === "zigzag" ? ZIGZAG_STEPS : STEPS;
    time.setDomain([0, shown], [low - room, high + room]);
    zero.update([0, 0, shown, 0]);
    const grads = pairs(drawn.gradients);
    link.update(grads);
    dots.update(grads);
    if (noise) truth.update(pairs(drawn.clean));
    else truth.clear();
    kept.update(pairs(drawn.filtered));
    if (sum && signal === "constant") {
      limit.update([0, total, STEPS, total]);
      limitName.update(STEPS, total, `1/(1 − β) = ${say(total)}`, -4, 28);
    } else if (signal === "zigzag") {
      limit.update([0, drawn.gain, shown, drawn.gain, shown, -drawn.gain, 0, -drawn.gain]);
      limitName.update(shown, (high + drawn.gain) / 2, `settles at ± ${say(drawn.gain)}`, -4, 4);
    } else {
      limit.clear();
      limitName.clear();
    }
    ["• gradients g", noise ? "— without the noise" : "", sum ? "━ sum v" : "••• average m"].forEach(
      (words, k) => {
        keys[k].node.setAttribute("x", String(time.inner.left + [0, 98, noise ? 232 : 98][k]));
        keys[k].node.setAttribute("y", "14");
        keys[k].node.textContent = words;
      },
    );
    showLag();

    // its weights
    weights.setDomain([-0.7, WEIGHTS], [0, 1.08 * drawn.weights[0]]);
    const foot = weights.y(0).toFixed(1);
    stems.node.setAttribute(
      "d",
      Array.from(
        drawn.weights,
        (v, k) => `M${weights.x(k).toFixed(1)},${foot}V${weights.y(v).toFixed(1)}`,
      ).join(""),
    );
    const h = halfLife(),
      shownHalf = Math.min(h, WEIGHTS),
      level = drawn.weights[0] / 2;
    half.update([0, level, shownHalf, level, shownHalf, 0]);
    halfHandle.update(shownHalf, level);
    halfName.node.setAttribute("text-anchor", shownHalf > 0.6 * WEIGHTS ? "end" : "start");
    halfName.update(
      shownHalf,
      level,
      h > WEIGHTS ? `half after ${steps(h)} →` : `half after ${steps(h)}`,
      shownHalf > 0.6 * WEIGHTS ? 0 : 16,
      shownHalf > 0.6 * WEIGHTS ? -16 : -8,
    );

    // its gain at every frequency
    gains.setDomain([0.01, Math.PI], [0, 1.08 * total]);
    const points = new Float64Array(2 * 121);
    for (let k = 0; k <= 120; k++) {
      points[2 * k] = 0.01 * (Math.PI / 0.01) ** (k / 120);
      points[2 * k + 1] = total * response(beta, points[2 * k]).gain;
    }
    curve.update(points);
    fastest.update([Math.PI, drawn.nyquist]);
    const at = Math.max(drawn.omega, 0.01),
      crowded = at > 0.7;
    drop.update([at, 0, at, drawn.gain]);
    wave.update(at, drawn.gain);
    gainName.node.setAttribute("text-anchor", at > 0.15 ? "end" : "start");
    const grounded = gains.y(0) - gains.y(drawn.gain) < 20; // no room below the curve
    gainName.update(
      at,
      drawn.gain,
      `gain ${say(drawn.gain)}`,
      at > 0.15 ? (grounded ? 8 : -15) : 15,
      at <= 0.15 ? -9 : grounded ? -24 : 16,
    );
    const under = gains.y(0) - gains.y(drawn.nyquist) > 28; // the curve ends low: its name stands below it where there is room
    if (crowded) fastName.clear();
    else
      fastName.update(
        Math.PI,
        drawn.nyquist,
        `zigzag, ω = π: ${say(drawn.nyquist)}`,
        under ? -8 : 4,
        under ? 16 : -34,
      );

    sayHalf(steps(h));
    sayTotal(say(total));
    saySize(`${say(drawn.sampleSize)}, measured ${show(drawn.measured, 4)}`);
    sayGain(say(drawn.gain));
    sayLag(steps(drawn.lag));
    fig.speak(
      `Momentum ${say(beta)}: the weights halve every ${steps(h)} and add up to ${say(total)}; the noise variance falls by ${say(drawn.sampleSize)}, ${say(drawn.measured)} measured; gain ${say(drawn.gain)} at ${say(drawn.omega)} radians per step, ${steps(drawn.lag)} late.`,
    );
  });

  /** Between a crest of the wave and the crest of what is kept of it: how late the filter is. */
  function showLag() {
    const w = drawn.omega,
      period = (2 * Math.PI) / w,
      k = Math.floor((STEPS * 0.72 - drawn.lag) / period),
      crest = k * period;
    const visible =
      fig.get("signal") === "wave" &&
      w > 0 &&
      period >= 10 &&
      crest > 3 / (1 - fig.get("beta")) &&
      time.x(drawn.lag) - time.x(0) > 5;
    if (!visible) {
      late.clear();
      lateName.clear();
      return;
    }
    const tick = time.y(0) - time.y(1) ? 5 / (time.y(0) - time.y(1)) : 0,
      y = Math.max(1, drawn.gain) + 3 * tick,
      end = crest + drawn.lag;
    late.update([crest, 1, crest, y + tick, crest, y, end, y, end, y + tick, end, drawn.gain]);
    lateName.update(crest + drawn.lag / 2, y, `${steps(drawn.lag)} late`, 0, -8);
  }

  fig.numbers(() => ({
    clean: Array.from(drawn.clean),
    gradients: Array.from(drawn.gradients),
    filtered: Array.from(drawn.filtered),
    weights: Array.from(drawn.weights),
    half_life: halfLife(),
    total_weight: drawn.total,
    sample_size: drawn.sampleSize,
    measured: drawn.measured,
    omega: drawn.omega,
    gain: drawn.gain,
    lag: drawn.lag,
    nyquist: drawn.nyquist,
  }));
  return fig.start();
}
