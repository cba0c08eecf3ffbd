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
/** `kind`, `label` and `place` are what the menu says of it, and where. @typedef {{title: string, kind: string, label: string, place: number[], steps: number[], held_steps: number[], sides: Side[]}} Part */

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

/** The tuning runs of a side without the one that won. @param {Side} side */
export function losers({ tried }) {
  const ended = tried.flatMap(([, , end]) => (end === null ? [] : [end])),
    best = ended.length ? tried.findIndex(([, , end]) => end === Math.min(...ended)) : -1;
  return tried.filter((_, k) => k !== best);
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
      losers: state.losing && training ? losers(side).map(([, curve]) => smooth(curve, beta)) : [],
    };
  });
  return {
    steps,
    sides,
    half_life: beta && steps.length > 1 ? halfLife(beta) * (steps[1] - steps[0]) : 0,
  };
}

/** What a side's curve says at a step. @param {DrawnSide} side @param {number} k */
const valueAt = ({ mean }, k) => (k < mean.length ? show(mean[k], 4) : "diverged");
/** All of them. @param {Drawn} drawn @param {number} k */
const valuesAt = ({ sides }, k) => sides.map((side) => `${side.title}: ${valueAt(side, k)}`).join("; ");

/** How the sides compare by the loss that they are judged by: held out, after the last step, not smoothed. @param {Drawn} drawn */
function atTheEnd({ sides }) {
  const whole = sides.filter(({ end, diverged }) => end !== null && !diverged),
    ends = whole.map(({ end }) => Number(end));
  if (!whole.length) return "";
  const least = Math.min(...ends),
    digits = Math.max(0, 3 - Math.floor(Math.log10(Math.abs(least) || 1))),
    say = (/** @type {number} */ value) => value.toFixed(digits);
  if (sides.length === 1) return ` Held out at the end: ${say(least)}.`;
  if (sides.length !== 2 || whole.length !== 2)
    return ` Held out at the end, ${whole[ends.indexOf(least)].title} is lowest: ${say(least)}.`;
  const gap = say(Math.abs(ends[0] - ends[1])),
    word = Number(gap) ? `${gap} ${ends[1] < ends[0] ? "lower" : "higher"}` : "the same";
  return ` Held out at the end: ${say(ends[0])} and ${say(ends[1])}, ${word}.`;
}

/** What the state says, with the losses read at point `k`. @param {Pick<State, "beta"|"quantity">} state @param {Drawn} drawn @param {number} k */
export function sentence({ beta, quantity }, drawn, k) {
  const loss = `${beta ? "smoothed " : ""}${quantity === "training" ? "training" : "held-out"} loss`;
  return `${loss[0].toUpperCase()}${loss.slice(1)} at step ${drawn.steps[k]}: ${valuesAt(drawn, k)}.${atTheEnd(drawn)}`;
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

/**
 * A side's shade: its rule's colour, mixed with the page (lighter) for the first of its family and with ink for the last;
 * the sides of a contest keep their rules' own colours, and so does the side without momentum, which is ink.
 * @param {Side[]} all
 * @param {number} k
 */
export function shade(all, k) {
  const { look, group } = all[k],
    family = all.filter((side) => side.group === group && side.look === look);
  if (!group || look === "ink" || family.length < 2) return "";
  const t = family.indexOf(all[k]) / (family.length - 1),
    mix = Math.round(100 * (1.05 * t - 0.45)),
    other = mix < 0 ? "--lf-page" : "--lf-ink";
  return `color-mix(in oklab, var(--look-${look}), var(${other}) ${Math.abs(mix)}%)`;
}

/**
 * Heights for labels that want to stand at `wanted`, at least `gap` apart and within the ends, moved as little as it takes.
 * @param {number[]} wanted
 * @param {number} gap
 * @param {number} top
 * @param {number} bottom
 */
export function apart(wanted, gap, top, bottom) {
  const order = wanted.map((_, k) => k).sort((a, b) => wanted[a] - wanted[b]),
    step = Math.min(gap, (bottom - top) / Math.max(1, wanted.length - 1)),
    found = wanted.slice();
  /** @type {{at: number, members: number[]}[]} labels that touch, and the height of the first */
  const blocks = [];
  for (const k of order) {
    let block = { at: wanted[k], members: [k] };
    for (;;) {
      const size = (block.members.length - 1) * step,
        before = blocks[blocks.length - 1];
      block.at = clamp(block.at, top, bottom - size);
      if (!before || before.at + before.members.length * step <= block.at) break;
      blocks.pop();
      const members = [...before.members, ...block.members],
        mean = members.reduce((sum, m, i) => sum + wanted[m] - i * step, 0) / members.length;
      block = { at: mean, members };
    }
    blocks.push(block);
  }
  for (const { at, members } of blocks) members.forEach((m, i) => (found[m] = at + i * step));
  return found;
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
    margin: { top: 26, left: 42, right: namesWidth(fig) },
  });
  return {
    plot,
    xAxis,
    yAxis,
    shaped: "",
    cursor: plot.line({ class: "lf-guide", layer: "back" }),
    at: plot.marks({ look: "ink", shape: "ring", radius: 3.5, layer: "front" }),
    /** A side's lines, made when so many are first shown. */
    lines: /** @type {Record<"band"|"losers"|"raw"|"mean"|"lead", Line>[]} */ ([]),
    names: /** @type {ReturnType<typeof plot.text>[]} */ ([]),
  };
}

/** A side's name at its curve: a momentum of a family is its number. @param {Side} side */
const shortName = ({ title, group }) => (group ? title.replace("momentum", "β") : title.split(",")[0]);

/** The room that the longest name at a curve takes, in pixels. @param {CurvesFigure} fig */
function namesWidth(fig) {
  const parts = /** @type {Part[]} */ (Object.values(fig.get("runs")));
  const letters = parts.flatMap(({ sides }) => sides.map((side) => shortName(side).length));
  return clamp(24 + 6.6 * Math.max(...letters), 44, 132);
}

/**
 * Which side is lit, the others receding: the one whose row is pointed at or has the focus, else the one whose curve is.
 * @param {CurvesFigure} fig
 */
function createLight(fig) {
  const names = { row: "", curve: "" };
  const put = (/** @type {"row"|"curve"} */ where, /** @type {string} */ value) => {
    if (names[where] === value) return;
    names[where] = value;
    fig.redraw();
  };
  return { now: () => names.row || names.curve, put };
}

/** The side whose curve is nearest to a point of the picture, within 18 pixels. @param {Picture} picture @param {Drawn} drawn @param {number} px @param {number} py */
function nearestCurve({ plot }, drawn, px, py) {
  let best = "",
    least = 18;
  for (const { name: side, mean } of drawn.sides)
    for (let k = 1; k < mean.length; k++) {
      const [x0, x1] = [plot.x(drawn.steps[k - 1]), plot.x(drawn.steps[k])];
      if (px < x0 - 6 || px > x1 + 6) continue;
      const t = clamp((px - x0) / (x1 - x0), 0, 1),
        far = Math.abs(py - plot.y(mean[k - 1]) * (1 - t) - plot.y(mean[k]) * t);
      if (far < least) [best, least] = [side, far];
    }
  return best;
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

/** The handle of the cursor; clicks and hovering do the same, and light the curve they hit. @param {CurvesFigure} fig @param {Picture} picture @param {Cursor} cursor @param {() => Drawn} drawn @param {ReturnType<typeof createLight>} light */
function addHandle(fig, picture, cursor, drawn, light) {
  const { plot, yAxis } = picture;
  const go = (/** @type {number} */ step) => cursor.go(cursor.nearest(step));
  const handle = plot.handle({
    label: "The step at which the losses are read",
    axis: "x",
    bounds: () => [[drawn().steps[0], drawn().steps[cursor.last()]], yAxis.domain],
    set: go,
    words: () => `step ${drawn().steps[cursor.index()]}: ${valuesAt(drawn(), cursor.index())}`,
  });
  plot.onPick((step, value) => {
    go(step);
    light.put("curve", nearestCurve(picture, drawn(), plot.x(step), plot.y(value)));
  });
  fig.life.on(plot.svg, "pointermove", (event) => {
    if (event.pointerType === "touch") return;
    const box = plot.svg.getBoundingClientRect(),
      { left, right, top, bottom } = plot.inner,
      x = event.clientX - box.left,
      y = event.clientY - box.top,
      inside = x >= left && x <= right && y >= top && y <= bottom;
    cursor.hover(inside && !event.buttons ? cursor.nearest(plot.x.invert(x)) : null);
    if (!event.buttons) light.put("curve", inside ? nearestCurve(picture, drawn(), x, y) : "");
  });
  fig.life.on(plot.svg, "pointerleave", (event) => {
    cursor.hover(null);
    if (event.pointerType !== "touch") light.put("curve", "");
  });
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

/** The experiment to show for the sides of a group: the one on show if it has them, else the first that has. @param {State} state @param {string} group */
function experimentWith(state, group) {
  const has = (/** @type {Part} */ one) => one.sides.some((side) => side.group === group),
    parts = /** @type {Part[]} */ (Object.values(state.runs));
  return has(chosen(state).part) ? state.experiment : (parts.find(has)?.title ?? state.experiment);
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
    set: (rule) => fig.set({ rule, sides: "", experiment: experimentWith(fig.snapshot(), rule) }),
  });
}

/** The parts in the order of the menu. @param {CurvesFigure} fig */
const inOrder = (fig) =>
  /** @type {Part[]} */ (Object.values(fig.get("runs"))).sort((a, b) => {
    const k = a.place.findIndex((value, i) => value !== b.place[i]);
    return k < 0 ? 0 : a.place[k] - b.place[k];
  });

/** @param {CurvesFigure} fig @param {Part[]} parts */
function addControls(fig, parts) {
  if (parts.length > 1)
    fig.select({
      name: "experiment",
      label: "experiment",
      options: parts.map(({ title, label, kind }) => ({ value: title, label, group: kind })),
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
    fold: true,
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

/** One side: its box, its line, its rate, its loss at the cursor and at the end. @param {Side} side @param {string} colour its shade, or "" */
function sideRow({ name: value, title, look, dash, lr, ends }, colour) {
  const line = s("path", { class: "lf-line lf-curve", d: "M1,6H33" }),
    box = h("input", { type: "checkbox", value }),
    now = h("span", { class: "lf-side-now" });
  line.style.strokeDasharray = dash || "none";
  const node = h(
    "li",
    {},
    h(
      "label",
      { class: "lf-toggle lf-side-row", "data-look": look, style: colour && `--lf-colour: ${colour};` },
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

/** The list of sides; returns what fills it. @param {CurvesFigure} fig @param {ReturnType<typeof createLight>} light */
function addList(fig, light) {
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
  const nameOf = (/** @type {Event} */ { target }) =>
    /** @type {Element|null} */ (target)?.closest("li")?.querySelector("input")?.value ?? "";
  for (const sign of ["pointerover", "focusin"])
    fig.life.on(list, sign, (event) => light.put("row", nameOf(event)));
  for (const sign of ["pointerleave", "focusout"]) fig.life.on(list, sign, () => light.put("row", ""));
  return (
    /** @type {Side[]} */ all,
    /** @type {Side[]} */ on,
    /** @type {Drawn} */ drawn,
    /** @type {number} */ k,
  ) => {
    const key = JSON.stringify(all.map(({ of, name: own, lr, ends }) => [of, own, lr, ends])); // sides of another experiment may be named alike
    if (key !== written.key) {
      Object.assign(written, { key, rows: all.map((side, i) => sideRow(side, shade(all, i))) });
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
  plot.reshape();
}

/** Flat pairs of steps and values. @param {number[]} steps @param {ArrayLike<number>} values */
const pairs = (steps, values) =>
  Float64Array.from({ length: 2 * values.length }, (_, k) => (k % 2 ? values[k >> 1] : steps[k >> 1]));

/** The lines of one side, made when so many are first shown. @param {Picture["plot"]} plot */
const makeLines = (plot) => ({
  band: plot.line({ class: "lf-area" }),
  losers: plot.line({ class: "lf-loser" }),
  raw: plot.line({ class: "lf-faint" }),
  mean: plot.line({ class: "lf-curve" }),
  lead: plot.line({ class: "lf-lead", layer: "front" }),
});

/** Each side's band, mean, raw mean and the settings that lost; the lit one stands out. @param {Picture} picture @param {State} state @param {Side[]} all @param {Drawn} drawn @param {string} lit */
function drawLines({ plot, lines }, state, all, drawn, lit) {
  while (lines.length < all.length) lines.push(makeLines(plot));
  lines.forEach((line, k) => {
    const side = all[k] && drawn.sides.find((found) => found.name === all[k].name);
    if (!side) {
      for (const part of Object.values(line)) part.clear();
      return;
    }
    const colour = shade(all, k);
    for (const [kind, { node }] of Object.entries(line)) {
      node.setAttribute("data-look", all[k].look);
      node.style.strokeDasharray = (kind === "mean" && all[k].dash) || "none";
      node.style.setProperty("--lf-colour", colour);
      node.classList.toggle("is-lit", side.name === lit);
      node.classList.toggle("is-back", lit !== "" && side.name !== lit);
    }
    line.band.update(between(pairs(drawn.steps, side.low), pairs(drawn.steps, side.high)));
    const lost = side.losers.map((curve) =>
      pathData(pairs(drawn.steps, curve), plot.x, plot.y, plot.pixelBox()),
    );
    line.losers.path(lost.join(""));
    if (state.beta) line.raw.update(pairs(drawn.steps, side.raw));
    else line.raw.clear();
    line.mean.update(pairs(drawn.steps, side.mean));
  });
}

/** Each side's name at the end of its curve, moved so far that none lies on another; a hair leads to the curve's end. @param {Picture} picture @param {Side[]} all @param {Drawn} drawn @param {string} lit */
function drawNames({ plot, lines, names }, all, drawn, lit) {
  while (names.length < all.length) names.push(plot.text({ class: "lf-end-name" }));
  const { top, bottom, right } = plot.inner;
  const shown = drawn.sides.filter(({ mean }) => mean.length),
    ends = shown.map(({ mean }) => ({ x: drawn.steps[mean.length - 1], y: mean[mean.length - 1] })),
    heights = apart(
      ends.map(({ y }) => clamp(plot.y(y), top, bottom)),
      15,
      top + 2,
      bottom - 2,
    );
  names.forEach((label, k) => {
    const at = all[k] ? shown.findIndex((side) => side.name === all[k].name) : -1;
    if (at < 0) {
      label.clear();
      lines[k]?.lead.clear();
      return;
    }
    const { x, y } = ends[at],
      height = heights[at],
      from = clamp(plot.y(y), top, bottom);
    label.node.setAttribute("data-look", all[k].look);
    label.node.classList.toggle("is-lit", shown[at].name === lit);
    label.node.classList.toggle("is-back", lit !== "" && shown[at].name !== lit);
    label.update(plot.x.invert(right), plot.y.invert(height), shortName(all[k]), 16, 4);
    lines[k].lead.path(
      `M${(plot.x(x) + 2).toFixed(1)},${from.toFixed(1)}L${right + 3},${from.toFixed(1)}L${right + 13},${height.toFixed(1)}`,
    );
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
  const parts = inOrder(fig);
  if (!parts.length) {
    fig.pictures.append(h("p", { text: "No runs were given to this figure." }));
    return fig.start();
  }
  let drawn = compute(fig.snapshot());
  const picture = addPicture(fig),
    cursor = createCursor(fig, picture, () => drawn),
    light = createLight(fig),
    handle = addHandle(fig, picture, cursor, () => drawn, light),
    menu = addControls(fig, parts),
    fillList = addList(fig, light);
  const sayStep = fig.readout("read at step"),
    sayHalf = fig.readout("smoothed: half after", { look: "averaged" });

  fig.draw(() => {
    const state = fig.snapshot(),
      { part, groups, all, drawn: on } = chosen(state);
    drawn = compute(state);
    if (menu) menu.node.hidden = groups.length < 2;
    shapeAxes(picture, state, part, drawn);
    const lit = drawn.sides.some((side) => side.name === light.now()) ? light.now() : "";
    drawLines(picture, state, all, drawn, lit);
    drawNames(picture, all, drawn, lit);
    const k = cursor.index(),
      x = drawn.steps[k],
      [low, high] = picture.yAxis.domain;
    picture.cursor.update([x, low, x, high]);
    picture.at.update(drawn.sides.filter(({ mean }) => k < mean.length).flatMap(({ mean }) => [x, mean[k]]));
    handle.update(drawn.steps[cursor.own()], low);
    fillList(all, on, drawn, k);
    sayStep(String(x));
    sayHalf(state.beta ? `${show(drawn.half_life)} steps` : "not smoothed");
    fig.speak(sentence(state, drawn, k));
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
