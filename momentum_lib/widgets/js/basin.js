// Heavy ball's basin of cycling: a run on Lessard's function, a strip of all starts, a map of all settings.
// Python side: momentum_lib/widgets/basin.py

import { curve, middles } from "./kit/curve.js";
import { assign, clamp, h, percent, pythonFloat, s, show } from "./kit/dom.js";
import { DIVERGES, WANDERS, descend, endings } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { FORMS, momentumEdge } from "./generated/theory.js";
import { inSentence } from "./kit/looks.js";
import { choice, number } from "./kit/state.js";
import { inPieces } from "./kit/work.js";

/** @typedef {[number, number]} Pair */

const STARTS = /** @type {Pair} */ ([-5, 6]),
  LRS = /** @type {Pair} */ ([0, 0.16]),
  BETAS = /** @type {Pair} */ ([0, 0.96]);
export const STATE = {
  rule: choice("heavy_ball", ["heavy_ball", "nesterov", "gradient_descent"]),
  start: number(3.3, ...STARTS),
  lr: number(1 / 9, 0.001, LRS[1]),
  beta: number(4 / 9, ...BETAS),
};
const FIELD = SURFACES.lessard,
  CURVATURE = 25,
  STEPS = 1000,
  TOL = 1e-6,
  WANDER_SHOWN = 120,
  TOP = 170;
/** The kinds of ending, each with a look that needs no colour. */
const KINDS = /** @type {Record<string, (code: number) => boolean>} */ ({
  full: (code) => code > 0,
  dotted: (code) => code === WANDERS,
  hatched: (code) => code === DIVERGES,
});

// ---------------------------------------------------------------------------------------------------- pure numbers

/** The cells of the strip and of the map, each run from its middle. */
export const STRIP = middles(STARTS, 440);
export const MAP = { lrs: middles(LRS, 64), betas: middles(BETAS, 48) };

/** Every start at one setting. @param {string} rule @param {number} lr @param {number} beta */
export const strip = (rule, lr, beta) =>
  endings(
    RULES[rule],
    FIELD,
    STRIP,
    { lr: new Float64Array(STRIP.length).fill(lr), beta: new Float64Array(STRIP.length).fill(beta) },
    { steps: STEPS },
  ).codes;

/** Every learning rate at one momentum, the j-th row of the map. @param {string} rule @param {number} start @param {number} j */
export const row = (rule, start, j) =>
  endings(
    RULES[rule],
    FIELD,
    new Float64Array(MAP.lrs.length).fill(start),
    { lr: MAP.lrs, beta: new Float64Array(MAP.lrs.length).fill(MAP.betas[j]) },
    { steps: STEPS },
  ).codes;

/** The learning rate beyond which the minimum itself drives runs away. @param {string} rule @param {number} beta */
export const edge = (rule, beta) =>
  momentumEdge(CURVATURE, RULES[rule].momentum ? beta : 0, FORMS[rule].ahead, FORMS[rule].averaged);

/**
 * One run: its ending, the cycle from its largest point, the step from which it stays within TOL of it, and the points to show.
 * @param {string} rule @param {number} start @param {number} lr @param {number} beta
 */
export function trace(rule, start, lr, beta) {
  const {
    codes: [code],
    at: [at],
  } = endings(RULES[rule], FIELD, [start], { lr: [lr], beta: [beta] }, { steps: STEPS });
  const { points } = descend(RULES[rule], FIELD, { start: [start], steps: at, hyper: { lr, beta } });
  let cycle = /** @type {number[]} */ ([]),
    settled = /** @type {number|null} */ (null);
  if (code > 0) {
    const last = Array.from(points.subarray(points.length - code)),
      first = last.indexOf(Math.max(...last));
    cycle = [...last.slice(first), ...last.slice(0, first)];
    settled = 0;
    for (let t = 0; t + code < points.length; t++)
      if (Math.abs(points[t + code] - points[t]) > TOL) settled = t + 1;
  }
  const shown =
    code === WANDERS
      ? WANDER_SHOWN
      : code > 0
        ? Math.min(at, /** @type {number} */ (settled) + 4 * code)
        : at;
  return { code, at, cycle, settled, path: points.slice(0, shown + 1) };
}

/** The part of the codes that are cycles. @param {ArrayLike<number>} codes */
export const share = (codes) => Array.from(codes).filter((code) => code > 0).length / codes.length;

/**
 * SVG path data of the cells of one kind, row by row from below; neighbours in a row are joined.
 * @param {ArrayLike<number>} codes @param {number} nx @param {(code: number) => boolean} wanted
 * @param {{left: number, right: number, top: number, bottom: number}} box
 */
export function cells(codes, nx, wanted, { left, right, top, bottom }) {
  const ny = codes.length / nx,
    px = (/** @type {number} */ i) => (left + ((right - left) * i) / nx).toFixed(1),
    py = (/** @type {number} */ j) => (bottom - ((bottom - top) * j) / ny).toFixed(1);
  let text = "";
  for (let j = 0; j < ny; j++)
    for (let i = 0, from = -1; i <= nx; i++) {
      const now = i < nx && wanted(codes[j * nx + i]);
      if (now && from < 0) from = i;
      if (!now && from >= 0) {
        text += `M${px(from)},${py(j)}H${px(i)}V${py(j + 1)}H${px(from)}Z`;
        from = -1;
      }
    }
  return text;
}

/** How a run ends, in words. @param {{code: number, at: number}} run */
function told({ code, at }) {
  if (code > 0) return `goes round ${code} points for ever`;
  if (code === 0) return `comes to rest by step ${at}`;
  return code === DIVERGES ? `diverges at step ${at}` : `does neither in ${STEPS} steps`;
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} BasinFigure */
/** @typedef {import("./kit/types.js").Plot} Plot */
/** @typedef {ReturnType<typeof trace>} Run */
/** @typedef {(codes: ArrayLike<number>, family: string) => void} Painter */

/** The same in the playground: the function of a line, with a bowl across. @param {State} state @returns {Partial<import("./play/types.js").PlayState>} */
const playground = ({ rule, start, lr, beta }) => ({
  surface: { kind: "library", name: "lessard", params: {} },
  rules: [{ rule, hyper: rule === "gradient_descent" ? { lr } : { lr, beta } }],
  picked: 0,
  starts: [[start, 1.2]],
});

/** @param {State} state */
const python = ({ rule, start, lr, beta }) => `from momentum_lib import descend, rules, surfaces

path = descend(rules.${rule}, surfaces.lessard, [${pythonFloat(start)}], steps=${STEPS},
               lr=${pythonFloat(lr)}${RULES[rule].momentum ? `, beta=${pythonFloat(beta)}` : ""})
print(path)
print(path.points[-6:, 0])
`;

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Where does it end? Drag the start, and look for places from which the run never comes to rest",
    python,
    playground,
  });
  fig.root.classList.add("lf-basin");
  const { rule: first, start: begin, lr: rate0, beta: beta0 } = fig.snapshot(),
    drawn = { run: trace(first, begin, rate0, beta0) };
  const words = () => told(drawn.run);
  const starting = h("div", {}),
    stack = h("div", { class: "lf-stack lf-split" }, starting),
    side = h("div", {});
  fig.pictures.append(stack, side);
  const hill = addHill(fig, starting),
    starts = addStrip(fig, starting, words),
    fall = addFall(fig, stack),
    map = addMap(fig, side, words),
    momentum = addControls(fig);
  const time = fig.player({
    length: () => drawn.run.path.length - 1,
    seconds: () => clamp(drawn.run.path.length / 7, 2, 10),
  });
  fig.onReset(() => time.end());
  const say = addReadouts(fig);

  fig.draw(() => {
    const state = fig.snapshot(),
      { rule, start, lr, beta } = state,
      run = (drawn.run = trace(rule, start, lr, beta)),
      head = time.head();
    hill(state, run, head);
    fall(state, run, head);
    starts.draw(state);
    map.draw(state);
    momentum.hidden = !RULES[rule].momentum;
    say(state, run, share(starts.codes()));
  });
  fig.numbers(() => ({
    ...drawn.run,
    path: Array.from(drawn.run.path),
    strip: Array.from(starts.codes()),
    share: share(starts.codes()),
    map: Array.from(map.codes()),
    edge: edge(fig.get("rule"), fig.get("beta")),
    head: time.head(),
  }));
  return fig.start();
}

/** Sets the start, as it is dragged or picked. @param {BasinFigure} fig */
const placing = (fig) => (/** @type {number} */ x) => fig.set({ start: Number(x.toFixed(3)) });
const height = (/** @type {number} */ at) => FIELD.value(at, 0, FIELD.params);
/** The axis and the sides that the three pictures of starts share. */
const ALONG = { domain: STARTS, count: 6 },
  MARGIN = { left: 40, right: 10 };

/**
 * A run in a picture, in the look of its rule's family: its way, its points and, while time passes, the point of now.
 * @param {Plot} plot @param {number} radius
 */
function addRun(plot, radius) {
  const looks = STATE.rule.options.map((name) => {
    const look = RULES[name].family;
    return {
      name,
      way: plot.line({ look, class: "lf-faint" }),
      dots: plot.marks({ look, radius }),
      now: plot.marks({ look, radius: 5, layer: "front" }),
    };
  });
  /** @param {string} rule @param {Float64Array} xy @param {number} head */
  return (rule, xy, head) => {
    for (const { name, way, dots, now } of looks) {
      const shown = name === rule;
      if (shown) way.update(xy, head);
      else way.clear();
      if (shown) dots.update(xy, head);
      else dots.clear();
      if (shown && 2 * head < xy.length - 2) now.update(xy.slice(2 * head, 2 * head + 2));
      else now.clear();
    }
  };
}

/** The function, with the run's points on it. @param {BasinFigure} fig @param {HTMLElement} parent */
function addHill(fig, parent) {
  const hill = fig.plot({
    parent,
    label: "The function, with the run's points on it",
    x: { ...ALONG, hidden: true },
    y: { domain: [-6, TOP], label: "f(θ)", count: 3 },
    height: (width) => clamp(width * 0.36, 130, 190),
    share: { column: 0.34 },
    margin: { ...MARGIN, top: 26, bottom: 4 },
  });
  const ground = hill.line({ class: "lf-truth", layer: "back" }),
    plumb = hill.line({ class: "lf-guide", layer: "back" }),
    run = addRun(hill, 2.6);
  hill.onLayout(() => ground.update(curve(height, STARTS, 220)));
  hill.onPick(placing(fig));
  /** @param {State} state @param {Run} now @param {number} head */
  return ({ rule, start }, { path }, head) => {
    plumb.update([start, TOP, start, height(start)]);
    run(
      rule,
      Float64Array.from({ length: 2 * path.length }, (_, k) => (k % 2 ? height(path[k >> 1]) : path[k >> 1])),
      head,
    );
  };
}

/** The strip of all starts, each in the look of its ending. @param {BasinFigure} fig @param {HTMLElement} parent @param {() => string} words */
function addStrip(fig, parent, words) {
  const plot = fig.plot({
    parent,
    label: "How the run from each start ends",
    x: { ...ALONG, label: "start θ₀: full, it ends in a cycle" },
    y: { domain: [0, 1], hidden: true },
    height: () => 74,
    share: { column: 0.2 },
    margin: { ...MARGIN, top: 4 },
  });
  const plumb = plot.line({ class: "lf-guide", layer: "back" }),
    handle = plot.handle({
      label: "Start",
      starts: true,
      axis: "x",
      set: placing(fig),
      words: (at) => `start ${show(at)}: ${words()}`,
    }),
    paint = painter(plot, STRIP.length),
    kept = { key: "", codes: new Int16Array(STRIP.length) };
  plot.onPick(placing(fig));
  return {
    codes: () => kept.codes,
    /** @param {State} state */
    draw({ rule, start, lr, beta }) {
      const key = [rule, lr, beta].join(),
        { family } = RULES[rule];
      if (key !== kept.key) Object.assign(kept, { key, codes: strip(rule, lr, beta) });
      plumb.update([start, 1, start, 0]);
      handle.update(start, 0.5);
      handle.node.setAttribute("data-look", family);
      paint(kept.codes, family);
    },
  };
}

/** The run, step by step downwards, and its cycle as columns. @param {BasinFigure} fig @param {HTMLElement} parent */
function addFall(fig, parent) {
  const fall = fig.plot({
    parent,
    label: "The run, step by step downwards",
    x: { ...ALONG, hidden: true },
    y: { domain: [-1, 0], label: "step", count: 4, format: (v) => show(-v) },
    height: (width) => clamp(width * 0.48, 180, 250),
    share: { column: 0.45 },
    margin: { ...MARGIN, top: 26, bottom: 8 },
  });
  const plumb = fall.line({ class: "lf-guide", layer: "back" }),
    columns = [0, 1, 2, 3].map(() => fall.line({ class: "lf-guide", layer: "back" })),
    rest = fall.line({ class: "lf-guide", layer: "back" }),
    run = addRun(fall, 2.4),
    names = columns.map(() => fall.text({ class: "lf-direct", anchor: "middle" }));
  /** @param {State} state @param {Run} now @param {number} head */
  return ({ rule, start }, { path, cycle }, head) => {
    const n = path.length - 1,
      few = cycle.length <= columns.length ? cycle : [];
    fall.setDomain(STARTS, [-Math.max(n, 1), 0]);
    plumb.update([start, 0, start, -1]);
    rest.update([0, 0, 0, -n]);
    columns.forEach((line, k) => (k < few.length ? line.update([few[k], 0, few[k], -n]) : line.clear()));
    names.forEach((text, k) =>
      k < few.length ? text.update(few[k], 0, show(few[k], 3), 0, -6) : text.clear(),
    );
    run(
      rule,
      Float64Array.from({ length: 2 * path.length }, (_, k) => (k % 2 ? -(k >> 1) : path[k >> 1])),
      head,
    );
  };
}

/** How the run from this start ends at each setting, with the stability edge. @param {BasinFigure} fig @param {HTMLElement} parent @param {() => string} words */
function addMap(fig, parent, words) {
  const map = fig.plot({
    parent,
    label: "How the run from this start ends at each setting: learning rate to the right, momentum upwards",
    x: { domain: LRS, label: "learning rate η", count: 4 },
    y: { domain: BETAS, label: "momentum β", count: 5 },
    height: (width) => clamp(width * 1.02, 290, 430),
    margin: { ...MARGIN, top: 26 },
  });
  const legend = addLegend(parent),
    limit = map.line({ class: "lf-theory", layer: "marks" }),
    limitName = map.text({ class: "lf-on-map", anchor: "end" }),
    pick = (/** @type {number} */ lr, /** @type {number} */ beta) =>
      fig.set({ lr: Number(lr.toPrecision(4)), beta: Number(beta.toFixed(4)) });
  const cross = map.handle({
    label: "Learning rate and momentum",
    set: pick,
    bounds: () => [[STATE.lr.min, STATE.lr.max], BETAS],
    words: (lr, beta) => `learning rate ${show(lr)}, momentum ${show(beta)}: ${words()}`,
  });
  map.onPick(pick);
  const field = addMapCells(fig, painter(map, MAP.lrs.length));
  return {
    codes: field.codes,
    /** @param {State} state */
    draw(state) {
      const { rule, lr, beta } = state,
        { family } = RULES[rule];
      field.update(state);
      cross.update(lr, beta);
      cross.node.setAttribute("data-look", family);
      legend.setAttribute("data-look", family);
      limit.update(curve((at) => edge(rule, at), BETAS, 49, { upright: true }));
      limitName.update(edge(rule, 0.2), 0.2, "stability edge", -6, 4);
    },
  };
}

/** What the looks of the cells mean. Class names stand here in full: the site keeps the styles of those that it can read. @param {HTMLElement} parent */
function addLegend(parent) {
  const entry = (/** @type {string} */ swatch, /** @type {string} */ words) =>
    h("span", { class: "lf-legend-entry" }, h("span", { class: swatch }), words);
  const legend = h(
    "p",
    { class: "lf-legend" },
    entry("lf-swatch-blank", "comes to rest"),
    entry("lf-swatch-full", "cycles for ever"),
    entry("lf-swatch-dotted", "neither"),
    entry("lf-hatched", "diverges"),
  );
  parent.append(legend);
  return legend;
}

/**
 * The cells of the map, which depend on rule and start alone: some rows after each frame; the others keep their last picture
 * until their turn.
 * @param {BasinFigure} fig @param {Painter} paint
 */
function addMapCells(fig, paint) {
  const kept = {
    key: "",
    codes: new Int16Array(MAP.lrs.length * MAP.betas.length),
    rows: MAP.betas.length,
  };
  /** @param {() => boolean} over */
  function fill(over) {
    const { rule, start } = fig.snapshot(),
      codes = kept.codes.slice();
    for (; kept.rows < MAP.betas.length && !over(); kept.rows++)
      codes.set(row(rule, start, kept.rows), kept.rows * MAP.lrs.length);
    kept.codes = codes;
    paint(codes, RULES[rule].family);
    return kept.rows < MAP.betas.length;
  }
  const goOn = inPieces(fig.life, fill);
  return {
    /** All of them, the rows that wait included. */
    codes() {
      if (kept.rows < MAP.betas.length) fill(() => false);
      return kept.codes;
    },
    /** @param {State} state */
    update({ rule, start }) {
      const key = [rule, start].join();
      if (key === kept.key) return;
      Object.assign(kept, { key, rows: 0 });
      goOn();
    },
  };
}

/** The patterns of the kinds that need no colour. @param {Plot} plot @param {string} id */
function addPatterns(plot, id) {
  const size = { width: 5, height: 5, patternUnits: "userSpaceOnUse" };
  plot.svg
    .querySelector("defs")
    ?.append(
      s(
        "pattern",
        { id: `${id}-dotted`, ...size },
        s("circle", { class: "lf-speck", cx: 2.5, cy: 2.5, r: 0.9 }),
      ),
      s(
        "pattern",
        { id: `${id}-hatched`, ...size, patternTransform: "rotate(-45)" },
        s("path", { class: "lf-stroke", d: "M0,2.5H5" }),
      ),
    );
}

/** Paints codes into a picture, each kind with its own look: nothing, full, dots, hatching. @param {Plot} plot @param {number} nx @returns {Painter} */
function painter(plot, nx) {
  const id = `lf-basin-${Math.random()}`; // another figure of the page may have patterns of its own
  addPatterns(plot, id);
  const frame = s("rect", { class: "lf-cells-frame" }),
    nodes = Object.keys(KINDS).map((kind) =>
      s("path", {
        class: kind === "full" ? "lf-cells lf-cells-full" : "lf-cells",
        fill: kind === "full" ? undefined : `url(#${id}-${kind})`,
        "aria-hidden": "true",
      }),
    );
  plot.layers.back.append(frame, ...nodes);
  const kept = { codes: /** @type {ArrayLike<number>} */ ([]), look: "" }; // another look comes with other codes
  const draw = () => {
    const { left, right, top, bottom } = plot.inner;
    assign(frame, {
      x: left,
      y: top,
      width: Math.max(0, right - left),
      height: Math.max(0, bottom - top),
    });
    nodes.forEach((node, k) =>
      assign(node, {
        d: cells(kept.codes, nx, Object.values(KINDS)[k], plot.inner),
        "data-look": kept.look,
      }),
    );
  };
  plot.onLayout(draw);
  return (codes, look) => {
    if (codes === kept.codes) return;
    Object.assign(kept, { codes, look });
    draw();
  };
}

/** Returns the momentum's slider, which a rule without one hides. @param {BasinFigure} fig */
function addControls(fig) {
  fig.select({
    name: "rule",
    label: "rule",
    options: STATE.rule.options.map((value) => ({ value, label: RULES[value].title })),
  });
  fig.slider({
    name: "lr",
    label: QUANTITIES.lr.name,
    symbol: QUANTITIES.lr.symbol,
    marks: () => [
      { value: edge(fig.get("rule"), fig.get("beta")), label: "edge", side: "end", class: "lf-mark-edge" },
    ],
  });
  const momentum = fig.slider({
    name: "beta",
    label: QUANTITIES.beta.name,
    symbol: QUANTITIES.beta.symbol,
  });
  fig.slider({ name: "start", label: "start", symbol: "θ₀" });
  return momentum.node;
}

/** @param {BasinFigure} fig */
function addReadouts(fig) {
  const sayEnd = fig.readout("from this start it"),
    sayCycle = fig.readout("its cycle"),
    sayShare = fig.readout("of all starts shown, cycle"),
    sayEdge = fig.readout("stability edge");
  /** @param {State} state @param {Run} run @param {number} part */
  return ({ rule, start, lr, beta }, run, part) => {
    const bound = edge(rule, beta),
      points = run.cycle
        .slice(0, 4)
        .map((at) => show(at, 4))
        .join(", ");
    sayEnd(told(run));
    sayCycle(run.code > 0 ? points + (run.code > 4 ? ", …" : "") : "no cycle");
    sayShare(percent(part));
    sayEdge(`η ${show(bound)}: you are ${lr > bound ? "beyond" : "below"} it`);
    fig.speak(
      `From ${show(start)}, at learning rate ${show(lr)}, ${inSentence(rule)} ${told(run)}. ${percent(part)} of the starts shown end in a cycle.`,
    );
  };
}
