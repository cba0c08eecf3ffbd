// The record browser: curves of recorded runs, the mean over the seeds in the band of all seeds.
// Python side: momentum_lib/widgets/curves.py

import { clamp, h, pythonFloat, s, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { filter } from "./kit/measure.js";
import { halfLife } from "./generated/theory.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { between, pathData, ticks } from "./kit/geometry.js";
import { choice, flag, name, number, runs } from "./kit/state.js";

export const STATE = {
  runs: runs(),
  experiment: name(""),
  rule: name(""),
  sides: name(""),
  beta: number(0, 0, 0.995),
  axes: choice("linear", ["linear", "log loss", "log both"]),
  quantity: choice("training", ["training", "held out"]),
  losing: flag(false),
  at: number(1, 0, 1),
};

/** @typedef {{name: string, title: string, group: string, of: string, look: string, dash: string, lr: number, training: number[][], held_out: number[][], ends: (number|null)[], tried: [number, number[], number|null][]}} Side */
/** @typedef {{title: string, steps: number[], held_steps: number[], sides: Side[]}} Part */

// ---------------------------------------------------------------------------------------------------- pure numbers

/** The bias-corrected moving average of chapter 2. @param {ArrayLike<number>} values @param {number} beta */
export const smooth = (values, beta) =>
  filter(RULES.averaged_momentum, values, beta).map((kept, k) => kept / (1 - beta ** (k + 1)));

/** Mean, lowest and highest of curves, point by point, as far as all of them go. @param {number[][]} curves */
export function together(curves) {
  const n = Math.min(...curves.map((curve) => curve.length)),
    at = (/** @type {(values: number[]) => number} */ f) =>
      Float64Array.from({ length: n }, (_, k) => f(curves.map((curve) => curve[k])));
  return {
    mean: at((values) => values.reduce((a, b) => a + b, 0) / values.length),
    low: at((values) => Math.min(...values)),
    high: at((values) => Math.max(...values)),
  };
}

/** The part on show and the sides of one rule: `all` of them, and those `drawn`. @param {Record<string, any>} state */
export function chosen(state) {
  const part = /** @type {Part} */ (
    state.runs[state.experiment] ?? state.runs[Object.keys(state.runs).sort()[0]]
  );
  const groups = [...new Set(part.sides.map((side) => side.group))],
    group = groups.includes(state.rule) ? state.rule : groups[0];
  const all = part.sides.filter((side) => side.group === group),
    wanted = state.sides.split(","),
    drawn = all.filter((side) => wanted.includes(side.name));
  return { part, groups, group, all, drawn: drawn.length ? drawn : all };
}

/** Mean and standard deviation of the ends that are there. @param {(number|null)[]} ends */
function spread(ends) {
  const found = /** @type {number[]} */ (ends.filter((end) => end !== null)),
    n = found.length,
    mean = n ? found.reduce((a, b) => a + b, 0) / n : null;
  return {
    end: mean,
    sd: n > 1 && mean !== null ? Math.sqrt(found.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1)) : null,
    diverged: ends.length - n,
  };
}

/** What is drawn of each side, and the steps it is drawn at. @param {Record<string, any>} state */
export function compute(state) {
  const { part, drawn } = chosen(state),
    training = state.quantity === "training",
    steps = training ? part.steps : part.held_steps,
    { beta } = state;
  const sides = drawn.map((side) => {
    const raw = together(training ? side.training : side.held_out);
    return {
      name: side.name,
      title: side.title,
      mean: smooth(raw.mean, beta),
      low: smooth(raw.low, beta),
      high: smooth(raw.high, beta),
      raw: raw.mean,
      ...spread(side.ends),
      losers:
        state.losing && training
          ? side.tried.filter(([lr]) => lr !== side.lr).map(([, curve]) => smooth(curve, beta))
          : [],
    };
  });
  return {
    steps,
    sides,
    half_life: beta && steps.length > 1 ? halfLife(beta) * (steps[1] - steps[0]) : 0,
  };
}

/** Round values on a log axis of less than a power of ten or of many: the richest kind of which at most `count` fit. @param {number} low @param {number} high @param {number} count */
export function roundTicks(low, high, count) {
  if (high < 1.6 * low) return ticks(low, high, count);
  for (const kind of [
    [1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8],
    [1, 1.5, 2, 3, 4, 5, 7],
    [1, 2, 5],
    [1],
  ]) {
    const found = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.log10(high); e++)
      for (const m of kind)
        if (m * 10 ** e >= low && m * 10 ** e <= high) found.push(Number((m * 10 ** e).toPrecision(6)));
    if (found.length <= Math.max(count, 3)) return found;
  }
  return ticks(low, high, count);
}

/** The ends of the loss axis: all bands, with a little room; what flies off above the first values is cut. @param {{mean: Float64Array, low: Float64Array, high: Float64Array}[]} sides @param {boolean} log @returns {Pair} */
function limits(sides, log) {
  const there = sides.filter((side) => side.mean.length),
    low = Math.min(...there.map((side) => Math.min(...side.low))),
    high = Math.max(...there.map((side) => side.high[0]));
  const room = 0.06 * (high - low) || 0.1;
  return log ? [low / 1.05, high * 1.05] : [low - room, high + room];
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @typedef {import("./kit/types.js").Pair} Pair */
/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} CurvesFigure */
/** @typedef {import("./kit/types.js").Line} Line */
/** @typedef {ReturnType<typeof compute>} Drawn */
/** @typedef {Drawn["sides"][number]} DrawnSide */
/** @typedef {ReturnType<typeof addPicture>} Picture */
/** @typedef {ReturnType<typeof createCursor>} Cursor */

/** Whether a part is the library's own example, not a record. @param {Part} part */
const isExample = ({ title }) => title.endsWith(", example");

/** @param {State} state */
function python(state) {
  const { part } = chosen(state),
    file = part.title.replace(", ", "-"),
    made = isExample(part);
  const given = Object.entries({
    experiment: part.title,
    rule: state.rule,
    sides: state.sides,
    axes: state.axes,
    quantity: state.quantity,
  })
    .map(([key, value]) => `    ${key}=${JSON.stringify(value)},\n`)
    .join("");
  return `from momentum_lib.widgets import Curves
${
  made
    ? ""
    : `from momentum_lib import records
from momentum_lib.widgets.curves import excerpts
`
}
figure = Curves(
${made ? "" : `    runs=excerpts(records.load("${file}")),  # a file of notebooks/records\n`}${given}    beta=${pythonFloat(state.beta)}, at=${pythonFloat(state.at)}, losing=${state.losing ? "True" : "False"},
)
print(figure.alt())
`;
}

/** The picture, whose axes change with what is shown. @param {CurvesFigure} fig */
function addPicture(fig) {
  const xAxis = /** @type {import("./kit/types.js").Axis} */ ({ domain: [0, 1], label: "step" }),
    yAxis = /** @type {import("./kit/types.js").Axis} */ ({ domain: [0, 1], label: "loss" });
  const plot = fig.plot({
    label: "Loss against the step, one curve a side",
    x: xAxis,
    y: yAxis,
    height: (width) => clamp(width * 0.5, 250, 400),
    margin: { top: 26, left: 42, right: 14 },
  });
  return {
    plot,
    xAxis,
    yAxis,
    shaped: "",
    cursor: plot.line({ class: "lf-guide", layer: "back" }),
    at: plot.marks({ look: "ink", shape: "ring", radius: 3.5, layer: "front" }),
    /** A side's lines, made when so many are first shown. */
    lines: /** @type {Record<"band"|"losers"|"raw"|"mean", Line>[]} */ ([]),
  };
}

/**
 * The step at which the losses are read: where the pointer hovers, else where the handle stands.
 * @param {CurvesFigure} fig
 * @param {Picture} picture
 * @param {() => Drawn} drawn
 */
function createCursor(fig, { plot }, drawn) {
  const pointer = { over: /** @type {number|null} */ (null) };
  const last = () => drawn().steps.length - 1,
    own = () => Math.round(fig.get("at") * last());
  /** The point whose step is nearest on the screen. @param {number} step */
  const nearest = (step) => {
    const { steps } = drawn(),
      far = (/** @type {number} */ k) => Math.abs(plot.x(steps[k]) - plot.x(step));
    let best = 0;
    for (let k = 1; k < steps.length; k++) if (far(k) < far(best)) best = k;
    return best;
  };
  return {
    own,
    last,
    nearest,
    index: () => Math.min(pointer.over ?? own(), last()),
    /** @param {number} k */
    go: (k) => fig.set({ at: last() > 0 ? clamp(k, 0, last()) / last() : 1 }),
    /** @param {number|null} k */
    hover(k) {
      if (k === pointer.over) return;
      pointer.over = k;
      fig.redraw();
    },
    forget() {
      pointer.over = null;
    },
  };
}

/** What a side's curve says at the cursor. @param {DrawnSide} side @param {number} k */
const valueAt = ({ mean }, k) => (k < mean.length ? show(mean[k], 4) : "diverged");
/** All of them. @param {Drawn} drawn @param {number} k */
const valuesAt = ({ sides }, k) => sides.map((side) => `${side.title} ${valueAt(side, k)}`).join(", ");

/** The handle of the cursor; clicks and hovering do the same. @param {CurvesFigure} fig @param {Picture} picture @param {Cursor} cursor @param {() => Drawn} drawn */
function addHandle(fig, { plot, yAxis }, cursor, drawn) {
  const go = (/** @type {number} */ step) => cursor.go(cursor.nearest(step));
  const handle = plot.handle({
    label: "The step at which the losses are read",
    axis: "x",
    bounds: () => [[drawn().steps[0], drawn().steps[cursor.last()]], yAxis.domain],
    set: go,
    words: () => `step ${drawn().steps[cursor.index()]}: ${valuesAt(drawn(), cursor.index())}`,
  });
  plot.onPick(go);
  fig.life.on(plot.svg, "pointermove", (event) => {
    if (event.pointerType === "touch") return;
    const box = plot.svg.getBoundingClientRect(),
      { left, right, top, bottom } = plot.inner,
      x = event.clientX - box.left,
      y = event.clientY - box.top,
      inside = x >= left && x <= right && y >= top && y <= bottom;
    cursor.hover(inside && !event.buttons ? cursor.nearest(plot.x.invert(x)) : null);
  });
  fig.life.on(plot.svg, "pointerleave", () => cursor.hover(null));
  fig.life.on(handle.node, "keydown", (event) => onKey(event, cursor), { capture: true });
  return handle;
}

/** One key, one point: a hundredth of the axis, as elsewhere, could stay on the same point for ever. @param {KeyboardEvent} event @param {Cursor} cursor */
function onKey(event, cursor) {
  const last = cursor.last(),
    by = /** @type {Record<string, number>} */ ({
      ArrowLeft: -1,
      ArrowDown: -1,
      ArrowRight: 1,
      ArrowUp: 1,
      PageDown: -10,
      PageUp: 10,
      Home: -last,
      End: last,
    })[event.key];
  if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  cursor.forget();
  cursor.go(cursor.own() + by * (event.shiftKey && Math.abs(by) === 1 ? 10 : 1));
}

/** The menu of rules, where the runs are grouped by them. @param {CurvesFigure} fig */
function addRuleMenu(fig) {
  /** @type {Map<string, string>} */
  const grouped = new Map();
  for (const part of Object.values(fig.get("runs")))
    for (const side of part.sides) if (side.group) grouped.set(side.group, side.of);
  if (grouped.size < 2) return null;
  return fig.select({
    name: "rule",
    label: "rule",
    options: [...grouped].map(([value, label]) => ({ value, label })),
    get: () => chosen(fig.snapshot()).group,
    set: (rule) => fig.set({ rule, sides: "" }),
  });
}

/** @param {CurvesFigure} fig @param {string[]} titles */
function addControls(fig, titles) {
  if (titles.length > 1)
    fig.select({
      name: "experiment",
      label: "experiment",
      options: titles.map((title) => ({ value: title, label: title })),
      get: () => chosen(fig.snapshot()).part.title,
      set: (title) => fig.set({ experiment: title, rule: "", sides: "" }),
    });
  const menu = addRuleMenu(fig);
  fig.slider({
    name: "beta",
    label: "smoothing, momentum",
    symbol: QUANTITIES.beta.symbol,
    look: "averaged",
    type: "near-one",
    marks: () => [0.5, 0.9].map((value) => ({ value, label: String(value) })),
  });
  fig.segments({
    name: "axes",
    label: "axes",
    options: ["linear", "log loss", "log both"].map((value) => ({ value, label: value })),
  });
  fig.segments({
    name: "quantity",
    label: "loss on",
    fold: true,
    options: [
      { value: "training", label: "training bytes" },
      { value: "held out", label: "held-out bytes" },
    ],
  });
  fig.toggle({ name: "losing", label: "show the settings that lost the tuning", fold: true });
  return menu;
}

/** One side: its box, its line, its rate, its loss at the cursor and at the end. @param {Side} side */
function sideRow({ name: value, title, look, dash, lr, ends }) {
  const line = s("path", { class: "lf-line lf-curve", d: "M1,6H33" }),
    box = h("input", { type: "checkbox", value }),
    now = h("span", { class: "lf-side-now" });
  line.style.strokeDasharray = dash || "none";
  const node = h(
    "li",
    {},
    h(
      "label",
      { class: "lf-toggle lf-side-row", "data-look": look },
      box,
      s("svg", { class: "lf-swatch", viewBox: "0 0 34 12", "aria-hidden": "true" }, line),
      h("b", { text: title }),
      h("small", { text: `rate ${show(lr, 2)}` }),
      now,
      h("small", { class: "lf-side-end", text: endWords(ends) }),
    ),
  );
  return { node, box, now };
}

/** Where a side's seeds end, in words. @param {(number|null)[]} ends */
function endWords(ends) {
  const { end, sd, diverged } = spread(ends);
  if (end === null) return "all seeds diverged";
  const flown = diverged ? `, ${diverged} diverged` : "";
  return `ends ${show(end, 4)}${sd === null ? "" : ` ± ${show(sd, 2)}`} held out${flown}`;
}

/** The list of sides; returns what fills it. @param {CurvesFigure} fig */
function addList(fig) {
  const list = h("ul", {
    class: "lf-sides",
    "aria-label": "The sides, and their losses where the cursor stands",
  });
  fig.pictures.after(list);
  const written = { key: "", rows: /** @type {ReturnType<typeof sideRow>[]} */ ([]) };
  fig.life.on(list, "change", () => {
    const on = written.rows.filter(({ box }) => box.checked).map(({ box }) => box.value);
    fig.set({ sides: on.length === written.rows.length ? "" : on.join(",") });
    fig.redraw(); // the last one cannot be taken away: its box is ticked again
  });
  return (
    /** @type {Side[]} */ all,
    /** @type {Side[]} */ on,
    /** @type {Drawn} */ drawn,
    /** @type {number} */ k,
  ) => {
    const key = all.map((side) => `${side.of} ${side.name}`).join();
    if (key !== written.key) {
      Object.assign(written, { key, rows: all.map(sideRow) });
      list.replaceChildren(...written.rows.map(({ node }) => node));
    }
    written.rows.forEach(({ node, box, now }, i) => {
      const side = drawn.sides.find((found) => found.name === all[i].name);
      box.checked = on.includes(all[i]);
      node.classList.toggle("is-out", !box.checked);
      now.textContent = side ? valueAt(side, k) : "–";
    });
  };
}

/** Axes of the right kind, with ends that hold all bands. @param {Picture} picture @param {State} state @param {Part} part @param {Drawn} drawn */
function shapeAxes(picture, state, part, { steps, sides }) {
  const { plot, xAxis, yAxis } = picture,
    logX = state.axes === "log both",
    logY = state.axes !== "linear";
  xAxis.type = logX ? "log" : "linear";
  yAxis.type = logY ? "log" : "linear";
  xAxis.ticks = logX ? roundTicks : undefined;
  yAxis.ticks = logY ? roundTicks : undefined;
  yAxis.label = isExample(part)
    ? "loss"
    : `${state.quantity === "training" ? "training" : "held-out"} loss, nats a byte`;
  const y = limits(sides, logY),
    x = /** @type {Pair} */ ([logX ? steps[0] : 0, steps[steps.length - 1]]),
    key = JSON.stringify([xAxis.type, yAxis.type, yAxis.label, y, x]);
  if (key === picture.shaped) return;
  picture.shaped = key;
  yAxis.domain = y;
  xAxis.domain = x;
  plot.relay();
}

/** Each side's band, mean, raw mean and the settings that lost. @param {Picture} picture @param {State} state @param {Side[]} all @param {Drawn} drawn */
function drawLines({ plot, lines }, state, all, drawn) {
  while (lines.length < all.length)
    lines.push({
      band: plot.line({ class: "lf-area" }),
      losers: plot.line({ class: "lf-loser" }),
      raw: plot.line({ class: "lf-faint" }),
      mean: plot.line({ class: "lf-curve" }),
    });
  const pairs = (/** @type {ArrayLike<number>} */ values) =>
    Float64Array.from({ length: 2 * values.length }, (_, k) =>
      k % 2 ? values[k >> 1] : drawn.steps[k >> 1],
    );
  lines.forEach((line, k) => {
    const side = all[k] && drawn.sides.find((found) => found.name === all[k].name);
    if (!side) {
      for (const part of Object.values(line)) part.clear();
      return;
    }
    for (const [kind, { node }] of Object.entries(line)) {
      node.setAttribute("data-look", all[k].look);
      node.style.strokeDasharray = (kind === "mean" && all[k].dash) || "none";
    }
    line.band.update(between(pairs(side.low), pairs(side.high)));
    const lost = side.losers.map((curve) => pathData(pairs(curve), plot.x, plot.y, plot.pixelBox()));
    line.losers.node.setAttribute("d", lost.join(""));
    if (state.beta) line.raw.update(pairs(side.raw));
    else line.raw.clear();
    line.mean.update(pairs(side.mean));
  });
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Recorded runs: every seed, every setting that was tried, smoothed by your own momentum",
    python,
  });
  fig.root.classList.add("lf-curves");
  const titles = Object.keys(fig.get("runs")).sort();
  if (!titles.length) {
    fig.pictures.append(h("p", { text: "No runs were given to this figure." }));
    return fig.start();
  }
  let drawn = compute(fig.snapshot());
  const picture = addPicture(fig),
    cursor = createCursor(fig, picture, () => drawn),
    handle = addHandle(fig, picture, cursor, () => drawn),
    menu = addControls(fig, titles),
    fillList = addList(fig);
  const sayStep = fig.readout("read at step"),
    sayHalf = fig.readout("smoothed: half after", { look: "averaged" });

  fig.draw(() => {
    const state = fig.snapshot(),
      { part, groups, all, drawn: on } = chosen(state);
    drawn = compute(state);
    if (menu) menu.node.hidden = groups.length < 2;
    shapeAxes(picture, state, part, drawn);
    drawLines(picture, state, all, drawn);
    const k = cursor.index(),
      x = drawn.steps[k],
      [low, high] = picture.yAxis.domain;
    picture.cursor.update([x, low, x, high]);
    picture.at.update(drawn.sides.filter(({ mean }) => k < mean.length).flatMap(({ mean }) => [x, mean[k]]));
    handle.update(drawn.steps[cursor.own()], low);
    fillList(all, on, drawn, k);
    sayStep(String(x));
    sayHalf(state.beta ? `${show(drawn.half_life)} steps` : "not smoothed");
    fig.speak(
      `${state.quantity === "training" ? "Training" : "Held-out"} loss at step ${x}: ${valuesAt(drawn, k)}.`,
    );
  });
  fig.numbers(() => ({
    steps: drawn.steps,
    step: drawn.steps[cursor.index()],
    half_life: drawn.half_life,
    sides: drawn.sides.map((side) => ({
      ...side,
      mean: Array.from(side.mean),
      low: Array.from(side.low),
      high: Array.from(side.high),
      raw: Array.from(side.raw),
      losers: side.losers.map((curve) => Array.from(curve)),
      value: cursor.index() < side.mean.length ? side.mean[cursor.index()] : null,
    })),
  }));
  return fig.start();
}
