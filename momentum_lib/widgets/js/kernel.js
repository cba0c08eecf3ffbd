// The shape of a memory: weights of past gradients, and one average beside them. Python side: momentum_lib/widgets/kernel.py

import { curve } from "./kit/curve.js";
import { clamp, many, pythonFloat, roundTo, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { choice, number } from "./kit/state.js";
import {
  ageAtEdge,
  ageAtNewest,
  ageAtNoise,
  betaAtMeanAge,
  twoMemories,
  weightAt,
} from "./generated/theory.js";

const SHOWN = 80,
  OLDEST = 100,
  BAR = 0.72,
  RATIOS = /** @type {[number, number]} */ ([0.05, 20]),
  ROW = 44,
  STRIP = 24; // pixels below the bars, where the balance stands

/** What is compared, in the order of theory's twoMemories. @type {Record<string, string>} */
export const SAME = {
  age: "mean age",
  newest: "newest gradient’s weight",
  edge: "stability edge",
  noise: "noise kept",
};

export const STATE = {
  shape: choice("two", ["one", "two", "ageing"]),
  age: number(19, 0, OLDEST),
  young: number(3, 0, OLDEST),
  old: number(35, 0, OLDEST),
  share: number(0.5, 0, 1),
  end: number(0, 0, 1),
  progress: number(0, 0, 1),
  same: choice("age", Object.keys(SAME)),
};

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} KernelFigure */
/** @typedef {ReturnType<typeof compute>} Drawn */
/** @typedef {ReturnType<typeof addWeights>} Weights */
/** @typedef {ReturnType<typeof addRatios>} Ratios */
/** @typedef {{age: number, newest: number, edge: number, noise: number}} Facts */

// ---------------------------------------------------------------------------------------------------- pure numbers

/** The memory now: share of the old average, mean age of the young, of the old. @param {State} state @returns {[number, number, number]} */
export function memory({ shape, age, young, old, share, end, progress }) {
  if (shape === "one") return [0, age, age];
  return [shape === "ageing" ? share + (end - share) * progress : share, young, old];
}

/** Mean age, newest weight, edge and noise of two averages. @param {number} share @param {number} young @param {number} old @returns {Facts} */
export function facts(share, young, old) {
  const [age, newest, edge, noise] = twoMemories(share, young, old);
  return { age, newest, edge, noise };
}

/** The mean age of the one average that has a number in common with a memory. @param {Facts} found @param {string} same */
export function alike({ age, newest, edge, noise }, same) {
  if (same === "newest") return Math.max(0, ageAtNewest(newest));
  if (same === "edge") return Math.max(0, ageAtEdge(edge));
  return same === "noise" ? Math.max(0, ageAtNoise(noise)) : age;
}

const ofAges = (/** @type {(k: number) => number} */ f) =>
  Float64Array.from({ length: SHOWN + 1 }, (_, k) => f(k));

/** All that is shown. @param {State} state */
export function compute(state) {
  const [share, young, old] = memory(state),
    found = facts(share, young, old),
    one = alike(found, state.same),
    weight = (/** @type {number} */ k) => (1 - share) * weightAt(k, young) + share * weightAt(k, old);
  return {
    share,
    young,
    old,
    weight,
    weights: ofAges(weight),
    aged: ofAges((k) => share * weightAt(k, old)),
    found,
    one,
    beside: facts(0, one, one),
    dashed: ofAges((k) => weightAt(k, one)),
  };
}

// ------------------------------------------------------------------------------------------------------------ words

/** A part in percent, as many digits as it needs; number and unit stay in one line. @param {number} part */
const percent = (part) => `${show(100 * part, part < 0.1 ? 2 : 3)}\u00a0%`;
/** @param {number} steps */
const inSteps = (steps) => many(steps, "step").replace(" ", "\u00a0");
/** How many times as much. @param {number} mine @param {number} other */
const ratioOf = (mine, other) => (other > 0 ? mine / other : mine > 0 ? Infinity : 1);

/** A number of SAME in its unit. @param {string} name @param {number} value */
const told = (name, value) =>
  name === "age" ? inSteps(value) : name === "edge" ? show(value) : percent(value);

/** The four numbers in words, in the order of SAME. @param {Facts} numbers */
const allTold = (numbers) =>
  Object.keys(SAME).map((name) => told(name, numbers[/** @type {keyof Facts} */ (name)]));

/** What the average beside it has in common. @type {Record<string, string>} */
const ALIKE = {
  age: "of the same mean age",
  newest: "with the same newest weight",
  edge: "with the same edge",
  noise: "that keeps as much noise",
};

/** What the state says. @param {State} state @param {Drawn} drawn */
export function sentence({ shape, same, progress }, { share, young, old, found, beside }) {
  const [age, newest, edge, noise] = allTold(found);
  const others = allTold(beside).slice(1).join(", ");
  if (shape === "one")
    return `One average, momentum ${show(betaAtMeanAge(young), 4)}: its mean age of ${age} says all the rest. The newest gradient counts ${newest}, the stability edge is ${edge}, and ${noise} of the noise variance is kept.`;
  const made = `a mean age of ${age}, made of ${show(young)} (${percent(1 - share)}) and ${show(old)} (${percent(share)})`,
    which = `one average ${ALIKE[same]}${same === "age" ? "" : `, of mean age ${show(beside.age)}`}`,
    begin = shape === "two" ? "A" + made.slice(1) : `At ${percent(progress)} of the run ${made}`;
  return `${begin}: the newest gradient counts ${newest}, the edge is ${edge}, the noise kept ${noise}. In ${which}: ${others}.`;
}

/** @param {State} state */
function python(state) {
  const [share, young, old] = memory(state);
  return `from momentum_lib import theory

shares, ages = [${pythonFloat(1 - share)}, ${pythonFloat(share)}], [${pythonFloat(young)}, ${pythonFloat(old)}]
weights = theory.kernel_weights(shares, ages, ${SHOWN + 1})
print(f"mean age {theory.mixture_age(shares, ages):.4g} steps, newest weight {theory.newest_weight(shares, ages):.4g}")
print(f"stability edge {theory.mixture_edge(shares, ages):.4g}, noise kept {theory.kept_noise(shares, ages):.4g}")
`;
}

// ------------------------------------------------------------------------------------------------------ the weights

/** A handle at the mean age of one of the averages. @param {KernelFigure} fig @param {import("./kit/types.js").Plot} plot @param {"age"|"young"|"old"} name @param {string} label */
const ageHandle = (fig, plot, name, label) =>
  plot.handle({
    label,
    axis: "x",
    look: "averaged",
    bounds: () => [
      [0, SHOWN],
      [0, 1],
    ],
    set: (age) => fig.set({ [name]: age < 0.05 ? 0 : roundTo(age) }),
    words: () => `${inSteps(fig.get(name))}, momentum ${show(betaAtMeanAge(fig.get(name)))}`,
  });

/** @param {KernelFigure} fig */
function addWeights(fig) {
  const plot = fig.plot({
    label: "Weight of a past gradient against its age, and where the weights balance",
    x: { domain: [-0.7, SHOWN], label: "steps ago", count: 8, format: (v) => (v < 0 ? "" : show(v)) },
    y: { domain: [0, 1], label: "weight of a past gradient", count: 4 },
    height: (width) => clamp(width * 0.46, 230, 340),
    margin: { top: 26, left: 46, right: 14 },
  });
  plot.box.classList.add("lf-wide");
  const parts = {
    plot,
    old: plot.line({ look: "averaged", class: "lf-bars lf-old" }),
    young: plot.line({ look: "averaged", class: "lf-bars" }),
    floor: plot.line({ class: "lf-floor" }),
    one: plot.line({ class: "lf-one" }),
    balance: plot.marks({ class: "lf-balance", shape: "triangle", radius: 6, layer: "front" }),
    newestName: plot.text({ class: "lf-direct" }),
    balanceName: plot.text({ class: "lf-direct" }),
    handles: {
      age: ageHandle(fig, plot, "age", "Mean age of the average"),
      young: ageHandle(fig, plot, "young", "Mean age of the first average"),
      old: ageHandle(fig, plot, "old", "Mean age of the second average"),
    },
    oneName: plot.text(),
    key: plot.key(),
  };
  return parts;
}

/** Bars from `low` to `high` of each age, as one path. @param {import("./kit/types.js").Plot} plot @param {(k: number) => number} low @param {(k: number) => number} high */
function bars(plot, low, high) {
  let text = "";
  for (let k = 0; k <= SHOWN; k++) {
    const foot = plot.y(low(k)),
      top = plot.y(high(k));
    if (foot - top < 0.05) continue;
    const left = plot.x(k - BAR / 2),
      wide = plot.x(k + BAR / 2) - left;
    text += `M${left.toFixed(2)},${foot.toFixed(2)}V${top.toFixed(2)}h${wide.toFixed(2)}V${foot.toFixed(2)}z`;
  }
  return text;
}

/** @param {Weights} weights @param {State} state @param {Drawn} drawn */
function drawWeights(weights, { shape, same }, drawn) {
  const { plot } = weights,
    top = 1.12 * Math.max(drawn.weights[0], drawn.dashed[0]),
    tall = plot.inner.bottom - plot.inner.top;
  plot.setDomain([-0.7, SHOWN], [(-top * STRIP) / Math.max(tall - STRIP, STRIP), top]);
  weights.old.path(
    bars(
      plot,
      () => 0,
      (k) => drawn.aged[k],
    ),
  );
  weights.young.path(
    bars(
      plot,
      (k) => drawn.aged[k],
      (k) => drawn.weights[k],
    ),
  );
  weights.floor.update([-0.7, 0, SHOWN, 0]);
  if (shape === "one") weights.one.clear();
  else weights.one.update(curve((k) => weightAt(k, drawn.one), [0, SHOWN], 160));
  drawBalance(weights, drawn);
  placeHandles(weights, shape, drawn);
  weights.newestName.update(0, drawn.weights[0], `newest: ${percent(drawn.found.newest)}`, 12, 4);
  const at = clamp(2.2 * drawn.one + 3, 6, 0.6 * SHOWN);
  if (shape === "one") weights.oneName.clear();
  else
    weights.oneName.update(at, weightAt(at, drawn.one), `one average, mean age ${show(drawn.one)}`, 8, -10);
  weights.key.update([
    ...(shape === "one"
      ? [{ words: "■ weights", look: "averaged" }]
      : [
          { words: `■ mean age ${show(drawn.young)}`, look: "averaged" },
          { words: `□ mean age ${show(drawn.old)}`, look: "averaged" },
          { words: `┅ one average ${ALIKE[same]}` },
        ]),
    { words: "▲ mean age: where they balance" },
  ]);
}

/** The triangle under the mean age; beyond the picture it stands at its edge. @param {Weights} weights @param {Drawn} drawn */
function drawBalance({ plot, balance, balanceName }, { found }) {
  const seen = clamp(found.age, 0, SHOWN - 0.6),
    low = plot.y.invert(plot.y(0) + 8),
    late = seen > 0.6 * SHOWN;
  balance.update([seen, low]);
  balanceName.anchor(late ? "end" : "start");
  balanceName.update(seen, low, `${inSteps(found.age)}${found.age > SHOWN ? " →" : ""}`, late ? -11 : 11, 5);
}

/** Each handle lies on the outline at its own age; those of another shape are taken out. @param {Weights} weights @param {string} shape @param {Drawn} drawn */
function placeHandles({ plot, handles }, shape, { young, old, weight }) {
  for (const [name, { node, update }] of Object.entries(handles)) {
    if ((name === "age") !== (shape === "one")) {
      node.remove();
      plot.grips.delete(node);
      continue;
    }
    if (!node.isConnected) plot.layers.front.append(node);
    const at = Math.min(name === "old" ? old : young, SHOWN);
    update(at, weight(at));
  }
}

// ------------------------------------------------------------------------------------------------------- the ratios

/** @param {KernelFigure} fig */
function addRatios(fig) {
  const rows = Object.keys(SAME),
    plot = fig.plot({
      label: "Four numbers of this memory as multiples of the one average’s",
      x: {
        type: "log",
        domain: RATIOS,
        ticks: () => [0.1, 0.3, 1, 3, 10],
        label: "times the one average’s",
        format: (v) => `×${show(v)}`,
      },
      y: { domain: [-0.55, rows.length - 0.45], hidden: true },
      later: true,
      height: () => ROW * rows.length + 46,
      margin: { top: 4, left: 12, right: 14 },
    });
  const guide = plot.line({ class: "lf-guide", layer: "back" });
  return {
    plot,
    guide,
    rows: rows.map((name) => ({
      name,
      title: plot.text({ class: "lf-direct" }),
      values: plot.text({ anchor: "end" }),
      line: plot.line({ look: "averaged", class: "lf-ratio" }),
      dot: plot.marks({ look: "averaged", radius: 5.5 }),
    })),
  };
}

/** @param {Ratios} ratios @param {State} state @param {Drawn} drawn */
function drawRatios({ guide, rows }, { same, shape }, { found, beside }) {
  guide.update([1, -0.55, 1, rows.length]);
  rows.forEach(({ name, title, values, line, dot }, k) => {
    const key = /** @type {keyof Facts} */ (name),
      ratio = ratioOf(found[key], beside[key]),
      seen = clamp(ratio, RATIOS[0] * 1.1, RATIOS[1] / 1.1),
      y = rows.length - 1 - k;
    title.update(RATIOS[0], y, `${SAME[name]}${name === same && shape !== "one" ? ": the same" : ""}`, 0, -6);
    const mine = told(name, found[key]),
      other = told(name, beside[key]);
    values.update(
      RATIOS[1],
      y,
      mine === other ? mine : `${mine} against ${other.replace(/\u00a0steps?/, "")}`,
      0,
      -6,
    );
    line.update([1, y - 0.16, seen, y - 0.16]);
    dot.update([seen, y - 0.16]);
  });
}

// -------------------------------------------------------------------------------------------------------- controls

/** @param {KernelFigure} fig */
function addControls(fig) {
  fig.segments({
    name: "shape",
    label: "memory",
    options: [
      { value: "one", label: "one" },
      { value: "two", label: "two" },
      { value: "ageing", label: "ageing" },
    ],
  });
  const same = fig.select({
      name: "same",
      label: "compare at the same",
      options: Object.entries(SAME).map(([value, label]) => ({ value, label })),
    }),
    share = fig.slider({
      name: "share",
      label: "share of the second",
      look: "averaged",
      words: (v) => percent(v),
    }),
    progress = fig.slider({ name: "progress", label: "part of the run", words: (v) => percent(v) }),
    end = fig.slider({
      name: "end",
      label: "share at the end of the run",
      fold: true,
      words: (v) => percent(v),
    }),
    ages = ["age", "young", "old"].map((name, k) =>
      fig.slider({
        name: /** @type {"age"|"young"|"old"} */ (name),
        label: ["mean age of the average", "mean age of the first", "mean age of the second"][k],
        unit: "steps",
        fold: true,
      }),
    );
  return (/** @type {string} */ shape) => {
    const alone = shape === "one";
    for (const { node } of [same, share, ages[1], ages[2]]) node.hidden = alone;
    for (const { node } of [progress, end]) node.hidden = shape !== "ageing";
    ages[0].node.hidden = !alone;
  };
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "A memory has a shape, and one number does not say it",
    python,
  });
  fig.root.classList.add("lf-kernel");
  let drawn = compute(fig.snapshot());
  const weights = addWeights(fig),
    ratios = addRatios(fig),
    suit = addControls(fig);
  fig.draw(() => {
    const state = fig.snapshot();
    drawn = compute(state);
    suit(state.shape);
    drawWeights(weights, state, drawn);
    drawRatios(ratios, state, drawn);
    fig.speak(sentence(state, drawn));
  });
  fig.numbers(() => ({
    weights: Array.from(drawn.weights),
    aged: Array.from(drawn.aged),
    dashed: Array.from(drawn.dashed),
    share: drawn.share,
    ...drawn.found,
    one: drawn.one,
    beside: drawn.beside,
  }));
  return fig.start();
}
