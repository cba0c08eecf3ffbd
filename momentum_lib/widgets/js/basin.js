// Heavy ball's basin of cycling: a run on Lessard's function, a strip of all starts, a map of all settings.
// Python side: momentum_lib/widgets/basin.py

import { clamp, h, pythonFloat, s, show } from "./kit/dom.js";
import { DIVERGES, WANDERS, descend, endings } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { choice, number } from "./kit/state.js";

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

/** The middles of `n` equal cells. @param {Pair} span @param {number} n */
export const middles = ([low, high], n) =>
  Float64Array.from({ length: n }, (_, k) => low + ((high - low) * (k + 0.5)) / n);
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
export function edge(rule, beta) {
  if (!RULES[rule].momentum) return 2 / CURVATURE;
  return (2 * (1 + beta)) / ((rule === "nesterov" ? 1 + 2 * beta : 1) * CURVATURE);
}

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

// ------------------------------------------------------------------------------------------------------ the figure

let patterns = 0;

/** @param {{model: import("./kit/types.js").Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Where does it end? Drag the start, and find the places from which heavy ball never comes to rest",
    python: ({ rule, start, lr, beta }) => `from momentum_lib import descend, rules, surfaces

path = descend(rules.${rule}, surfaces.lessard, [${pythonFloat(start)}], steps=${STEPS},
               lr=${pythonFloat(lr)}${rule === "gradient_descent" ? "" : `, beta=${pythonFloat(beta)}`})
print(path)
print(path.points[-6:, 0])
`,
  });
  fig.root.classList.add("lf-basin");
  const place = (/** @type {number} */ x) => fig.set({ start: Number(x.toFixed(3)) });
  const setting = (/** @type {number} */ lr, /** @type {number} */ beta) =>
    fig.set({ lr: Number(lr.toPrecision(4)), beta: Number(beta.toFixed(4)) });

  // ---- pictures: the function, the strip of starts and the fall, one above the other; beside them the map
  const stack = h("div", { class: "lf-stack" });
  fig.pictures.append(stack);
  const x = { domain: STARTS, count: 6 },
    margin = { left: 40, right: 10 };
  const hill = fig.plot({
    parent: stack,
    label: "The function, with the run's points on it",
    x: { ...x, hidden: true },
    y: { domain: [-6, TOP], label: "f(θ)", count: 3 },
    height: (width) => clamp(width * 0.36, 130, 190),
    margin: { ...margin, top: 26, bottom: 4 },
  });
  const basin = fig.plot({
    parent: stack,
    label: "How the run from each start ends",
    x: { ...x, label: "start θ₀: full, it ends in a cycle" },
    y: { domain: [0, 1], hidden: true },
    height: () => 74,
    margin: { ...margin, top: 4 },
  });
  const fall = fig.plot({
    parent: stack,
    label: "The run, step by step downwards",
    x: { ...x, hidden: true },
    y: { domain: [-1, 0], label: "step", count: 4, format: (v) => show(-v) },
    height: (width) => clamp(width * 0.48, 180, 250),
    margin: { ...margin, top: 26, bottom: 8 },
  });
  const side = h("div", {});
  fig.pictures.append(side);
  const map = fig.plot({
    parent: side,
    label: "How the run from this start ends at each setting: learning rate to the right, momentum upwards",
    x: { domain: LRS, label: "learning rate η", count: 4 },
    y: { domain: BETAS, label: "momentum β", count: 5 },
    height: (width) => clamp(width * 1.02, 290, 430),
    margin: { ...margin, top: 26 },
  });
  // Class names stand here in full: the site keeps the styles of those that it can read.
  const entry = (/** @type {string} */ swatch, /** @type {string} */ words) =>
    h("span", { class: "lf-legend-entry" }, h("span", { class: swatch }), words);
  const legend = h(
    "p",
    { class: "lf-legend" },
    entry("lf-swatch-blank", "comes to rest"),
    entry("lf-swatch-full", "cycles for ever"),
    entry("lf-swatch-dotted", "neither"),
    entry("lf-swatch-hatched", "diverges"),
  );
  side.append(legend);

  const curve = hill.line({ class: "lf-truth", layer: "back" }),
    plumb = [hill, basin, fall].map((plot) => plot.line({ class: "lf-guide", layer: "back" }));
  const columns = [0, 1, 2, 3].map(() => fall.line({ class: "lf-guide", layer: "back" })),
    rest = fall.line({ class: "lf-guide", layer: "back" });
  const limit = map.line({ class: "lf-theory", layer: "marks" }),
    limitName = map.text({ class: "lf-on-map", anchor: "end" });
  /** The run wears the look of its rule's family. @type {Record<string, Record<string, any>>} */
  const looks = {};
  for (const name of STATE.rule.options) {
    const look = RULES[name].family;
    looks[name] = {
      hops: hill.line({ look, class: "lf-faint" }),
      dots: hill.marks({ look, radius: 2.6 }),
      now: hill.marks({ look, radius: 5, layer: "front" }),
      way: fall.line({ look, class: "lf-faint" }),
      steps: fall.marks({ look, radius: 2.4 }),
      here: fall.marks({ look, radius: 5, layer: "front" }),
    };
  }
  const names = [0, 1, 2, 3].map(() => fall.text({ class: "lf-direct", anchor: "middle" }));
  const handle = basin.handle({
    label: "Start",
    axis: "x",
    set: place,
    words: (at) => `start ${show(at)}: ${told()}`,
  });
  const cross = map.handle({
    label: "Learning rate and momentum",
    set: setting,
    bounds: () => [[STATE.lr.min, STATE.lr.max], BETAS],
    words: (lr, beta) => `learning rate ${show(lr)}, momentum ${show(beta)}: ${told()}`,
  });
  basin.onPick(place);
  hill.onPick(place);
  map.onPick(setting);
  const shades = [painter(basin, STRIP.length), painter(map, MAP.lrs.length)];

  /** Paints codes into a picture, each kind with its own look: nothing, full, dots, hatching. @param {import("./kit/types.js").Plot} plot @param {number} nx */
  function painter(plot, nx) {
    const id = `lf-basin-${(patterns += 1)}-${Math.random().toString(36).slice(2, 8)}`;
    plot.svg.querySelector("defs")?.append(
      s(
        "pattern",
        { id: `${id}-dotted`, width: 5, height: 5, patternUnits: "userSpaceOnUse" },
        s("circle", { class: "lf-speck", cx: 2.5, cy: 2.5, r: 0.9 }),
      ),
      s(
        "pattern",
        {
          id: `${id}-hatched`,
          width: 5,
          height: 5,
          patternUnits: "userSpaceOnUse",
          patternTransform: "rotate(-45)",
        },
        s("path", { class: "lf-stroke", d: "M0,2.5H5" }),
      ),
    );
    const frame = s("rect", { class: "lf-cells-frame" });
    const nodes = Object.keys(KINDS).map((kind) =>
      s("path", {
        class: kind === "full" ? "lf-cells lf-cells-full" : "lf-cells",
        fill: kind === "full" ? undefined : `url(#${id}-${kind})`,
        "aria-hidden": "true",
      }),
    );
    plot.layers.back.append(frame, ...nodes);
    let codes = /** @type {ArrayLike<number>} */ ([]),
      look = "";
    const draw = () => {
      const { left, right, top, bottom } = plot.inner;
      for (const [name, value] of Object.entries({
        x: left,
        y: top,
        width: Math.max(0, right - left),
        height: Math.max(0, bottom - top),
      }))
        frame.setAttribute(name, String(value));
      nodes.forEach((node, k) => {
        node.setAttribute("d", cells(codes, nx, Object.values(KINDS)[k], plot.inner));
        node.setAttribute("data-look", look);
      });
    };
    plot.onLayout(draw);
    return (/** @type {ArrayLike<number>} */ now, /** @type {string} */ family) => {
      if (now === codes && family === look) return;
      codes = now;
      look = family;
      draw();
    };
  }

  // ---- controls
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
  const beta = fig.slider({ name: "beta", label: QUANTITIES.beta.name, symbol: QUANTITIES.beta.symbol });
  fig.slider({ name: "start", label: "start", symbol: "θ₀" });
  const time = fig.player({
    length: () => drawn.path.length - 1,
    seconds: () => clamp(drawn.path.length / 7, 2, 10),
  });
  fig.onReset(() => time.end());
  const sayEnd = fig.readout("from this start it"),
    sayCycle = fig.readout("its cycle"),
    sayShare = fig.readout("of all starts shown, cycle"),
    sayEdge = fig.readout("stability edge");

  // ---- numbers: the strip depends on the setting, the map on the start; each is made again only then
  let drawn = /** @type {any} */ ({ path: new Float64Array(1), code: 0, cycle: [] }),
    stripKey = "",
    mapKey = "";
  let starts = new Int16Array(STRIP.length),
    grid = new Int16Array(MAP.lrs.length * MAP.betas.length),
    rows = MAP.betas.length,
    job = /** @type {(() => void)|null} */ (null);
  /** Rows of the map, as many as fit into a few milliseconds; the others keep their last picture until the next frame. */
  function slice(until = performance.now() + 6) {
    const next = grid.slice(),
      { rule, start } = fig.snapshot();
    for (; rows < MAP.betas.length && performance.now() < until; rows++)
      next.set(row(rule, start, rows), rows * MAP.lrs.length);
    grid = next;
    shades[1](grid, RULES[rule].family);
    job = rows < MAP.betas.length ? fig.life.frame(() => slice()) : null;
  }
  function compute() {
    const { rule, start, lr, beta: b } = fig.snapshot(),
      one = [rule, lr, b].join(),
      other = [rule, start].join();
    drawn = trace(rule, start, lr, b);
    if (one !== stripKey) {
      stripKey = one;
      starts = strip(rule, lr, b);
    }
    if (other !== mapKey) {
      mapKey = other;
      rows = 0;
      job?.();
      slice();
    }
  }
  const told = () => {
    const { code, at } = drawn;
    return code > 0
      ? `goes round ${code} points for ever`
      : code === 0
        ? `comes to rest by step ${at}`
        : code === DIVERGES
          ? `diverges at step ${at}`
          : `does neither in ${STEPS} steps`;
  };

  fig.draw(() => {
    compute();
    const { rule, start, lr, beta: b } = fig.snapshot(),
      { path, code, cycle } = drawn,
      head = time.head(),
      n = path.length - 1,
      family = RULES[rule].family,
      withBeta = RULES[rule].momentum !== null;
    const height = (/** @type {number} */ at) => FIELD.value(at, 0, FIELD.params);
    fall.setDomain(STARTS, [-Math.max(n, 1), 0]);
    curve.update(
      Float64Array.from({ length: 2 * 221 }, (_, k) => {
        const at = STARTS[0] + ((STARTS[1] - STARTS[0]) * (k >> 1)) / 220;
        return k % 2 ? height(at) : at;
      }),
    );
    plumb.forEach((line, k) => line.update([start, [TOP, 1, 0][k], start, [height(start), 0, -1][k]]));
    rest.update([0, 0, 0, -n]);
    const few = cycle.length <= columns.length ? cycle : [];
    columns.forEach((line, k) => {
      if (k < few.length) line.update([few[k], 0, few[k], -n]);
      else line.clear();
    });
    for (const [name, parts] of Object.entries(looks))
      if (name !== rule) for (const part of Object.values(parts)) part.clear();
    const onHill = Float64Array.from({ length: 2 * (n + 1) }, (_, k) =>
      k % 2 ? height(path[k >> 1]) : path[k >> 1],
    );
    const down = Float64Array.from({ length: 2 * (n + 1) }, (_, k) => (k % 2 ? -(k >> 1) : path[k >> 1]));
    const mine = looks[rule];
    mine.hops.update(onHill, head);
    mine.dots.update(onHill, head);
    mine.way.update(down, head);
    mine.steps.update(down, head);
    for (const [mark, xy] of [
      [mine.now, onHill],
      [mine.here, down],
    ])
      if (head < n) mark.update(xy.slice(2 * head, 2 * head + 2));
      else mark.clear();
    names.forEach((text, k) => {
      if (k < few.length) text.update(few[k], 0, show(few[k], 3), 0, -6);
      else text.clear();
    });
    handle.update(start, 0.5);
    handle.node.setAttribute("data-look", family);
    cross.update(lr, b);
    cross.node.setAttribute("data-look", family);
    shades[0](starts, family);
    legend.setAttribute("data-look", family);
    limit.update(
      Float64Array.from({ length: 2 * 50 }, (_, k) => {
        const at = BETAS[0] + ((BETAS[1] - BETAS[0]) * (k >> 1)) / 49;
        return k % 2 ? at : edge(rule, at);
      }),
    );
    limitName.update(edge(rule, 0.2), 0.2, "stability edge", -6, 4);
    beta.node.hidden = !withBeta;

    const part = share(starts),
      bound = edge(rule, b);
    sayEnd(told());
    sayCycle(
      code > 0
        ? cycle
            .slice(0, 4)
            .map((/** @type {number} */ at) => show(at, 4))
            .join(", ") + (code > 4 ? ", …" : "")
        : "no cycle",
    );
    sayShare(`${show(100 * part)} %`);
    sayEdge(`η ${show(bound)}: you are ${lr > bound ? "beyond" : "below"} it`);
    fig.speak(
      `From ${show(start)} ${RULES[rule].title} ${told()}. ${show(100 * part)} percent of the starts shown end in a cycle.`,
    );
  });

  fig.numbers(() => {
    if (job) {
      job();
      slice(Infinity);
    }
    return {
      code: drawn.code,
      at: drawn.at,
      cycle: drawn.cycle,
      settled: drawn.settled,
      path: Array.from(drawn.path),
      strip: Array.from(starts),
      share: share(starts),
      map: Array.from(grid),
      edge: edge(fig.get("rule"), fig.get("beta")),
      head: time.head(),
    };
  });
  return fig.start();
}
