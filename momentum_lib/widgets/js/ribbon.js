// The ribbon of text: how much of what was read a momentum remembers. Python side: momentum_lib/widgets/ribbon.py

import { assign, clamp, nearOne, pythonFloat, s, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { RUNS } from "./generated/scale.js";
import { betaAtHalfLife, halfLife as stepsToHalf } from "./generated/theory.js";
import { number } from "./kit/state.js";
import { MOMENTUM_AT_SCALE } from "./kit/sliders.js";
import { count, grouped } from "./kit/units.js";

const REACH = /** @type {[number, number]} */ ([200, 2e10]);
const UNITS = { page: 400, book: 1e5, shelf: 4e6, bookcase: 2e7, library: 2e9 };

export const STATE = {
  beta: number(0.9, 0.1, 0.999999),
  tokens: number(491520, 1e3, 1e9),
};

// ---------------------------------------------------------------------------------------------------- pure numbers

/** @typedef {keyof typeof UNITS} Unit */
/** @typedef {{unit: Unit, start: number, end: number}} Piece */

const NAMES = /** @type {Unit[]} */ (Object.keys(UNITS));

/** What lies on the ribbon, from now backwards, cut at round numbers of the unit. @returns {Piece[]} */
export function pieces() {
  /** @type {Piece[]} */
  const found = [{ unit: "page", start: REACH[0], end: UNITS.page }];
  NAMES.forEach((unit, i) => {
    const last = i + 1 < NAMES.length ? UNITS[NAMES[i + 1]] : REACH[1];
    /** @type {number[]} */
    const cuts = [];
    for (let e = 0; e < 6; e++)
      for (let k = 1; k < 10; k++) if (k * 10 ** e * UNITS[unit] < last) cuts.push(k * 10 ** e * UNITS[unit]);
    cuts.forEach((start, k) => found.push({ unit, start, end: cuts[k + 1] ?? last }));
  });
  return found;
}

/** So many tokens as a reader counts them: 32.3 books. @param {number} tokens */
export function amount(tokens) {
  const so = (/** @type {Unit} */ unit, /** @type {string} */ plural) => {
    const said = grouped(tokens / UNITS[unit]);
    return `${said} ${said === "1" ? unit : plural}`;
  };
  if (tokens < UNITS.book) return so("page", "pages");
  if (tokens < UNITS.shelf) return so("book", "books");
  return `${so("book", "books")}, ${tokens < UNITS.library ? so("shelf", "shelves") : so("library", "libraries")}`;
}

/** After how many tokens a gradient counts half. @param {number} beta @param {number} tokens per step */
export const halfLife = (beta, tokens) => stepsToHalf(beta) * tokens;

/** The published trainings that state momentum and tokens per step, by half-life. */
export const published = () =>
  RUNS.filter((run) => typeof run.momentum === "number" && typeof run.tokens_per_step === "number")
    .map((run) => ({ name: run.name, beta: Number(run.momentum), tokens: Number(run.tokens_per_step) }))
    .sort((a, b) => halfLife(a.beta, a.tokens) - halfLife(b.beta, b.tokens));

// ------------------------------------------------------------------------------------------------------ the shapes

/** @typedef {{left: number, right: number, top: number, bottom: number}} Box */

/** The picture's height, in heights of the ribbon: above it, where the published trainings lie. */
const TOP = 1.12;
/** How tall each stands, as a share of the ribbon. */
const TALL = { page: 0.62, book: 0.8, shelf: 0.7, bookcase: 0.9, library: 1 };

/** A number between 0 and 1 that only looks like chance. @param {number} k */
const chance = (k) => ((k * 7919) % 101) / 101;

/** The box of one piece. @param {Piece} piece @param {number} k @param {(tokens: number) => number} x @param {Box} inner @returns {Box} */
function boxOf({ unit, start, end }, k, x, { top, bottom }) {
  const share = TALL[unit] - (unit === "book" ? 0.14 * chance(k) : 0);
  return { left: x(start) + 0.6, right: x(end) - 0.6, top: bottom - share * (bottom - top), bottom };
}

/** The outline of a piece. @param {Unit} unit @param {Box} box */
function outline(unit, { left, right, top, bottom }) {
  const p = (/** @type {number} */ v) => v.toFixed(1);
  if (unit !== "library") return `M${p(left)},${p(bottom)}V${p(top)}H${p(right)}V${p(bottom)}Z`;
  const eaves = top + Math.min(16, 0.2 * (bottom - top));
  return `M${p(left)},${p(bottom)}V${p(eaves)}L${p((left + right) / 2)},${p(top)}L${p(right)},${p(eaves)}V${p(bottom)}Z`;
}

/** Words as marks, line by line. @param {Box} box @param {number} k */
function words({ left, right, top, bottom }, k) {
  let path = "";
  for (let y = top + 7, line = 1; y < bottom - 4; y += 6, line++)
    for (let at = left + 3, word = 1; at < right - 4; word++) {
      const long = Math.min(3 + 9 * chance(31 * k + 17 * line + 5 * word), right - 3 - at);
      path += `M${at.toFixed(1)},${y.toFixed(1)}h${long.toFixed(1)}`;
      at += long + 2.5;
    }
  return path;
}

/** What is drawn on a piece: lines of words, a spine's bands, rows of books, shelves, columns. @param {Unit} unit @param {Box} box @param {number} k */
function details(unit, box, k) {
  const { left, right, top, bottom } = box,
    wide = right - left,
    p = (/** @type {number} */ v) => v.toFixed(1);
  if (wide < 3) return "";
  if (unit === "page") return wide > 8 ? words(box, k) : "";
  if (unit === "book") return `M${p(left)},${p(top + 9)}H${p(right)}M${p(left)},${p(top + 13)}H${p(right)}`;
  let path = "";
  if (unit === "library") {
    for (let x = left + 4; x < right - 2; x += 6) path += `M${p(x)},${p(bottom - 4)}V${p(top + 24)}`;
    return path;
  }
  const rows = unit === "shelf" ? 1 : 5,
    high = (bottom - top) / rows;
  for (let row = 0; row < rows; row++) {
    const foot = top + (row + 1) * high;
    path += `M${p(left)},${p(foot)}H${p(right)}`;
    for (let x = left + 2.5, i = 1; x < right - 1; x += 2.8, i++)
      path += `M${p(x)},${p(foot)}v${p(-high * (0.55 + 0.3 * chance(13 * k + 7 * row + i)))}`;
  }
  return path;
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @typedef {import("./kit/types.js").Figure<typeof STATE>} RibbonFigure */

/** The picture's fixed parts: the ribbon's pieces, drawn anew when the width changes; returns what lights them. @param {ReturnType<typeof addPlot>} plot @param {Piece[]} all */
function addRibbon(plot, all) {
  const nodes = all.map(() => ({
    base: s("path", { class: "lf-ribbon-base" }),
    lit: s("path", { class: "lf-ribbon-lit", "data-look": "momentum" }),
    ink: s("path", { class: "lf-ribbon-ink" }),
  }));
  for (const { base, lit, ink } of nodes) plot.layers.back.append(base, lit, ink);
  const names = NAMES.map((name) => ({
    tick: s("path", { class: "lf-tick" }),
    text: s("text", { class: "lf-ribbon-name", "text-anchor": "middle", text: `a ${name}` }),
  }));
  for (const { tick, text } of names) plot.layers.axes.parentNode?.append(tick, text);
  plot.onLayout(() => {
    nodes.forEach(({ base, lit, ink }, k) => {
      const box = boxOf(all[k], k, plot.x, { ...plot.inner, top: plot.y(1) }),
        d = outline(all[k].unit, box);
      base.setAttribute("d", d);
      lit.setAttribute("d", d);
      ink.setAttribute("d", details(all[k].unit, box, k));
    });
    let edge = -Infinity;
    names.forEach(({ tick, text }, i) => {
      const x = plot.x(UNITS[NAMES[i]]),
        half = 3.6 * (NAMES[i].length + 2),
        low = x - half < edge + 6;
      if (!low) edge = x + half;
      tick.setAttribute("d", `M${x.toFixed(1)},${plot.inner.bottom}v${low ? 24 : 8}`);
      assign(text, {
        x: clamp(x, half, plot.width - half).toFixed(1),
        y: plot.inner.bottom + (low ? 38 : 22),
      });
    });
  });
  return (/** @type {number[]} */ weights) =>
    nodes.forEach(({ lit }, k) => lit.setAttribute("opacity", weights[k].toFixed(3)));
}

/** @param {RibbonFigure} fig */
const addPlot = (fig) =>
  fig.plot({
    label: "A ribbon of the text that was read, from now on the left into the past",
    x: { type: "log", domain: REACH, hidden: true },
    y: { domain: [0, TOP], hidden: true },
    height: (width) => (width < 500 ? 224 : 262),
    margin: { top: 62, left: 6, right: 6, bottom: 46 },
  });

/** @param {RibbonFigure} fig @param {ReturnType<typeof published>} rows */
function addControls(fig, rows) {
  fig.slider(MOMENTUM_AT_SCALE);
  fig.slider({
    name: "tokens",
    label: "tokens per step",
    type: "log",
    digits: 9,
    words: (v) => `${count(v)} tokens`,
    marks: () =>
      [1e4, 1e6, 1e8].map((value) => ({ value, label: { 1e4: "10k", 1e6: "1M", 1e8: "100M" }[value] ?? "" })),
  });
  fig.select({
    label: "as in the training of",
    options: [
      { value: "", label: "nobody yet: your own" },
      ...rows.map(({ name }) => ({ value: name, label: name })),
    ],
    get: () =>
      rows.find(({ beta, tokens }) => beta === fig.get("beta") && tokens === fig.get("tokens"))?.name ?? "",
    set: (/** @type {string} */ name) => {
      const row = rows.find((one) => one.name === name);
      if (row) fig.set({ beta: row.beta, tokens: row.tokens });
    },
  });
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "How much text a momentum remembers, from a page to a library",
    python: ({ beta, tokens }) => `from momentum_lib import scale

life = scale.half_life(${pythonFloat(beta)}, tokens=${pythonFloat(tokens)})
print(f"a gradient counts half after {life:.4g} tokens, {life / 1e5:.3g} books of 100000")
`,
  });
  const all = pieces(),
    rows = published(),
    plot = addPlot(fig),
    light = addRibbon(plot, all),
    guide = plot.line({ class: "lf-ribbon-guide", layer: "front" }),
    others = plot.marks({ look: "momentum", shape: "triangle", radius: 3.5, layer: "front" }),
    now = plot.text({ class: "lf-direct" }),
    past = plot.text({ anchor: "end" }),
    key = plot.text({ look: "momentum", anchor: "middle" }),
    half = plot.text({ class: "lf-loud lf-direct", anchor: "middle" });
  const own = () => halfLife(fig.get("beta"), fig.get("tokens"));
  const handle = plot.handle({
    label: "Where a gradient counts half, in tokens read since",
    axis: "x",
    look: "momentum",
    bounds: () => [REACH, [0, 0]],
    set: (life) => fig.set({ beta: betaAtHalfLife(life / fig.get("tokens")) }),
    words: () => `${amount(own())}, momentum ${nearOne(fig.get("beta"))}`,
  });
  addControls(fig, rows);
  const sayLife = fig.readout("half-life in tokens", { look: "momentum" }),
    saySteps = fig.readout("in steps");
  const drawn = { weights: /** @type {number[]} */ ([]) };

  fig.draw(() => {
    const { beta, tokens } = fig.snapshot(),
      life = own(),
      seen = clamp(life, ...REACH);
    drawn.weights = all.map(({ start, end }) => beta ** (Math.sqrt(start * end) / tokens));
    light(drawn.weights);
    others.update(rows.flatMap((row) => [halfLife(row.beta, row.tokens), 1.05]));
    guide.update([seen, 0, seen, 1]);
    handle.update(seen, 0);
    const said = amount(life);
    half.update(seen, TOP, said, 0, -20);
    now.update(REACH[0], TOP, "now", 0, -44);
    past.update(REACH[1], TOP, "read long ago →", 0, -44);
    key.update(Math.sqrt(REACH[0] * REACH[1]), TOP, "▲ published trainings", -24, -44);
    sayLife(count(life));
    saySteps(show(life / tokens));
    fig.speak(
      `Momentum ${nearOne(beta)} at ${count(tokens)} tokens a step: a gradient counts half after ${count(life)} tokens, ${said}.`,
    );
  });
  fig.numbers(() => ({
    half_life: own(),
    steps: own() / fig.get("tokens"),
    amount: amount(own()),
    weights: drawn.weights,
  }));
  return fig.start();
}
