// The record browser: curves of recorded runs, the mean over the seeds in the band of all seeds.
// Python side: momentum_lib/widgets/curves.py

import { clamp, h, pythonFloat, s, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { filter } from "./filter.js";
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
    end = n ? found.reduce((a, b) => a + b, 0) / n : null;
  return {
    end,
    sd: n > 1 && end !== null ? Math.sqrt(found.reduce((a, b) => a + (b - end) ** 2, 0) / (n - 1)) : null,
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
    half_life: beta && steps.length > 1 ? (Math.log(0.5) / Math.log(beta)) * (steps[1] - steps[0]) : 0,
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

/** The ends of the loss axis: all bands, with a little room; what flies off above the first values is cut. @param {{mean: Float64Array, low: Float64Array, high: Float64Array}[]} sides @param {boolean} log */
function limits(sides, log) {
  const there = sides.filter((side) => side.mean.length),
    low = Math.min(...there.map((side) => Math.min(...side.low))),
    high = Math.max(...there.map((side) => side.high[0]));
  const room = 0.06 * (high - low) || 0.1;
  return log ? [low / 1.05, high * 1.05] : [low - room, high + room];
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @param {{model: import("./kit/types.js").Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Recorded runs: every seed, every setting that was tried, smoothed by your own momentum",
    python: (state) => {
      const { part } = chosen(state),
        file = part.title.replace(", ", "-"),
        made = part.title.endsWith(", example");
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
    },
  });
  fig.root.classList.add("lf-curves");
  const titles = Object.keys(fig.get("runs")).sort();
  if (!titles.length) {
    fig.pictures.append(h("p", { text: "No runs were given to this figure." }));
    return fig.start();
  }

  // ---- the picture
  const xAxis = /** @type {import("./kit/types.js").Axis} */ ({ domain: [0, 1], label: "step" }),
    yAxis = /** @type {import("./kit/types.js").Axis} */ ({ domain: [0, 1], label: "loss" });
  const plot = fig.plot({
    label: "Loss against the step, one curve a side",
    x: xAxis,
    y: yAxis,
    height: (width) => clamp(width * 0.5, 250, 400),
    margin: { top: 26, left: 42, right: 14 },
  });
  const cursor = plot.line({ class: "lf-guide", layer: "back" }),
    at = plot.marks({ look: "ink", shape: "ring", radius: 3.5, layer: "front" });
  /** @type {Record<"band"|"losers"|"raw"|"mean", ReturnType<typeof plot.line>>[]} */
  const lines = [];
  const handle = plot.handle({
    label: "The step at which the losses are read",
    axis: "x",
    bounds: () => [[drawn.steps[0], drawn.steps[drawn.steps.length - 1]], yAxis.domain.slice(0, 2)],
    set: (step) => go(nearest(step)),
    words: () =>
      `step ${drawn.steps[index()]}: ${drawn.sides.map((side) => `${side.title} ${valueOf(side)}`).join(", ")}`,
  });
  plot.onPick((step) => go(nearest(step)));
  let hover = /** @type {number|null} */ (null);
  fig.life.on(plot.svg, "pointermove", (event) => {
    if (event.pointerType === "touch") return;
    const box = plot.svg.getBoundingClientRect(),
      x = event.clientX - box.left,
      y = event.clientY - box.top,
      inside = x >= plot.inner.left && x <= plot.inner.right && y >= plot.inner.top && y <= plot.inner.bottom;
    const next = inside && !event.buttons ? nearest(plot.x.invert(x)) : null;
    if (next !== hover) {
      hover = next;
      fig.redraw();
    }
  });
  fig.life.on(plot.svg, "pointerleave", () => {
    if (hover !== null) {
      hover = null;
      fig.redraw();
    }
  });
  // One key, one point: a hundredth of the axis, as elsewhere, could stay on the same point for ever.
  fig.life.on(
    handle.node,
    "keydown",
    (event) => {
      const last = drawn.steps.length - 1,
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
      hover = null;
      go(own() + by * (event.shiftKey && Math.abs(by) === 1 ? 10 : 1));
    },
    { capture: true },
  );

  // ---- controls
  const experiment = () => chosen(fig.snapshot()).part.title;
  if (titles.length > 1)
    fig.select({
      name: "experiment",
      label: "experiment",
      options: titles.map((title) => ({ value: title, label: title })),
      get: experiment,
      set: (title) => fig.set({ experiment: title, rule: "", sides: "" }),
    });
  /** @type {Map<string, string>} */
  const grouped = new Map();
  for (const part of Object.values(fig.get("runs")))
    for (const side of part.sides) if (side.group) grouped.set(side.group, side.of);
  const menu =
    grouped.size > 1
      ? fig.select({
          name: "rule",
          label: "rule",
          options: [...grouped].map(([value, label]) => ({ value, label })),
          get: () => chosen(fig.snapshot()).group,
          set: (rule) => fig.set({ rule, sides: "" }),
        })
      : null;
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
    options: [
      { value: "linear", label: "linear" },
      { value: "log loss", label: "log loss" },
      { value: "log both", label: "log both" },
    ],
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
  const list = h("ul", {
    class: "lf-sides",
    "aria-label": "The sides, and their losses where the cursor stands",
  });
  fig.pictures.after(list);
  fig.life.on(list, "change", () => {
    const on = [...list.querySelectorAll("input")].filter((box) => box.checked).map((box) => box.value);
    fig.set({ sides: on.length === list.children.length ? "" : on.join(",") });
    fig.redraw(); // the last one cannot be taken away: its box is ticked again
  });
  const sayStep = fig.readout("read at step"),
    sayHalf = fig.readout("smoothed: half after", { look: "averaged" });

  // ---- numbers
  let drawn = /** @type {ReturnType<typeof compute>} */ ({ steps: [0, 1], sides: [], half_life: 0 }),
    listed = "";
  const own = () => Math.round(fig.get("at") * (drawn.steps.length - 1));
  const index = () => Math.min(hover ?? own(), drawn.steps.length - 1);
  const go = (/** @type {number} */ k) =>
    fig.set({
      at: drawn.steps.length > 1 ? clamp(k, 0, drawn.steps.length - 1) / (drawn.steps.length - 1) : 1,
    });
  /** The point whose step is nearest on the screen. @param {number} step */
  const nearest = (step) => {
    let best = 0;
    drawn.steps.forEach((v, k) => {
      if (Math.abs(plot.x(v) - plot.x(step)) < Math.abs(plot.x(drawn.steps[best]) - plot.x(step))) best = k;
    });
    return best;
  };
  const valueOf = (/** @type {{mean: Float64Array}} */ side) =>
    index() < side.mean.length ? show(side.mean[index()], 4) : "diverged";
  const pairs = (/** @type {ArrayLike<number>} */ values) =>
    Float64Array.from({ length: 2 * values.length }, (_, k) =>
      k % 2 ? values[k >> 1] : drawn.steps[k >> 1],
    );

  /** @param {Side[]} all */
  function writeList(all) {
    const key = all.map((side) => `${side.of} ${side.name}`).join();
    if (key === listed) return;
    listed = key;
    list.replaceChildren(
      ...all.map((side) => {
        const { dash, look } = side,
          row = s("path", { class: "lf-line lf-curve", d: "M1,6H33" });
        row.style.strokeDasharray = dash || "none";
        return h(
          "li",
          {},
          h(
            "label",
            { class: "lf-toggle lf-side-row", "data-look": look },
            h("input", { type: "checkbox", value: side.name }),
            s("svg", { class: "lf-swatch", viewBox: "0 0 34 12", "aria-hidden": "true" }, row),
            h("b", { text: side.title }),
            h("small", { text: `rate ${show(side.lr, 2)}` }),
            h("span", { class: "lf-side-now" }),
            h("small", { class: "lf-side-end" }),
          ),
        );
      }),
    );
  }

  fig.draw(() => {
    const state = fig.snapshot(),
      { part, groups, all, drawn: on } = chosen(state),
      training = state.quantity === "training";
    drawn = compute(state);
    if (menu) menu.node.hidden = groups.length < 2;
    xAxis.type = state.axes === "log both" ? "log" : "linear";
    yAxis.type = state.axes === "linear" ? "linear" : "log";
    xAxis.ticks = xAxis.type === "log" ? roundTicks : undefined;
    yAxis.ticks = yAxis.type === "log" ? roundTicks : undefined;
    yAxis.label = part.title.endsWith(", example")
      ? "loss"
      : `${training ? "training" : "held-out"} loss, nats a byte`;
    const { steps } = drawn,
      domain = [
        limits(drawn.sides, yAxis.type === "log"),
        [xAxis.type === "log" ? steps[0] : 0, steps[steps.length - 1]],
      ];
    const key = JSON.stringify([xAxis.type, yAxis.type, yAxis.label, domain]);
    if (key !== shaped) {
      shaped = key;
      [yAxis.domain, xAxis.domain] = domain;
      plot.relay();
    }

    while (lines.length < all.length)
      lines.push({
        band: plot.line({ class: "lf-area" }),
        losers: plot.line({ class: "lf-loser" }),
        raw: plot.line({ class: "lf-faint" }),
        mean: plot.line({ class: "lf-curve" }),
      });
    writeList(all);
    lines.forEach((line, k) => {
      const side = all[k] && drawn.sides.find((found) => found.name === all[k].name);
      for (const [kind, { node, clear }] of Object.entries(line)) {
        if (!side) {
          clear();
          continue;
        }
        node.setAttribute("data-look", all[k].look);
        node.style.strokeDasharray = (kind === "mean" && all[k].dash) || "none";
      }
      if (!side) return;
      line.band.update(between(pairs(side.low), pairs(side.high)));
      line.losers.node.setAttribute(
        "d",
        side.losers.map((curve) => pathData(pairs(curve), plot.x, plot.y, plot.pixelBox())).join(""),
      );
      if (state.beta) line.raw.update(pairs(side.raw));
      else line.raw.clear();
      line.mean.update(pairs(side.mean));
    });
    const now = index(),
      x = steps[now];
    cursor.update([x, yAxis.domain[0], x, yAxis.domain[1]]);
    at.update(drawn.sides.filter((side) => now < side.mean.length).flatMap((side) => [x, side.mean[now]]));
    handle.update(steps[own()], yAxis.domain[0]);

    [...list.children].forEach((row, k) => {
      const box = /** @type {HTMLInputElement} */ (row.querySelector("input")),
        shown = on.includes(all[k]),
        side = drawn.sides.find((found) => found.name === all[k].name),
        { end, sd, diverged } = spread(all[k].ends);
      box.checked = shown;
      row.classList.toggle("is-out", !shown);
      /** @type {HTMLElement} */ (row.querySelector(".lf-side-now")).textContent = side ? valueOf(side) : "–";
      const flown = diverged ? `, ${diverged} diverged` : "";
      /** @type {HTMLElement} */ (row.querySelector(".lf-side-end")).textContent =
        end === null
          ? "all seeds diverged"
          : `ends ${show(end, 4)}${sd === null ? "" : ` ± ${show(sd, 2)}`} held out${flown}`;
    });
    sayStep(String(x));
    sayHalf(state.beta ? `${show(drawn.half_life)} steps` : "not smoothed");
    fig.speak(
      `${part.title}, step ${x}: ${drawn.sides.map((side) => `${side.title} ${valueOf(side)}`).join(", ")}.`,
    );
  });
  let shaped = "";

  fig.numbers(() => ({
    steps: drawn.steps,
    step: drawn.steps[index()],
    half_life: drawn.half_life,
    sides: drawn.sides.map((side) => ({
      ...side,
      mean: Array.from(side.mean),
      low: Array.from(side.low),
      high: Array.from(side.high),
      raw: Array.from(side.raw),
      losers: side.losers.map((curve) => Array.from(curve)),
      value: index() < side.mean.length ? side.mean[index()] : null,
    })),
  }));
  return fig.start();
}
