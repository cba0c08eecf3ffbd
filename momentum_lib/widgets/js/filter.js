// The filter: a moving average on a noisy signal, its weights, its frequency response. Python side: momentum_lib/widgets/filter.py

import { curve as curveOf, series } from "./kit/curve.js";
import { many, pythonFloat, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { RULES } from "./generated/rules.js";
import { filter } from "./kit/measure.js";
import { drawNoise } from "./kit/noise.js";
import { choice, flag, integer, number } from "./kit/state.js";
import { MOMENTUM } from "./kit/sliders.js";
import {
  betaAtHalfLife,
  halfLife,
  sampleSize,
  totalWeight,
  waveDelay,
  waveGain,
} from "./generated/theory.js";

export const STEPS = 200;
const STEP_AT = 60,
  ZIGZAG_STEPS = 60,
  WEIGHTS = 60,
  DRAWS = 20000,
  SETTLE = 5000,
  ENOUGH = 100; // memories that the draws must hold, for a measurement to be shown

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

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} FilterFigure */
/** @typedef {ReturnType<typeof numbersOf>} Drawn */
/** @typedef {ReturnType<typeof addTime>} Time */
/** @typedef {ReturnType<typeof addWeights>} Weights */
/** @typedef {ReturnType<typeof addGains>} Gains */

const SLOWEST = 0.01;

const inSteps = (/** @type {number} */ value) => many(value, "step");
/** The frequency of the signal; a step counts as the wave that is set. @param {{signal: string, frequency: number}} state */
const omegaOf = ({ signal, frequency }) =>
  signal === "zigzag" ? Math.PI : signal === "constant" ? 0 : frequency;
/** Another frequency. The last hair of the way goes all the way: only pi itself alternates +1, -1 for ever. @param {FilterFigure} fig @param {number} omega */
const setOmega = (fig, omega) =>
  fig.set({
    signal: fig.get("signal") === "step" ? "step" : "wave",
    frequency: omega > 3.135 ? Math.PI : omega,
  });

/** @param {State} state */
function python({ beta, form, signal, frequency, noise, corrected, seed }) {
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
}

const IMPULSE = Float64Array.from({ length: WEIGHTS + 1 }, (_, k) => (k ? 0 : 1));

/** The signal, what is kept of it, and what theory says of the filter. @param {State} state @param {Float64Array} draws @param {number} measured */
function numbersOf(state, draws, measured) {
  const { beta, form, signal, frequency, noise, corrected } = state,
    sum = form === "sum",
    rule = sum ? RULES.heavy_ball : RULES.averaged_momentum,
    bare = Float64Array.from({ length: STEPS }, (_, t) => clean(signal, frequency, t)),
    gradients = bare.map((v, t) => v + noise * draws[t]),
    kept = filter(rule, gradients, beta),
    total = sum ? totalWeight(beta) : 1,
    omega = omegaOf(state);
  return {
    clean: bare,
    gradients,
    filtered: corrected && !sum ? kept.map((v, t) => v / (1 - beta ** (t + 1))) : kept,
    weights: filter(rule, IMPULSE, beta),
    halfLife: halfLife(beta),
    total,
    omega,
    gain: total * waveGain(beta, omega),
    lag: waveDelay(beta, omega),
    nyquist: total * waveGain(beta, Math.PI),
    sampleSize: sampleSize(beta),
    measured,
  };
}

/** What computes these, drawing and measuring noise again only where seed or momentum changed. */
function computer() {
  const kept = { seed: -1, draws: new Float64Array(), key: "", ratio: NaN };
  return (/** @type {State} */ state) => {
    const { seed, beta } = state,
      key = `${seed},${beta}`;
    if (seed !== kept.seed) Object.assign(kept, { seed, draws: drawNoise(DRAWS, seed) });
    if (key !== kept.key) Object.assign(kept, { key, ratio: varianceRatio(kept.draws, beta) });
    return numbersOf(state, kept.draws, kept.ratio);
  };
}

// ---- the signal and what the filter keeps of it

/** @param {FilterFigure} fig */
function addTime(fig) {
  const plot = fig.plot({
    label: "The noisy gradients and their moving average against the step",
    x: { domain: [0, STEPS], label: "step t" },
    y: { domain: [-2, 2], count: 4 },
    height: (width) => Math.max(220, Math.min(width * 0.36, 300)),
    margin: { top: 26, left: 34 },
  });
  plot.box.classList.add("lf-wide");
  return {
    plot,
    zero: plot.line({ class: "lf-guide", layer: "back" }),
    limit: plot.line({ class: "lf-guide", layer: "back" }),
    link: plot.line({ look: "gradient", class: "lf-faint" }),
    dots: plot.marks({ look: "gradient", radius: 1.9 }),
    truth: plot.line({ class: "lf-truth" }),
    kept: plot.line({ look: "averaged", class: "lf-kept" }),
    late: plot.line({ class: "lf-bracket" }),
    lateName: plot.text({ class: "lf-direct", anchor: "middle" }),
    limitName: plot.text({ anchor: "end" }),
    key: plot.key(),
  };
}

/** The ends of what is shown of gradients and average, with room for the bracket above a crest. @param {Time} time @param {string} signal @param {Drawn} drawn */
function ends({ plot }, signal, { gradients, filtered, gain }) {
  let low = 0,
    high = 0;
  for (const row of [gradients, filtered])
    for (const v of row) {
      low = Math.min(low, v);
      high = Math.max(high, v);
    }
  const tall = plot.inner.bottom - plot.inner.top; // the bracket above the crest wants 38 of these pixels
  if (signal === "wave" && tall > 80)
    high = Math.max(high, low + (Math.max(1, gain) - low) / (1 - 38 / tall));
  return { low, high, room: 0.06 * (high - low) };
}

/** @param {Time} time @param {State} state @param {Drawn} drawn @param {string} look */
function drawTime(time, state, drawn, look) {
  const { signal, noise } = state,
    { low, high, room } = ends(time, signal, drawn),
    shown = signal === "zigzag" ? ZIGZAG_STEPS : STEPS,
    gradients = series(drawn.gradients);
  time.plot.setDomain([0, shown], [low - room, high + room]);
  time.zero.update([0, 0, shown, 0]);
  time.link.update(gradients);
  time.dots.update(gradients);
  if (noise) time.truth.update(series(drawn.clean));
  else time.truth.clear();
  time.kept.node.setAttribute("data-look", look);
  time.kept.update(series(drawn.filtered));
  drawLimit(time, state, drawn, shown, high);
  writeKeys(time, state, look);
  drawLag(time, state, drawn);
}

/** Where a constant or a zigzag settles. @param {Time} time @param {State} state @param {Drawn} drawn @param {number} shown @param {number} high */
function drawLimit({ limit, limitName }, { form, signal }, { total, gain }, shown, high) {
  if (form === "sum" && signal === "constant") {
    limit.update([0, total, STEPS, total]);
    limitName.update(STEPS, total, `1/(1 − β) = ${show(total)}`, -4, 28);
  } else if (signal === "zigzag") {
    limit.update([0, gain, shown, gain, shown, -gain, 0, -gain]);
    limitName.update(shown, (high + gain) / 2, `settles at ± ${show(gain)}`, -4, 4);
  } else for (const part of [limit, limitName]) part.clear();
}

/** What each line is, above the picture. @param {Time} time @param {State} state @param {string} look */
function writeKeys({ key }, { form, noise }, look) {
  key.update([
    { words: "• gradients g", look: "gradient" },
    ...(noise ? [{ words: "— without the noise" }] : []),
    { words: form === "sum" ? "━ sum v" : "••• average m", look },
  ]);
}

/** Between a crest of the wave and the crest of what is kept of it: how late the filter is. @param {Time} time @param {State} state @param {Drawn} drawn */
function drawLag({ plot, late, lateName }, { signal, beta }, { omega, gain, lag }) {
  const period = (2 * Math.PI) / omega,
    crest = Math.floor((STEPS * 0.72 - lag) / period) * period;
  const visible =
    signal === "wave" &&
    omega > 0 &&
    period >= 10 &&
    crest > 3 * totalWeight(beta) &&
    plot.x(lag) - plot.x(0) > 5;
  if (!visible) {
    for (const part of [late, lateName]) part.clear();
    return;
  }
  const unit = plot.y(0) - plot.y(1),
    tick = unit ? 5 / unit : 0,
    y = Math.max(1, gain) + 3 * tick,
    end = crest + lag;
  late.update([crest, 1, crest, y + tick, crest, y, end, y, end, y + tick, end, gain]);
  lateName.update(crest + lag / 2, y, `${inSteps(lag)} late`, 0, -8);
}

// ---- its weights

/** @param {FilterFigure} fig */
function addWeights(fig) {
  const plot = fig.plot({
    label: "Weight of a gradient against its age",
    x: { domain: [-0.7, WEIGHTS], label: "steps ago", count: 6 },
    y: { domain: [0, 1], label: "weight of a past gradient", count: 3 },
    later: true,
    height: (width) => Math.max(190, Math.min(width * 0.62, 240)),
    margin: { top: 26, left: 46 },
  });
  return {
    plot,
    stems: plot.line({ look: "averaged", class: "lf-stems" }),
    half: plot.line({ class: "lf-guide", layer: "back" }),
    halfName: plot.text({ class: "lf-direct" }),
    handle: plot.handle({
      label: "Half-life: after how many steps a weight has halved",
      axis: "x",
      look: "momentum",
      bounds: () => [
        [0.1, WEIGHTS],
        [0, 1],
      ],
      set: (steps) => fig.set({ beta: Number(betaAtHalfLife(steps).toPrecision(4)) }),
      words: () =>
        fig.get("beta")
          ? `${inSteps(halfLife(fig.get("beta")))}, momentum ${show(fig.get("beta"))}`
          : "momentum 0: the newest gradient alone",
    }),
  };
}

/** @param {Weights} weights @param {Drawn} drawn @param {string} look */
function drawWeights({ plot, stems, half, halfName, handle }, drawn, look) {
  const level = drawn.weights[0] / 2,
    shown = Math.min(drawn.halfLife, WEIGHTS),
    late = shown > 0.6 * WEIGHTS;
  plot.setDomain([-0.7, WEIGHTS], [0, 2.16 * level]);
  const foot = plot.y(0).toFixed(1);
  const paths = Array.from(
    drawn.weights,
    (v, k) => `M${plot.x(k).toFixed(1)},${foot}V${plot.y(v).toFixed(1)}`,
  );
  stems.node.setAttribute("data-look", look);
  stems.path(paths.join(""));
  half.update([0, level, shown, level, shown, 0]);
  handle.update(shown, level);
  const words = drawn.halfLife
    ? `half after ${inSteps(drawn.halfLife)}${drawn.halfLife > WEIGHTS ? " →" : ""}`
    : "the newest alone";
  halfName.anchor(late ? "end" : "start");
  halfName.update(shown, level, words, late ? 0 : 16, late ? -16 : -8);
}

// ---- its gain at every frequency

/** @param {FilterFigure} fig @param {() => Drawn} drawn */
function addGains(fig, drawn) {
  const plot = fig.plot({
    label: "Gain of the filter against frequency",
    x: { type: "log", domain: [SLOWEST, Math.PI], label: "frequency ω, radians per step" },
    y: { domain: [0, 1.08], label: "gain", count: 3 },
    later: true,
    height: (width) => Math.max(190, Math.min(width * 0.62, 240)),
    margin: { top: 26, left: 46 },
  });
  return {
    plot,
    curve: plot.line({ look: "averaged", class: "lf-kept" }),
    drop: plot.line({ class: "lf-guide", layer: "back" }),
    fastest: plot.marks({ look: "averaged", shape: "diamond", radius: 4, layer: "front" }),
    gainName: plot.text({ class: "lf-direct" }),
    fastName: plot.text({ anchor: "end" }),
    handle: plot.handle({
      label: "Frequency of the wave",
      axis: "x",
      look: "gradient",
      bounds: () => [
        [SLOWEST, Math.PI],
        [0, 1],
      ],
      set: (w) => setOmega(fig, Number(w.toPrecision(3))),
      words: () => {
        const { omega, gain, lag } = drawn();
        return `${show(omega)} radians per step, gain ${show(gain)}, ${inSteps(lag)} late`;
      },
    }),
  };
}

/** @param {Gains} gains @param {number} beta @param {Drawn} drawn @param {string} look */
function drawGains({ plot, curve, drop, fastest, gainName, fastName, handle }, beta, drawn, look) {
  const { total, gain, nyquist } = drawn,
    at = Math.max(drawn.omega, SLOWEST);
  plot.setDomain([SLOWEST, Math.PI], [0, 1.08 * total]);
  for (const part of [curve, fastest]) part.node.setAttribute("data-look", look);
  curve.update(curveOf((w) => total * waveGain(beta, w), [SLOWEST, Math.PI], 120, { log: true }));
  fastest.update([Math.PI, nyquist]);
  drop.update([at, 0, at, gain]);
  handle.update(at, gain);
  const right = at > 0.15,
    grounded = plot.y(0) - plot.y(gain) < 20; // no room below the curve
  gainName.anchor(right ? "end" : "start");
  const [dx, dy] = !right ? [15, -9] : grounded ? [8, -24] : [-15, 16];
  gainName.update(at, gain, `gain ${show(gain)}`, dx, dy);
  const under = plot.y(0) - plot.y(nyquist) > 28; // the curve ends low: its name stands below it where there is room
  if (at > 0.7) fastName.clear();
  else fastName.update(Math.PI, nyquist, `zigzag, ω = π: ${show(nyquist)}`, under ? -8 : 4, under ? 16 : -34);
}

// ---- controls and read-outs

/** @param {FilterFigure} fig */
function addControls(fig) {
  fig.slider(MOMENTUM);
  fig.slider({ name: "noise", label: "noise", symbol: "σ" });
  fig.slider({
    name: "frequency",
    label: "frequency",
    symbol: "ω",
    type: "log",
    get: () => omegaOf(fig.snapshot()),
    set: (omega) => setOmega(fig, omega),
    marks: () => [{ value: Math.PI, label: "zigzag", side: "end" }],
    words: (v) =>
      v ? `${show(v)} radians per step, one wave in ${inSteps((2 * Math.PI) / v)}` : "0, a constant",
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
  return correct;
}

/**
 * What the draws say of the variance, where they are enough: so many memories long that chance moves it by a tenth or so.
 * @param {{measured: number, sampleSize: number}} drawn
 */
export const measuredWords = ({ measured, sampleSize: memory }) =>
  (DRAWS - SETTLE) / memory >= ENOUGH ? `measured ${show(measured, 3)}` : "too long a memory to measure here";

/** @param {FilterFigure} fig */
function addReadouts(fig) {
  const sayHalf = fig.readout("half-life"),
    sayTotal = fig.readout("weights add up to"),
    saySize = fig.readout("noise variance of m falls by"),
    sayGain = fig.readout("gain at ω"),
    sayLag = fig.readout("late by");
  return (/** @type {Drawn} */ drawn, /** @type {number} */ beta) => {
    const half = inSteps(drawn.halfLife),
      late = inSteps(drawn.lag),
      [total, size, gain, omega] = [drawn.total, drawn.sampleSize, drawn.gain, drawn.omega].map((v) =>
        show(v),
      );
    sayHalf(beta ? half : "none: nothing is kept");
    sayTotal(total);
    const measured = measuredWords(drawn);
    saySize(`${size}, ${measured}`);
    sayGain(gain);
    sayLag(late);
    fig.speak(
      beta === 0
        ? "Momentum 0 keeps the newest gradient alone: no noise is taken away, every wave has the gain 1, and nothing is late."
        : `Momentum ${show(beta)}: the weights halve every ${half} and add up to ${total}; the noise variance falls by ${size}, ${measured}; gain ${gain} at ${omega} radians per step, ${late} late.`,
    );
  };
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "What a moving average lets through: slow waves, fast ones, noise",
    python,
  });
  fig.pictures.classList.add("lf-halves");
  const compute = computer();
  let drawn = compute(fig.snapshot());
  const time = addTime(fig),
    weights = addWeights(fig),
    gains = addGains(fig, () => drawn),
    correct = addControls(fig),
    tell = addReadouts(fig);

  fig.draw(() => {
    const state = fig.snapshot(),
      sum = state.form === "sum",
      look = sum ? "momentum" : "averaged";
    drawn = compute(state);
    correct.tick.disabled = sum;
    drawTime(time, state, drawn, look);
    drawWeights(weights, drawn, look);
    drawGains(gains, state.beta, drawn, look);
    tell(drawn, state.beta);
  });
  fig.numbers(() => ({
    clean: Array.from(drawn.clean),
    gradients: Array.from(drawn.gradients),
    filtered: Array.from(drawn.filtered),
    weights: Array.from(drawn.weights),
    half_life: drawn.halfLife,
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
