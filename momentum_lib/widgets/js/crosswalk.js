// The crosswalk: one setting in every convention, and the change of rate that parts them. Python side: momentum_lib/widgets/crosswalk.py

import { clamp, h, parseNumber, plain, pythonFloat, s, show } from "./kit/dom.js";
import { descend } from "./kit/engine.js";
import { equation } from "./kit/equation.js";
import { createFigure } from "./kit/figure.js";
import { CONVENTIONS, PAIRS, REASONS } from "./generated/conventions.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { effectiveRate, lrAtEffectiveRate, momentumEdge } from "./generated/theory.js";
import { marksData } from "./kit/geometry.js";
import { choice, choices, flag, integer, number, point } from "./kit/state.js";
import { LEARNING_RATE, MOMENTUM } from "./kit/sliders.js";

const NAMES = Object.keys(CONVENTIONS);
const PARAMS = { kappa: 25, angle: 0.3 };

export const STATE = {
  source: choice("heavy_ball", NAMES),
  lr: number(0.012, 1e-5, 1000),
  beta: number(0.9, 0, 0.999),
  drop: flag(false),
  drop_at: integer(13, 1, 299),
  factor: number(10, 1, 100),
  shown: choices(["classical_momentum", "heavy_ball", "averaged_momentum"], NAMES, 0),
  start: point([-2.5, -1.2], SURFACES.ravine.domain),
  steps: integer(60, 10, 300),
};

// ---------------------------------------------------------------------------------------------------- pure numbers

/** What conventions.convert answers: the target's learning rate, or the sentence that refuses. @param {string} source @param {string} target @param {number} lr @param {number} beta */
export function convert(source, target, lr, beta) {
  const pair = PAIRS[source][target];
  if (beta === 0) return { lr, refused: null };
  if (pair.refused !== null) return { lr: NaN, refused: REASONS[pair.refused] };
  return {
    lr:
      pair.lr === "divide"
        ? effectiveRate(lr, beta)
        : pair.lr === "multiply"
          ? lrAtEffectiveRate(lr, beta)
          : lr,
    refused: null,
  };
}

/** The points by which a rule is compared: its own, or, for the look-ahead rule, the points at which it looks. @param {string} name @param {{start: number[], steps: number, drop: boolean, drop_at: number, factor: number, beta: number}} state @param {number} lr */
export function run(name, { start, steps, drop, drop_at, factor, beta }, lr) {
  const rule = RULES[name],
    rates = Float64Array.from({ length: steps }, (_, k) => (drop && k >= drop_at ? lr / factor : lr));
  const ahead = rule.template.look !== null;
  const path = descend(rule, SURFACES.ravine, {
    start,
    steps,
    params: PARAMS,
    hyper: { lr: rates, beta },
    extras: ahead,
  });
  if (!ahead) return path;
  const slots = Object.keys(rule.slots);
  const points = path.points.map((theta, k) =>
    rule.lookAt(
      theta,
      slots.map((slot) => path.state[slot][k]),
      { lr: rates[Math.min(k >> 1, steps - 1)], beta },
    ),
  );
  return { ...path, points };
}

/** Length of each step of a flat (x, y) path. @param {ArrayLike<number>} points */
export function stepLengths(points) {
  return Float64Array.from({ length: points.length / 2 - 1 }, (_, k) =>
    Math.hypot(points[2 * k + 2] - points[2 * k], points[2 * k + 3] - points[2 * k + 1]),
  );
}

/** The largest distance between two of the paths at one step, over the largest distance from the minimum. @param {ArrayLike<number>[]} paths */
export function largestDifference(paths) {
  let gap = 0,
    size = 0;
  for (const a of paths) {
    for (let k = 0; k < a.length; k += 2) size = Math.max(size, Math.hypot(a[k], a[k + 1]));
    for (const b of paths)
      for (let k = 0; k < Math.min(a.length, b.length); k += 2)
        gap = Math.max(gap, Math.hypot(a[k] - b[k], a[k + 1] - b[k + 1]));
  }
  return size ? gap / size : 0;
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @type {Record<string, import("./kit/types.js").Shape>} */
const SHAPE = {
  polyak: "diamond",
  classical_momentum: "square",
  heavy_ball: "disc",
  averaged_momentum: "ring",
  dampened_momentum: "triangle",
  nesterov: "triangle",
  nesterov_torch: "diamond",
  nesterov_lerp: "ring",
};

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} CrosswalkFigure */
/** @typedef {import("./kit/types.js").Plot} Plot */
/** @typedef {import("./kit/types.js").Pair} Pair */
/** @typedef {ReturnType<typeof compute>} Drawn */
/** @typedef {"inside"|"outside"} Side where a form keeps its rate */

const titleOf = (/** @type {string} */ name) => RULES[name].title;
/** Whether a rule is compared at the points where it looks. @param {string} name */
const looksAhead = (name) => RULES[name].template.look !== null;
/** The last step at the full rate: within the run, wherever the handle was left. @param {{drop_at: number, steps: number}} state */
const turnOf = ({ drop_at, steps }) => Math.min(drop_at, steps - 1);

/** The rules that are drawn: the source, and every ticked one that converts. @param {State} state */
const drawnNames = ({ source, shown, lr, beta }) =>
  NAMES.filter(
    (name) => name === source || (shown.includes(name) && !convert(source, name, lr, beta).refused),
  );

/** @param {State} state */
function python(state) {
  const { source, lr, beta, drop, factor, start, steps } = state,
    names = drawnNames(state);
  const points = names.includes("nesterov")
    ? 'path.looks if name == "nesterov" else path.points  # nesterov is compared where it looks'
    : "path.points";
  return `import numpy as np
from momentum_lib import convert, descend, rules, surfaces

ravine = surfaces.ravine(kappa=${PARAMS.kappa}, angle=${PARAMS.angle})
divisor = np.where(np.arange(${steps}) < ${turnOf(state)}, 1.0, ${drop ? pythonFloat(factor) : "1.0"})  # the rate is lr / divisor
paths = {}
for name in [${names.map((name) => `"${name}"`).join(", ")}]:
    hyper = convert("${source}", name, lr=${pythonFloat(lr)}, beta=${pythonFloat(beta)})
    lr = hyper.pop("lr")
    path = descend(rules.get(name), ravine, start=[${start.map(pythonFloat).join(", ")}], steps=${steps}, lr=lr / divisor, **hyper)
    paths[name] = ${points}
    print(f"{name:20} lr={lr:.6g}", paths[name][-1])
`;
}

/** Every form's setting; the runs of those that convert, how long their steps are, and what the drop does to the next one. @param {State} state */
function compute(state) {
  const { source, lr, beta, steps } = state,
    turn = turnOf(state),
    now = { ...state, drop_at: turn },
    names = drawnNames(state);
  const settings = Object.fromEntries(NAMES.map((name) => [name, convert(source, name, lr, beta)])),
    able = NAMES.filter((name) => !settings[name].refused);
  const paths = Object.fromEntries(able.map((name) => [name, run(name, now, settings[name].lr)])),
    lengths = Object.fromEntries(able.map((name) => [name, stepLengths(paths[name].points)])),
    ratios = Object.fromEntries(able.map((name) => [name, ratioAt(lengths[name], turn)]));
  return {
    names,
    settings,
    paths,
    lengths,
    ratios,
    turn,
    steps,
    gap: largestDifference(names.map((name) => paths[name].points)),
    divergedAt: names.map((name) => paths[name].divergedAt).find(Boolean) || null,
  };
}

/** The length of the step after the turn over the last one before it; NaN where there is none. @param {Float64Array} lengths @param {number} turn */
const ratioAt = (lengths, turn) =>
  turn < lengths.length && lengths[turn - 1] > 0 ? lengths[turn] / lengths[turn - 1] : NaN;

/** A ratio of lengths in words. @param {Drawn} drawn @param {string} name */
function times({ ratios, divergedAt }, name) {
  if (Number.isNaN(ratios[name])) return divergedAt ? "diverged" : "none";
  return `× ${ratios[name].toFixed(3)}`;
}

/** The drawn forms that stand for the two places of the rate; outside, a rule's own points before those at which one looks. @param {string[]} names @returns {Record<Side, string|undefined>} */
function examples(names) {
  const outside = names.filter((name) => CONVENTIONS[name].rate === "outside");
  return {
    inside: names.find((name) => CONVENTIONS[name].rate === "inside"),
    outside: outside.find((name) => !looksAhead(name)) ?? outside[0],
  };
}

// ---- the picture of the paths

/** @param {CrosswalkFigure} fig */
function addPlane(fig) {
  const [xs, ys] = SURFACES.ravine.domain;
  const plot = fig.plot({
    label: "The ravine seen from above, and the path of every convention",
    x: { domain: xs, hidden: true },
    y: { domain: ys, hidden: true },
    equal: true,
    margin: { top: 1, right: 1, bottom: 1, left: 1 },
  });
  const startAt = (/** @type {number} */ x, /** @type {number} */ y) => fig.set({ start: [x, y] });
  plot.onPick(startAt);
  return {
    plot,
    contours: plot.contours({ count: 9, cells: 150 }),
    minimum: plot.marks({ class: "lf-minimum", shape: "cross", radius: 4, layer: "front" }),
    /** Called once the paths lie below it. */
    addHandle: () =>
      plot.handle({ label: "Start of the paths", bounds: () => STATE.start.domain, set: startAt }),
  };
}

/** What is drawn of each form: its path with marks, and the lengths of its steps. @param {Plot} plane @param {Plot} lengths */
const addTracks = (plane, lengths) =>
  Object.fromEntries(
    NAMES.map((name) => {
      const look = RULES[name].family,
        line = plane.line({ look, path: true }),
        dots = plane.marks({ look, shape: SHAPE[name], class: "lf-nested" }),
        length = lengths.line({ look, class: "lf-thin" });
      for (const part of [line, length]) part.node.style.setProperty("--lf-dash", RULES[name].dash);
      return [name, { line, dots, length }];
    }),
  );

/** The points of a path that lie at least so many pixels from the last one kept: where the steps are tiny their marks would be one blot. @param {Plot} plane @param {ArrayLike<number>} points @param {number} pixels */
function apart(plane, points, pixels) {
  const kept = [points[0], points[1]];
  for (let k = 2; k < points.length; k += 2) {
    const [x, y] = kept.slice(-2),
      dx = plane.x(points[k]) - plane.x(x),
      dy = plane.y(points[k + 1]) - plane.y(y);
    if (Math.hypot(dx, dy) >= pixels) kept.push(points[k], points[k + 1]);
  }
  return kept;
}

/** The lengths of steps as a curve over the steps. @param {Float64Array} all */
const lengthCurve = (all) =>
  Float64Array.from({ length: 2 * all.length }, (_, i) =>
    i % 2 ? Math.max(all[i >> 1], 1e-300) : (i >> 1) + 1,
  );

/** @param {ReturnType<typeof addTracks>} tracks @param {Plot} plane @param {Drawn} drawn */
function drawTracks(tracks, plane, { names, paths, lengths }) {
  for (const name of NAMES) {
    const { line, dots, length } = tracks[name],
      rank = names.indexOf(name);
    if (rank < 0) {
      for (const part of [line, dots, length]) part.clear();
      continue;
    }
    const { points } = paths[name],
      kept = apart(plane, points, 6 + 4.2 * names.length);
    line.update(points);
    // One mark inside the other, so that each can be seen where all are at one point.
    dots.path(marksData(kept, plane.x, plane.y, plane.frame(), SHAPE[name], 1.8 + 2.1 * rank));
    length.update(lengthCurve(lengths[name]));
  }
}

// ---- the picture of the lengths, with the handle at which the rate drops

/** @param {CrosswalkFigure} fig */
function addLengths(fig) {
  const plot = fig.plot({
    label: "Length of each step",
    x: { domain: [0, 60], label: "step", count: 4 },
    y: { type: "log", domain: [1e-3, 2], label: "length of the step", count: 4 },
    height: (width) => Math.max(190, Math.min(width * 0.9, 300)),
    margin: { top: 26, left: 42, right: 14 },
  });
  return {
    plot,
    wall: plot.line({ class: "lf-guide", layer: "back" }),
    wallName: plot.text({ class: "lf-direct" }),
    sides: { inside: plot.text({ class: "lf-direct" }), outside: plot.text({ class: "lf-direct" }) },
  };
}

/** Steps that each arrow key moves the drop. @type {Record<string, number>} */
const KEYS = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 };

/** @param {CrosswalkFigure} fig @param {Plot} lengths */
function addGate(fig, lengths) {
  const turn = () => turnOf(fig.snapshot());
  const gate = lengths.handle({
    label: "Step after which the rate drops",
    axis: "x",
    bounds: () => [
      [1, fig.get("steps") - 1],
      [1e-3, 2],
    ],
    set: (x) => fig.set({ drop_at: Math.round(x), drop: true }),
    words: () =>
      fig.get("drop")
        ? `the rate is divided by ${show(fig.get("factor"))} after step ${turn()}`
        : "the rate stays constant",
  });
  /** A key moves it by whole steps, however long the axis is. @param {KeyboardEvent} event */
  const byKey = (event) => {
    const by = KEYS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const to = turn() + by * (event.shiftKey ? 10 : 1);
    fig.set({ drop_at: clamp(to, 1, fig.get("steps") - 1), drop: true });
  };
  fig.life.on(gate.node, "keydown", byKey, { capture: true });
  return gate;
}

/** The axis of the lengths: one to six decades, whatever the runs do. @param {Drawn} drawn @returns {Pair} */
function lengthRange({ names, lengths }) {
  let low = Infinity,
    high = 0;
  for (const name of names)
    for (const v of lengths[name])
      if (v > 0) {
        low = Math.min(low, v);
        high = Math.max(high, v);
      }
  if (high === 0) low = high = 1; // every path stands still
  const top = Math.ceil(Math.log10(clamp(high, 1e-6, 1e3))),
    bottom = Math.floor(Math.log10(Math.min(low, high / 10)));
  return [10 ** Math.max(Math.min(bottom, top - 1), top - 6), 10 ** top];
}

/** The line at which the rate drops, and its handle. @param {ReturnType<typeof addLengths>} lengths @param {ReturnType<typeof addGate>} gate @param {State} state @param {number} turn */
function drawWall({ plot, wall, wallName }, gate, { drop, factor, steps }, turn) {
  const [low, high] = plot.frame()[1],
    grip = high * (low / high) ** 0.08,
    late = turn > 0.55 * steps;
  wall.update([turn, low, turn, high]);
  wall.node.style.strokeOpacity = drop ? "1" : "0.35";
  gate.update(turn, grip);
  wallName.anchor(late ? "end" : "start");
  const words = drop ? `rate ÷ ${show(factor)} after step ${turn}` : "drag: the rate drops";
  wallName.update(turn, grip, words, late ? -16 : 16, 4);
}

/** Names beside the two curves where the drop has parted them. @param {ReturnType<typeof addLengths>} lengths @param {State} state @param {Drawn} drawn @param {Record<Side, string|undefined>} shown */
function nameSides({ plot, sides }, { drop, steps }, { lengths, turn }, shown) {
  const low = plot.frame()[1][0],
    from = turn + Math.round(0.12 * steps);
  for (const side of /** @type {Side[]} */ (["inside", "outside"])) {
    const name = shown[side],
      all = name ? lengths[name] : [],
      inside = side === "inside";
    if (!(drop && shown.inside && shown.outside && all.length === steps && turn < 0.7 * steps)) {
      sides[side].clear();
      continue;
    }
    const part = all.slice(from - 1, from + Math.round(0.2 * steps)),
      at = inside ? Math.max(...part) : Math.min(...part);
    sides[side].update(from, Math.max(at, low), `rate ${side}`, 2, inside ? -9 : 18);
  }
}

// ---- controls

/** The rate above which the source's form diverges. @param {State} state */
function edge({ source, beta }) {
  const { weight, measures } = CONVENTIONS[source];
  return momentumEdge(PARAMS.kappa, beta, measures === "ahead", weight === "1 - beta");
}

/** Another formula for the same run where there is one; else the same numbers in the new formula. @param {CrosswalkFigure} fig @param {string} name */
function adopt(fig, name) {
  const found = convert(fig.get("source"), name, fig.get("lr"), fig.get("beta"));
  fig.set({ source: name, ...(found.refused ? {} : { lr: found.lr }) });
}

/** @param {CrosswalkFigure} fig */
function addControls(fig) {
  const top = () => edge(fig.snapshot());
  fig.select({
    name: "source",
    label: "your formula",
    options: NAMES.map((name) => ({
      value: name,
      label: `${titleOf(name)} (${CONVENTIONS[name].usedBy.split(/,| as | with /)[0]})`,
    })),
    set: (name) => adopt(fig, name),
  });
  fig.slider({
    ...LEARNING_RATE,
    range: () => [top() / 100, 1.05 * top()],
    marks: () => [{ value: top(), label: "edge", side: "end", class: "lf-mark-edge" }],
  });
  fig.slider(MOMENTUM);
  fig.segments({
    name: "drop",
    label: "the rate",
    options: [
      { value: "stays", label: "stays" },
      { value: "drops", label: "drops" },
    ],
    get: () => (fig.get("drop") ? "drops" : "stays"),
    set: (value) => fig.set({ drop: value === "drops" }),
  });
  fig.slider({
    name: "drop_at",
    label: "drops after step",
    range: () => [1, fig.get("steps") - 1],
    get: () => turnOf(fig.snapshot()),
    set: (v) => fig.set({ drop_at: v }),
    fold: true,
  });
  fig.slider({ name: "factor", label: "divided by", type: "log", fold: true });
  fig.slider({ name: "steps", label: "steps drawn", type: "log", fold: true });
}

/** @param {CrosswalkFigure} fig */
function addReadouts(fig) {
  const sayGap = fig.readout("largest difference of the paths"),
    sayInside = fig.readout("next step, rate inside"),
    sayOutside = fig.readout("next step, rate outside");
  /** @param {Drawn} drawn */
  const gapWords = ({ names, gap }) => {
    if (names.length < 2) return "tick a second form";
    if (gap === 0) return "0, identical";
    return gap < 1e-9 ? `${show(gap, 2)}, identical` : show(gap, 3);
  };
  return (/** @type {Drawn} */ drawn, /** @type {State} */ state) => {
    const { inside, outside } = examples(drawn.names);
    sayGap(gapWords(drawn));
    sayInside(inside ? times(drawn, inside) : "none drawn");
    sayOutside(outside ? times(drawn, outside) : "none drawn");
    fig.speak(sentence(drawn, state));
  };
}

/** What the picture shows, for a screen reader. @param {Drawn} drawn @param {State} state */
function sentence(drawn, { drop, factor, lr, beta }) {
  const { names, gap, turn } = drawn,
    differ = gap < 1e-9 ? "nothing but rounding" : show(gap),
    setting = `At learning rate ${show(lr)} and momentum ${show(beta)}`,
    first =
      names.length === 1
        ? `${setting} one form is drawn.`
        : `${setting} the paths of ${names.length} forms differ by ${differ}.`;
  if (!drop) return first;
  const parts = Object.entries(examples(names))
    .filter(([, name]) => name)
    .map(([side, name]) => `${times(drawn, /** @type {string} */ (name))} with the rate ${side}`);
  return `${first} The rate is divided by ${show(factor)} after step ${turn}: the next step is ${parts.join(" and ")}.`;
}

// ---- the table of conventions

/** A sample of the line of a rule. @param {string} name */
function swatch(name) {
  const line = s("path", { class: "lf-line", "data-look": RULES[name].family, d: "M1,6H33" });
  line.style.setProperty("--lf-dash", RULES[name].dash);
  return s("svg", { class: "lf-swatch", viewBox: "0 0 34 12", "aria-hidden": "true" }, line);
}

/** One convention: tick, formula, and its rate, which can be typed. @param {CrosswalkFigure} fig @param {string} name */
function addRow(fig, name) {
  const { usedBy, lines } = CONVENTIONS[name],
    title = titleOf(name);
  const tick = h("input", { type: "checkbox", "aria-label": `Draw ${title}` });
  const rate = h("input", {
    type: "text",
    inputmode: "decimal",
    size: 7,
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "—",
    "aria-label": `Learning rate of ${title}`,
  });
  const momentum = h("span", { class: "lf-beta" }),
    next = h("span", { class: "lf-next" }),
    users = h("small", { text: looksAhead(name) ? `${usedBy}; drawn where it looks` : usedBy });
  const node = h(
    "li",
    { class: "lf-row", "data-look": RULES[name].family, "data-rule": name },
    h(
      "label",
      { class: "lf-row-name" },
      tick,
      swatch(name),
      h("span", {}, h("b", { text: title }), " ", users),
    ),
    h("span", { class: "lf-row-text" }, ...lines.map(equation)),
    h(
      "span",
      { class: "lf-row-values" },
      h("span", { class: "lf-value" }, h("i", { class: "lf-symbol", text: "η" }), " ", rate),
      momentum,
      next,
    ),
  );
  fig.life.on(tick, "change", () => {
    const shown = fig.get("shown");
    fig.set({ shown: NAMES.filter((other) => (other === name ? tick.checked : shown.includes(other))) });
  });
  typeRate(fig, name, rate);
  return { node, tick, rate, momentum, next };
}

/** A row's rate as the state has it. @param {CrosswalkFigure} fig @param {string} name @param {HTMLInputElement} rate */
function fill(fig, name, rate) {
  const { source, lr, beta } = fig.snapshot(),
    found = convert(source, name, lr, beta);
  rate.value = rate.dataset.shown = found.refused ? "" : plain(found.lr, 6);
}

/** A rate typed into a row makes that row's form the source. @param {CrosswalkFigure} fig @param {string} name @param {HTMLInputElement} rate */
function typeRate(fig, name, rate) {
  const { min, max } = STATE.lr;
  const enter = () => {
    const found = parseNumber(rate.value);
    if (rate.value.trim() !== "" && found !== Number(rate.dataset.shown)) {
      const allowed = found >= min && found <= max;
      fig.say(
        allowed
          ? ""
          : `The learning rate lies between ${show(min)} and ${show(max)}; “${rate.value}” does not.`,
      );
      if (allowed) fig.set({ source: name, lr: found });
    }
    fill(fig, name, rate);
  };
  fig.life.on(rate, "change", enter);
  fig.life.on(rate, "keydown", (event) => {
    if (event.key === "Enter") {
      enter();
      rate.select();
      event.preventDefault();
    }
    if (event.key === "Escape") fill(fig, name, rate);
  });
  fig.life.on(rate, "focus", () => rate.select());
}

const SECTIONS = /** @type {const} */ ([
  ["here", "Gradient measured at the point."],
  ["ahead", "Gradient measured ahead."],
]);

/** All conventions, by where they measure the gradient; returns what fills the table. @param {CrosswalkFigure} fig */
function addTable(fig) {
  const table = h("div", { class: "lf-crosswalk" });
  fig.controls.after(table);
  const sections = SECTIONS.map(([where, heading]) => {
    const reason = h("span", { class: "lf-reason" }),
      members = NAMES.filter((name) => CONVENTIONS[name].measures === where),
      rows = members.map((name) => ({ name, ...addRow(fig, name) }));
    table.append(
      h("p", { class: "lf-rows-title" }, h("b", { text: heading }), " ", reason),
      h("ul", { class: "lf-rows" }, ...rows.map(({ node }) => node)),
    );
    return { members, reason, rows };
  });
  return (/** @type {Drawn} */ drawn, /** @type {State} */ state) => {
    for (const { members, reason, rows } of sections) {
      const words = reasonFor(members, drawn, state);
      if (reason.textContent !== words) reason.textContent = words;
      for (const row of rows) fillRow(fig, row, drawn, state);
    }
  };
}

/** Why the forms of a section cannot be had from the source, or what parts them once the rate drops. @param {string[]} members @param {Drawn} drawn @param {State} state */
function reasonFor(members, { settings }, { source, drop, beta }) {
  const { refused } = settings[members[0]];
  if (refused) return refused.replace("{source}", titleOf(source)).replace("{target}", "these forms");
  if (!drop || beta === 0) return "";
  const parts = members.map((name) => PAIRS[source][name].parts).find((k) => k !== null);
  return parts === undefined || parts === null
    ? ""
    : REASONS[parts]
        .replace("{source} and {target}", "These forms")
        .replace(" They agree at a constant rate (constant_rate=True).", "");
}

/** @param {CrosswalkFigure} fig @param {ReturnType<typeof addRow> & {name: string}} row @param {Drawn} drawn @param {State} state */
function fillRow(fig, { name, node, tick, rate, momentum, next }, drawn, { source, drop, beta }) {
  const refused = drawn.settings[name].refused !== null,
    mine = name === source;
  tick.checked = drawn.names.includes(name);
  tick.disabled = mine || refused;
  node.classList.toggle("is-mine", mine);
  node.classList.toggle("is-refused", refused);
  if (!rate.matches(":focus")) fill(fig, name, rate);
  momentum.textContent = refused ? "" : `β ${plain(beta, 4)}`;
  next.textContent = refused || !drop ? "" : `next step ${times(drawn, name)}`;
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "One run, eight ways to write it: where do the forms agree, and what parts them?",
    python,
  });
  const plane = addPlane(fig),
    lengths = addLengths(fig),
    tracks = addTracks(plane.plot, lengths.plot),
    handle = plane.addHandle(),
    gate = addGate(fig, lengths.plot);
  addControls(fig);
  const tell = addReadouts(fig),
    fillTable = addTable(fig);

  let drawn = compute(fig.snapshot());
  fig.draw(() => {
    const state = fig.snapshot(),
      { value, params } = SURFACES.ravine,
      where = { ...params, ...PARAMS };
    drawn = compute(state);
    plane.contours.update((x, y) => value(x, y, where), "ravine");
    plane.minimum.update([0, 0]);
    handle.update(state.start[0], state.start[1]);
    lengths.plot.setDomain([0, state.steps], lengthRange(drawn));
    drawTracks(tracks, plane.plot, drawn);
    drawWall(lengths, gate, state, drawn.turn);
    nameSides(lengths, state, drawn, examples(drawn.names));
    fillTable(drawn, state);
    tell(drawn, state);
  });
  fig.numbers(() => {
    const { names, settings, paths, ratios, gap, turn, divergedAt } = drawn;
    /** @param {string[]} list @param {(name: string) => unknown} of */
    const table = (list, of) => Object.fromEntries(list.map((name) => [name, of(name)]));
    return {
      drawn: names,
      settings: table(NAMES, (name) => (settings[name].refused ? null : settings[name].lr)),
      paths: table(names, (name) => Array.from(paths[name].points)),
      difference: gap,
      turn,
      ratios: table(names, (name) => (Number.isNaN(ratios[name]) ? null : ratios[name])),
      divergedAt,
    };
  });
  return fig.start();
}
