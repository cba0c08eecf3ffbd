// Adam line by line: each of its lines with a switch, on one path. Python side: momentum_lib/widgets/ingredients.py

import { clamp, h, pythonFloat, show } from "./kit/dom.js";
import { descend } from "./kit/engine.js";
import { equation } from "./kit/equation.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { choice, flag, integer, number, point } from "./kit/state.js";

/**
 * What the path runs on, and where a change to it begins.
 * @type {Record<string, {surface: string, params: Record<string, number>, python: string, label: string, begin: {start: [number, number], lr: number, rate: number, steps: number}}>}
 */
export const FIELDS = {
  ravine: {
    surface: "ravine",
    params: { kappa: 25, angle: 0 },
    python: "ravine(kappa=25)",
    label: "ravine along the axes",
    begin: { start: [-2.5, 1.5], lr: 0.2, rate: 0.07, steps: 80 },
  },
  turned: {
    surface: "ravine",
    params: { kappa: 25, angle: Math.PI / 4 },
    python: "ravine(kappa=25, angle=np.pi / 4)",
    label: "ravine turned by 45°",
    begin: { start: [-2.5, -0.6], lr: 0.2, rate: 0.07, steps: 80 },
  },
  rosenbrock: {
    surface: "rosenbrock",
    params: SURFACES.rosenbrock.params,
    python: "rosenbrock",
    label: "Rosenbrock’s valley",
    begin: { start: [-1.2, 1], lr: 0.2, rate: 0.003, steps: 200 },
  },
  beale: {
    surface: "beale",
    params: SURFACES.beale.params,
    python: "beale",
    label: "Beale’s function",
    begin: { start: [1, 1.5], lr: 0.2, rate: 0.02, steps: 120 },
  },
};

export const STATE = {
  surface: choice("ravine", Object.keys(FIELDS)),
  momentum: flag(true),
  ruler: flag(true),
  correct_m: flag(true),
  correct_s: flag(true),
  decay: flag(false),
  lr: number(0.2, 1e-4, 10),
  rate: number(0.07, 1e-5, 2),
  beta1: number(0.9, 0, 0.999),
  beta2: number(0.999, 0, 0.9999),
  weight_decay: number(0.2, 0, 2),
  start: point(
    [-2.5, 1.5],
    [
      [-4.5, 4.5],
      [-4.5, 4.5],
    ],
  ),
  steps: integer(80, 5, 400),
};

/** @typedef {{momentum: boolean, ruler: boolean, correct_m: boolean, correct_s: boolean, decay: boolean}} Parts */
export const ADAM = { momentum: true, ruler: true, correct_m: true, correct_s: true, decay: false };
const EPS = /** @type {number} */ (RULES.adamw.hyper.eps);

/**
 * The library's rule that has these ingredients, and its hyper-parameters. An average that is off has its beta at 0; a
 * start-up correction that is off is taken out by a schedule, because a correction is one.
 * @param {Parts} parts @param {number} steps
 * @param {{lr: number, rate: number, beta1: number, beta2: number, weight_decay: number}} setting
 * @returns {{rule: string, hyper: Record<string, number|Float64Array>}}
 */
export function recipe(parts, steps, { lr, rate, beta1: given, beta2, weight_decay }) {
  const beta1 = parts.momentum ? given : 0,
    each = (/** @type {(t: number) => number} */ f) =>
      Float64Array.from({ length: steps }, (_, k) => f(k + 1));
  const startM = (/** @type {number} */ t) => 1 - beta1 ** t,
    startS = (/** @type {number} */ t) => Math.sqrt(1 - beta2 ** t);
  if (!parts.ruler)
    return {
      rule: "averaged_momentum",
      hyper: { lr: each((t) => (parts.correct_m ? rate / startM(t) : rate)), beta: beta1 },
    };
  const bareM = parts.correct_m ? () => 1 : startM,
    bareS = parts.correct_s ? () => 1 : startS,
    scale = (/** @type {number} */ t) => bareM(t) / bareS(t);
  return {
    rule: "adamw",
    hyper: {
      lr: each((t) => lr * scale(t)),
      beta1,
      beta2,
      eps: each((t) => EPS / bareS(t)),
      weight_decay: each((t) => (parts.decay ? weight_decay / scale(t) : 0)),
    },
  };
}

/** What these ingredients are called. @param {Parts} parts */
export function knownAs({ momentum, ruler, correct_m, correct_s, decay }) {
  if (!ruler)
    return !momentum ? "gradient descent" : correct_m ? "averaged momentum, corrected" : "averaged momentum";
  if (!momentum) return (correct_s ? "RMSProp, corrected" : "RMSProp") + (decay ? ", with decay" : "");
  if (correct_m && correct_s) return decay ? "AdamW" : "Adam";
  return `Adam, ${correct_m ? "s " : correct_s ? "m " : ""}not corrected${decay ? ", with decay" : ""}`;
}

/** The length of each step along each coordinate, as x1, y1, x2, y2, ... @param {ArrayLike<number>} points */
export const strides = (points) =>
  Float64Array.from({ length: Math.max(points.length - 2, 0) }, (_, k) =>
    Math.abs(points[k + 2] - points[k]),
  );

/** A switch's line: what it is for, and what stands there when it is off. @type {Record<keyof Parts, {on: string, off: string, name: string}>} */
const WORDS = {
  momentum: {
    name: "momentum",
    on: "momentum: an average of gradients",
    off: "off: m is the gradient, β₁ = 0",
  },
  ruler: {
    name: "a ruler for every coordinate",
    on: "a ruler for every coordinate",
    off: "off: one ruler for all",
  },
  correct_m: {
    name: "start-up correction of m",
    on: "m starts at 0: lift it",
    off: "off: m̂ is m, too small at first",
  },
  correct_s: {
    name: "start-up correction of s",
    on: "s starts at 0: lift it, too",
    off: "off: ŝ is s, too small at first",
  },
  decay: {
    name: "decoupled weight decay",
    on: "with weight decay, outside the ratio",
    off: "the step; tick for weight decay",
  },
};

/** What stands beside a line that has nothing to work on. @type {Record<string, string>} */
const NEEDLESS = {
  correct_m: "nothing to lift: m is the gradient",
  correct_s: "off: no s, no ŝ",
  decay: "the step, without s",
};

/** @param {{model: import("./kit/types.js").Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const partsOf = (/** @type {any} */ { momentum, ruler, correct_m, correct_s, decay }) => ({
    momentum,
    ruler,
    correct_m,
    correct_s,
    decay,
  });
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Adam, line by line: take a line out and see what it was for",
    python: (state) => {
      const { surface, start, steps, lr, rate, beta1, beta2, weight_decay } = state,
        parts = partsOf(state),
        b1 = parts.momentum ? pythonFloat(beta1) : "0.0";
      const lift = parts.correct_m ? "1" : "start_m",
        ruled = parts.correct_s ? "1" : "start_s";
      const call = parts.ruler
        ? `scale = ${lift} / ${ruled} * np.ones(${steps})  # a correction left out is a schedule of the rate
path = descend(rules.adamw, f, start=start, steps=${steps}, lr=${pythonFloat(lr)} * scale, beta1=${b1}, beta2=${pythonFloat(beta2)},
               eps=1e-8 / ${ruled} * np.ones(${steps}), weight_decay=${parts.decay ? pythonFloat(weight_decay) : "0.0"} / scale)`
        : `path = descend(rules.averaged_momentum, f, start=start, steps=${steps}, lr=${pythonFloat(rate)}${parts.correct_m ? " / start_m" : ""}, beta=${b1})`;
      return `import numpy as np
from momentum_lib import descend, rules, surfaces

f = surfaces.${FIELDS[surface].python}
start, t = [${start.map(pythonFloat).join(", ")}], np.arange(1, ${steps + 1})
start_m, start_s = 1 - ${b1}**t, np.sqrt(1 - ${pythonFloat(beta2)}**t)
${call}
print(path)
`;
    },
  });
  fig.root.classList.add("lf-ingredients");
  const frame = () =>
    /** @type {[[number, number], [number, number]]} */ (SURFACES[FIELDS[fig.get("surface")].surface].domain);
  /** The start lies in the picture, whatever an address says. */
  const stayInside = () => {
    const [x, y] = fig.get("start"),
      [[left, right], [low, high]] = frame();
    fig.set({ start: [clamp(x, left, right), clamp(y, low, high)] });
  };
  stayInside();
  fig.watch((names) => {
    if (names.includes("surface") || names.includes("start")) stayInside();
  });

  // ---- pictures: the paths; beside them the length of each step along each coordinate
  const plane = fig.plot({
    label: "The surface seen from above, the path of your recipe and that of complete Adam",
    x: { domain: frame()[0], hidden: true },
    y: { domain: frame()[1], hidden: true },
    equal: true,
    height: (width) => clamp(width * 0.72, 230, 360),
    margin: { top: 1, right: 1, bottom: 1, left: 1 },
  });
  const contours = plane.contours({ count: 9, cells: 150 }),
    minimum = plane.marks({ class: "lf-minimum", shape: "cross", radius: 4, layer: "front" });
  const whole = plane.line({ look: "ink", class: "lf-whole" }),
    mine = plane.line({ class: "lf-mine" }),
    dots = plane.marks({ radius: 2.4 });
  const lengths = fig.plot({
    label: "Length of each step along x and along y",
    x: { domain: [0, 80], label: "step", count: 4 },
    y: { type: "log", domain: [1e-3, 1], label: "length of the step", count: 4 },
    height: (width) => clamp(width * 0.86, 200, 300),
    margin: { top: 26, left: 42, right: 12 },
  });
  const level = lengths.line({ class: "lf-guide", layer: "back" }),
    levelName = lengths.text({ class: "lf-direct", anchor: "end" });
  const wholes = [0, 1].map(() => lengths.line({ look: "ink", class: "lf-whole" })),
    mines = [0, 1].map((k) => lengths.line({ class: k ? "lf-mine lf-along-y" : "lf-mine" }));
  const names = [0, 1].map(() => lengths.text({ class: "lf-direct" }));
  const handle = plane.handle({
    label: "Start of the paths",
    bounds: frame,
    set: (x, y) => fig.set({ start: [Number(x.toPrecision(4)), Number(y.toPrecision(4))] }),
  });
  plane.onPick((x, y) => fig.set({ start: [Number(x.toPrecision(4)), Number(y.toPrecision(4))] }));

  // ---- the rule's lines, each with its switch
  const list = h("div", { class: "lf-recipe", role: "group", "aria-label": "Adam's lines" });
  fig.controls.before(list);
  const rows = Object.entries(WORDS).map(([part, words], k) => {
    const tick = h("input", { type: "checkbox", "aria-label": words.name }),
      line = h("span", { class: "lf-recipe-line" }),
      text = h("span", { class: "lf-recipe-words" });
    const node = h(
      "label",
      { class: "lf-recipe-row", "data-part": part, "data-control": part },
      tick,
      line,
      text,
    );
    fig.life.on(tick, "change", () => fig.set({ [part]: tick.checked }));
    list.append(node);
    return { part: /** @type {keyof Parts} */ (part), k, node, tick, line, text, shown: "" };
  });

  // ---- controls
  fig.select({
    name: "surface",
    label: "surface",
    options: Object.entries(FIELDS).map(([value, { label }]) => ({ value, label })),
    set: (surface) => fig.set({ surface, ...FIELDS[surface].begin }),
  });
  const base = () => FIELDS[fig.get("surface")].begin;
  const fast = fig.slider({
    name: "lr",
    label: QUANTITIES.lr.name,
    symbol: QUANTITIES.lr.symbol,
    type: "log",
    range: () => [base().lr / 20, base().lr * 10],
  });
  const slow = fig.slider({
    name: "rate",
    label: `${QUANTITIES.lr.name}, no ruler`,
    symbol: QUANTITIES.lr.symbol,
    type: "log",
    range: () => [base().rate / 20, base().rate * 10],
  });
  fig.slider({
    name: "beta1",
    label: QUANTITIES.beta1.name,
    symbol: QUANTITIES.beta1.symbol,
    look: "momentum",
    type: "near-one",
    fold: true,
  });
  fig.slider({
    name: "beta2",
    label: QUANTITIES.beta2.name,
    symbol: QUANTITIES.beta2.symbol,
    look: "adaptive",
    type: "near-one",
    fold: true,
  });
  fig.slider({
    name: "weight_decay",
    label: QUANTITIES.weight_decay.name,
    symbol: QUANTITIES.weight_decay.symbol,
    fold: true,
  });
  fig.slider({ name: "steps", label: "steps", type: "log", fold: true });
  const sayName = fig.readout("this is"),
    sayFirst = fig.readout("first step"),
    sayLoss = fig.readout("loss at the end"),
    sayWhole = fig.readout("complete Adam’s");
  const time = fig.player({ length: () => drawn.n, seconds: () => Math.min(8, 2 + drawn.n / 25) });
  fig.onReset(() => time.end());

  // ---- numbers
  let drawn = /** @type {any} */ ({ n: 0 });
  function compute() {
    const state = fig.snapshot(),
      { surface, start, steps } = state,
      { surface: field, params } = FIELDS[surface];
    const run = (/** @type {Parts} */ parts) => {
      const { rule, hyper } = recipe(parts, steps, /** @type {any} */ (state)),
        { points, values, divergedAt, n } = descend(RULES[rule], SURFACES[field], {
          start,
          steps,
          hyper,
          params,
        });
      return {
        points: points.slice(0, 2 * (n + 1)),
        strides: strides(points.slice(0, 2 * (n + 1))),
        loss: divergedAt ? null : values[n],
        divergedAt,
        n,
      };
    };
    const parts = partsOf(state),
      own = run(parts),
      all = run(ADAM);
    drawn = {
      ...own,
      whole: all,
      name: knownAs(parts),
      first: own.n ? [0, 1].map((k) => own.strides[k] / (parts.ruler ? state.lr : 1)) : null,
    };
  }
  /** The lines as they now run: what is on as the rule prints it, what is off struck out, with what it comes to. @param {Parts} parts */
  function tell(parts) {
    const last = (/** @type {string} */ rule) => /** @type {string} */ (RULES[rule].lines.at(-1));
    for (const row of rows) {
      const needless =
          row.part === "correct_m"
            ? !parts.momentum
            : !parts.ruler && (row.part === "correct_s" || row.part === "decay"),
        on = parts[row.part] && !needless;
      const line =
        row.part !== "decay"
          ? RULES.adamw.lines[row.k]
          : !parts.ruler
            ? last("averaged_momentum")
            : last(parts.decay ? "adamw" : "adam");
      const words = needless ? NEEDLESS[row.part] : on ? WORDS[row.part].on : WORDS[row.part].off;
      row.tick.checked = on;
      row.tick.disabled = needless;
      row.node.classList.toggle("is-off", !on && row.part !== "decay");
      row.text.textContent = words;
      if (row.shown !== line) {
        row.shown = line;
        row.line.replaceChildren(equation(line));
      }
    }
  }

  fig.draw(() => {
    compute();
    const state = fig.snapshot(),
      { surface, start, lr, steps } = state,
      parts = partsOf(state),
      { surface: field, params } = FIELDS[surface],
      [xs, ys] = frame();
    const look = parts.ruler ? "adaptive" : parts.momentum ? "averaged" : "gradient",
      complete = Object.keys(ADAM).every(
        (name) => /** @type {any} */ (parts)[name] === /** @type {any} */ (ADAM)[name],
      );
    tell(parts);
    fast.node.hidden = !parts.ruler;
    slow.node.hidden = parts.ruler;
    plane.setDomain(xs, ys);
    contours.update((x, y) => SURFACES[field].value(x, y, params), surface);
    minimum.update(SURFACES[field].minima.flat());
    for (const part of [mine, dots, ...mines, ...names]) part.node.setAttribute("data-look", look);
    const head = time.head(),
      pen = time.pen();
    if (complete) whole.clear();
    else whole.update(drawn.whole.points);
    mine.update(drawn.points, pen);
    dots.update(drawn.points, head);
    handle.update(start[0], start[1]);

    let high = 1e-6;
    for (const v of [...drawn.strides, ...drawn.whole.strides]) high = Math.max(high, v);
    const top = Math.ceil(Math.log10(Math.min(high, 1e3)));
    lengths.setDomain([0, steps], [10 ** (top - 4), 10 ** top]);
    const along = (/** @type {Float64Array} */ all, /** @type {number} */ k) =>
      Float64Array.from({ length: all.length }, (_, i) =>
        i % 2 ? Math.max(all[i - 1 + k], 1e-300) : i / 2 + 1,
      );
    for (const k of [0, 1]) {
      const line = along(drawn.strides, k);
      mines[k].update(line, Math.max(head - 1, 0));
      if (complete) wholes[k].clear();
      else wholes[k].update(along(drawn.whole.strides, k));
    }
    names[0].update(steps, 10 ** top, "solid: along x", 0, -6);
    names[1].update(steps, 10 ** top, "dashed: along y", 0, 10);
    for (const name of names) name.node.setAttribute("text-anchor", "end");
    if (parts.ruler) {
      level.update([0, lr, steps, lr]);
      levelName.update(steps, lr, "η", -2, -5);
    } else {
      level.clear();
      levelName.clear();
    }

    const loss = (/** @type {any} */ run) =>
      run.divergedAt ? `diverged at step ${run.divergedAt}` : show(run.loss);
    sayName(drawn.name);
    const eta = parts.ruler ? "\u202fη" : "";
    sayFirst(
      drawn.first ? `${show(drawn.first[0])}${eta} along x, ${show(drawn.first[1])}${eta} along y` : "none",
    );
    sayLoss(loss(drawn));
    sayWhole(loss(drawn.whole));
    fig.speak(
      `This is ${drawn.name}. Loss after ${steps} steps: ${loss(drawn)}; complete Adam: ${loss(drawn.whole)}.`,
    );
  });
  fig.numbers(() => ({
    name: drawn.name,
    path: Array.from(drawn.points),
    whole: Array.from(drawn.whole.points),
    strides: Array.from(drawn.strides),
    wholeStrides: Array.from(drawn.whole.strides),
    first: drawn.first,
    loss: drawn.loss,
    wholeLoss: drawn.whole.loss,
    divergedAt: drawn.divergedAt || null,
    head: time.head(),
  }));
  return fig.start();
}
