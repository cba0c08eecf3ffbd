// Adam line by line: each of its lines with a switch, on one path. Python side: momentum_lib/widgets/ingredients.py

import { clamp, h, many, pythonFloat, show } from "./kit/dom.js";
import { descend } from "./kit/engine.js";
import { equation } from "./kit/equation.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { LEARNING_RATE } from "./kit/sliders.js";
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

// ------------------------------------------------------------------------------------------------------ the figure

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} IngredientsFigure */
/** @typedef {import("./kit/types.js").Box} Box */
/** @typedef {ReturnType<typeof addPlane>} Plane */
/** @typedef {ReturnType<typeof addLengths>} Lengths */
/** @typedef {ReturnType<typeof compute>} Drawn */

/** @param {State} state @returns {Parts} */
const partsOf = ({ momentum, ruler, correct_m, correct_s, decay }) => ({
  momentum,
  ruler,
  correct_m,
  correct_s,
  decay,
});
const PARTS = /** @type {(keyof Parts)[]} */ (Object.keys(ADAM));
/** Whether nothing is left out of Adam, nor added to it. @param {Parts} parts */
const isAdam = (parts) => PARTS.every((part) => parts[part] === ADAM[part]);
/** The family whose look the path has. @param {Parts} parts */
const lookOf = ({ ruler, momentum }) => (ruler ? "adaptive" : momentum ? "averaged" : "gradient");
/** @param {IngredientsFigure} fig @returns {Box} */
const frameOf = (fig) => SURFACES[FIELDS[fig.get("surface")].surface].domain;

/** @param {State} state */
function python(state) {
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
}

/** A path with these ingredients, and the length of its steps. @param {State} state @param {Parts} parts */
function runOf(state, parts) {
  const { surface, start, steps } = state,
    { surface: field, params } = FIELDS[surface],
    { rule, hyper } = recipe(parts, steps, state);
  const run = descend(RULES[rule], SURFACES[field], { start, steps, hyper, params }),
    points = run.points.slice(0, 2 * (run.n + 1));
  return {
    points,
    strides: strides(points),
    loss: run.divergedAt ? null : run.values[run.n],
    divergedAt: run.divergedAt,
    n: run.n,
  };
}
/** @typedef {ReturnType<typeof runOf>} Run */

/** The reader's recipe beside complete Adam. @param {State} state */
function compute(state) {
  const parts = partsOf(state),
    own = runOf(state, parts);
  return {
    ...own,
    whole: runOf(state, ADAM),
    name: knownAs(parts),
    first: own.n ? [0, 1].map((k) => own.strides[k] / (parts.ruler ? state.lr : 1)) : null,
  };
}

/** The start lies in the picture, whatever an address says. @param {IngredientsFigure} fig */
function keepStartInside(fig) {
  const stayInside = () => {
    const [x, y] = fig.get("start"),
      [[left, right], [low, high]] = frameOf(fig);
    fig.set({ start: [clamp(x, left, right), clamp(y, low, high)] });
  };
  stayInside();
  fig.watch((names) => {
    if (names.includes("surface") || names.includes("start")) stayInside();
  });
}

/** The paths from above. @param {IngredientsFigure} fig */
function addPlane(fig) {
  const [x, y] = frameOf(fig);
  const plot = fig.plot({
    label: "The surface seen from above, the path of your recipe and that of complete Adam",
    x: { domain: x, hidden: true },
    y: { domain: y, hidden: true },
    equal: true,
    height: (width) => clamp(width * 0.72, 230, 360),
    margin: { top: 1, right: 1, bottom: 1, left: 1 },
  });
  const startAt = (/** @type {number} */ a, /** @type {number} */ b) =>
    fig.set({ start: [Number(a.toPrecision(4)), Number(b.toPrecision(4))] });
  const parts = {
    plot,
    contours: plot.contours({ count: 9, cells: 150 }),
    minimum: plot.marks({ class: "lf-minimum", shape: "cross", radius: 4, layer: "front" }),
    whole: plot.line({ look: "ink", class: "lf-whole" }),
    mine: plot.line({ class: "lf-mine", path: true }),
    dots: plot.marks({ radius: 2.4 }),
    handle: plot.handle({
      label: "Start of the paths",
      starts: true,
      bounds: () => frameOf(fig),
      set: startAt,
    }),
  };
  plot.onPick(startAt);
  return parts;
}

/** The length of each step along each coordinate. @param {IngredientsFigure} fig */
function addLengths(fig) {
  const plot = fig.plot({
    label: "Length of each step along x and along y",
    x: { domain: [0, 80], label: "step", count: 4 },
    y: { type: "log", domain: [1e-3, 1], label: "length of the step", count: 4 },
    height: (width) => clamp(width * 0.86, 200, 300),
    margin: { top: 26, left: 42, right: 12 },
  });
  return {
    plot,
    level: plot.line({ class: "lf-guide", layer: "back" }),
    levelName: plot.text({ class: "lf-direct", anchor: "end" }),
    wholes: [0, 1].map(() => plot.line({ look: "ink", class: "lf-whole" })),
    mines: [0, 1].map((k) => plot.line({ class: k ? "lf-mine lf-along-y" : "lf-mine" })),
    key: plot.key(),
  };
}

/** The rule's lines, each with its switch; returns what tells them as they now run. @param {IngredientsFigure} fig */
function addRecipe(fig) {
  const list = h("div", { class: "lf-recipe", role: "group", "aria-label": "Adam's lines" });
  fig.controls.before(list);
  const rows = Object.entries(WORDS).map(([key, words], k) => {
    const part = /** @type {keyof Parts} */ (key),
      tick = h("input", { type: "checkbox", "aria-label": words.name }),
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
    return { part, k, node, tick, line, text, shown: "" };
  });
  return (/** @type {Parts} */ parts) => {
    for (const row of rows) tellRow(row, parts);
  };
}

/** Whether a line has nothing to work on. @param {keyof Parts} part @param {Parts} parts */
const isNeedless = (part, { momentum, ruler }) =>
  part === "correct_m" ? !momentum : !ruler && (part === "correct_s" || part === "decay");

/** A line as the rule prints it; the last one is that of the rule which the ingredients make. @param {keyof Parts} part @param {number} k @param {Parts} parts */
function lineOf(part, k, { ruler, decay }) {
  if (part !== "decay") return RULES.adamw.lines[k];
  const { lines } = RULES[!ruler ? "averaged_momentum" : decay ? "adamw" : "adam"];
  return lines[lines.length - 1];
}

/**
 * What is on as the rule prints it, what is off struck out, with what it comes to.
 * @param {{part: keyof Parts, k: number, node: HTMLElement, tick: HTMLInputElement, line: HTMLElement, text: HTMLElement, shown: string}} row
 * @param {Parts} parts
 */
function tellRow(row, parts) {
  const { part } = row,
    needless = isNeedless(part, parts),
    on = parts[part] && !needless,
    line = lineOf(part, row.k, parts);
  row.tick.checked = on;
  row.tick.disabled = needless;
  row.node.classList.toggle("is-off", !on && part !== "decay");
  row.text.textContent = needless ? NEEDLESS[part] : on ? WORDS[part].on : WORDS[part].off;
  if (row.shown === line) return;
  row.shown = line;
  row.line.replaceChildren(equation(line));
}

/** @param {IngredientsFigure} fig */
function addControls(fig) {
  fig.select({
    name: "surface",
    label: "surface",
    options: Object.entries(FIELDS).map(([value, { label }]) => ({ value, label })),
    set: (surface) => fig.set({ surface, ...FIELDS[surface].begin }),
  });
  const base = () => FIELDS[fig.get("surface")].begin;
  const fast = fig.slider({
    ...LEARNING_RATE,
    range: () => [base().lr / 20, base().lr * 10],
  });
  const slow = fig.slider({
    name: "rate",
    label: `${QUANTITIES.lr.name}, no ruler`,
    symbol: QUANTITIES.lr.symbol,
    type: "log",
    range: () => [base().rate / 20, base().rate * 10],
  });
  for (const { name, look } of /** @type {const} */ ([
    { name: "beta1", look: "momentum" },
    { name: "beta2", look: "adaptive" },
  ])) {
    const { name: label, symbol } = QUANTITIES[name];
    fig.slider({ name, label, symbol, look, type: "near-one", fold: true });
  }
  fig.slider({
    name: "weight_decay",
    label: QUANTITIES.weight_decay.name,
    symbol: QUANTITIES.weight_decay.symbol,
    fold: true,
  });
  fig.slider({ name: "steps", label: "steps", type: "log", fold: true });
  return { fast, slow };
}

/** @param {IngredientsFigure} fig */
function addReadouts(fig) {
  const sayName = fig.readout("this is"),
    sayFirst = fig.readout("first step"),
    sayLoss = fig.readout("loss at the end"),
    sayWhole = fig.readout("complete Adam’s");
  const loss = (/** @type {Run} */ run) =>
    run.loss === null ? `diverged at step ${run.divergedAt}` : show(run.loss);
  return (/** @type {Drawn} */ drawn, /** @type {State} */ state) => {
    const { ruler, steps } = state,
      isWhole = isAdam(partsOf(state)),
      eta = ruler ? "\u202fη" : "",
      [first, second] = drawn.first ?? [];
    sayName(drawn.name);
    sayFirst(drawn.first ? `${show(first)}${eta} along x, ${show(second)}${eta} along y` : "none");
    sayLoss(loss(drawn));
    sayWhole(loss(drawn.whole));
    fig.speak(
      `This is ${drawn.name}. Loss after ${many(steps, "step")}: ${loss(drawn)}${isWhole ? "" : `; complete Adam: ${loss(drawn.whole)}`}.`,
    );
  };
}

/** @param {Plane} plane @param {Box} frame @param {State} state @param {Drawn} drawn @param {{head: () => number, pen: () => number}} time */
function drawPlane({ plot, contours, minimum, whole, mine, dots, handle }, frame, state, drawn, time) {
  const { surface, start } = state,
    { surface: field, params } = FIELDS[surface],
    parts = partsOf(state);
  plot.setDomain(frame[0], frame[1]);
  contours.update((x, y) => SURFACES[field].value(x, y, params), surface);
  minimum.update(SURFACES[field].minima.flat());
  for (const part of [mine, dots]) part.node.setAttribute("data-look", lookOf(parts));
  if (isAdam(parts)) whole.clear();
  else whole.update(drawn.whole.points);
  mine.update(drawn.points, time.pen());
  dots.update(drawn.points, time.head());
  handle.update(start[0], start[1]);
}

/** The lengths along one coordinate, as a curve over the steps. @param {Float64Array} all @param {number} k */
const along = (all, k) =>
  Float64Array.from({ length: all.length }, (_, i) => (i % 2 ? Math.max(all[i - 1 + k], 1e-300) : i / 2 + 1));

/** @param {Lengths} lengths @param {State} state @param {Drawn} drawn @param {number} head */
function drawLengths({ plot, level, levelName, wholes, mines, key }, state, drawn, head) {
  const { lr, steps } = state,
    parts = partsOf(state);
  let high = 1e-6;
  for (const v of [...drawn.strides, ...drawn.whole.strides]) high = Math.max(high, v);
  const top = Math.ceil(Math.log10(Math.min(high, 1e3)));
  plot.setDomain([0, steps], [10 ** (top - 4), 10 ** top]);
  for (const part of mines) part.node.setAttribute("data-look", lookOf(parts));
  for (const k of [0, 1]) {
    mines[k].update(along(drawn.strides, k), Math.max(head - 1, 0));
    if (isAdam(parts)) wholes[k].clear();
    else wholes[k].update(along(drawn.whole.strides, k));
  }
  key.update(["solid: along x", "dashed: along y"].map((words) => ({ words, look: lookOf(parts) })));
  if (parts.ruler) {
    level.update([0, lr, steps, lr]);
    levelName.update(steps, lr, "η", -2, -5);
  } else for (const part of [level, levelName]) part.clear();
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Adam, line by line: take a line out and see what it was for",
    python,
  });
  fig.root.classList.add("lf-ingredients");
  keepStartInside(fig);
  const plane = addPlane(fig),
    lengths = addLengths(fig),
    tellLines = addRecipe(fig),
    { fast, slow } = addControls(fig),
    tell = addReadouts(fig);
  let drawn = compute(fig.snapshot());
  const time = fig.player({ length: () => drawn.n, seconds: () => Math.min(8, 2 + drawn.n / 25) });
  fig.onReset(() => time.end());

  fig.draw(() => {
    const state = fig.snapshot();
    drawn = compute(state);
    tellLines(partsOf(state));
    fast.node.hidden = !state.ruler;
    slow.node.hidden = state.ruler;
    drawPlane(plane, frameOf(fig), state, drawn, time);
    drawLengths(lengths, state, drawn, time.head());
    tell(drawn, state);
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
