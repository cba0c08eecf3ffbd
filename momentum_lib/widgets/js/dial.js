// The beta dial: a map of steps to converge over (learning rate, momentum), and the run of the setting you pick on it.
// Python side: momentum_lib/widgets/dial.py

import { clamp, h, pythonFloat, pythonNumber, s, show } from "./kit/dom.js";
import { descend, relativeError, stepsMap, stepsTo } from "./kit/engine.js";
import { createFigure } from "./kit/figure.js";
import { CONVENTIONS } from "./generated/conventions.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { heatPixels } from "./kit/geometry.js";
import { choice, integer, number, point } from "./kit/state.js";
import { bestOf } from "./kit/tune.js";

/** Surfaces with a minimum to converge to; rules with one momentum. */
export const FIELDS = Object.keys(SURFACES).filter(
  (name) => SURFACES[name].dim === 2 && SURFACES[name].minima.length,
);
export const DIALS = Object.keys(RULES).filter((name) => RULES[name].momentum);
/** The name of the momentum on the dial. @param {string} rule @returns {string} */
export const memory = (rule) => RULES[rule].momentum;
const TOP = 0.99;

export const STATE = {
  surface: choice("ravine", FIELDS),
  rule: choice("heavy_ball", DIALS),
  kappa: number(25, 1, 1000),
  lr: number(0.04, 1e-6, 100),
  beta: number(0.8, 0, TOP),
  start: point(/** @type {any} */ (SURFACES.ravine.start), [
    [-6, 6],
    [-6, 6],
  ]),
  steps: integer(200, 20, 1000),
  tol: number(1e-6, 1e-12, 0.1),
};

/** Cells along each axis of the map while something moves, and at rest. */
export const COARSE = 64;
export const FINE = 160;
/** How far below its top the rate axis reaches, as a factor. */
const SPAN = 100;

/** @typedef {{surface: string, rule: string, kappa: number}} Setup */

/** Smallest and largest curvature where the surface is a quadratic and the rule one of the linear momentum forms, else null. @param {Setup} setup */
export function curvatures({ surface, rule, kappa }) {
  if (!(rule in CONVENTIONS)) return null;
  return surface === "ravine" ? [1, kappa] : surface === "bowl" ? [1, 1] : null;
}

/** What turns a rule's rate into heavy ball's: the averaged forms scale each gradient by 1 - beta. @param {string} rule @param {number} beta */
const scaling = (rule, beta) => (rule === "averaged_momentum" || rule === "nesterov_lerp" ? 1 - beta : 1);
const looksAhead = (/** @type {string} */ rule) => rule.startsWith("nesterov");

/** The rate above which the rule diverges at this curvature. @param {string} rule @param {number} curvature @param {number} beta */
export const stabilityEdge = (rule, curvature, beta) =>
  (2 * (1 + beta)) / ((looksAhead(rule) ? 1 + 2 * beta : 1) * scaling(rule, beta) * curvature);

/** The rate at which a direction of this curvature is critically damped: it neither creeps nor swings. @param {string} rule @param {number} curvature @param {number} beta */
export function criticalRate(rule, curvature, beta) {
  const q = looksAhead(rule) ? ((1 - beta) / (1 + beta)) ** 2 : (1 - Math.sqrt(beta)) ** 2;
  return q / (scaling(rule, beta) * curvature);
}

/** The ends of the rate axis. @param {Setup} setup @returns {[number, number]} */
export function rateRange(setup) {
  const curved = curvatures(setup),
    averaged = scaling(setup.rule, 0.5) !== 1;
  const top = curved ? (averaged ? 60 : 6) / curved[1] : bestOf(setup.surface, setup.rule).lr * 8;
  return [top / (curved && averaged ? 10 * SPAN : SPAN), top];
}

/** The grid of the map: rates even in the logarithm, momenta even. @param {Setup} setup @param {number} n */
export function axes(setup, n) {
  const [low, high] = rateRange(setup);
  return {
    xs: Float64Array.from({ length: n }, (_, k) => low * (high / low) ** ((k + 0.5) / n)),
    ys: Float64Array.from({ length: n }, (_, k) => (TOP * (k + 0.5)) / n),
  };
}

/** Steps enough for the valley of the map to be wide. @param {Setup} setup */
export function budget({ surface, rule, kappa }) {
  if (surface === "ravine" || surface === "bowl")
    return clamp(10 * Math.round(4 * Math.sqrt(surface === "bowl" ? 1 : kappa)), 200, 1000);
  const run = descend(RULES[rule], SURFACES[surface], { steps: 1000, hyper: bestOf(surface, rule) });
  const needed = run.divergedAt ? null : stepsTo(relativeError(SURFACES[surface], run.points));
  return needed === null ? 1000 : clamp(50 * Math.ceil(needed / 20), 200, 1000);
}

/** The cell with the fewest steps; null where none converges. @param {ArrayLike<number>} map @param {ArrayLike<number>} xs @param {ArrayLike<number>} ys */
export function bestCell(map, xs, ys) {
  let k = -1,
    least = Infinity;
  for (let i = 0; i < map.length; i++)
    if (map[i] < least) {
      least = map[i];
      k = i;
    }
  return k < 0 ? null : { lr: xs[k % xs.length], beta: ys[Math.floor(k / xs.length)], steps: least };
}

/** @param {{model: import("./kit/types.js").Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const paramsOf = (/** @type {any} */ { surface, kappa }) => (surface === "ravine" ? { kappa } : {});
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Turn the beta dial: how many steps a learning rate and a momentum need together",
    python: (state) => {
      const { surface, rule, kappa, lr, beta, start, steps, tol } = state,
        name = memory(rule),
        [low, high] = rateRange(state);
      return `import numpy as np
from momentum_lib import descend, rules, surfaces, sweep

surface = surfaces.${surface}${surface === "ravine" ? `(kappa=${pythonNumber(kappa)})` : ""}
start = [${start.map(pythonFloat).join(", ")}]
path = descend(rules.${rule}, surface, start=start, steps=${steps}, lr=${pythonFloat(lr)}, ${name}=${pythonFloat(beta)})
print(path, path.steps_to(${pythonFloat(tol)}))

grid = sweep(rules.${rule}, surface, start=start, steps=${steps}, tol=${pythonFloat(tol)},
             lr=np.geomspace(${pythonFloat(low)}, ${pythonFloat(high)}, 64), ${name}=np.linspace(0.0, ${TOP}, 64))
print(grid.best())
`;
    },
  });
  fig.root.classList.add("lf-dial");
  const setup = () => /** @type {Setup & any} */ (fig.snapshot());

  /** The start lies in the picture, whatever an address says. */
  const stayInside = () => {
    const [x, y] = fig.get("start"),
      [[left, right], [low, high]] = /** @type {any} */ (SURFACES[fig.get("surface")].domain);
    fig.set({ start: [clamp(x, left, right), clamp(y, low, high)] });
  };
  stayInside();
  fig.watch((names) => {
    if (names.includes("surface") || names.includes("start")) stayInside();
  });

  // ---- pictures: the map; beside it the run
  const map = fig.plot({
    label: "Map of steps to converge: learning rate to the right, momentum upwards",
    x: { type: "log", domain: rateRange(setup()), label: "learning rate η" },
    y: { domain: [0, TOP], label: "momentum β", count: 5 },
    height: (width) => Math.max(300, Math.min(width * 0.86, 460)),
    margin: { top: 26, left: 42, right: 8 },
  });
  const heat = map.heat({ plain: true });
  const edge = map.line({ class: "lf-theory", layer: "marks" }),
    flat = map.line({ class: "lf-theory lf-theory-flat", layer: "marks" });
  const across = map.line({ class: "lf-cross", layer: "marks" }),
    down = map.line({ class: "lf-cross", layer: "marks" });
  const edgeName = map.text({ class: "lf-on-map", anchor: "start" }),
    flatName = map.text({ class: "lf-on-map" });
  const bestMark = map.marks({ class: "lf-best", shape: "diamond", radius: 5, layer: "front" });
  const place = (/** @type {number} */ lr, /** @type {number} */ beta) =>
    fig.set({ lr: Number(lr.toPrecision(4)), beta: Number(beta.toFixed(4)) });
  map.onPick(place);

  // What the colours say: few steps light, many dark.
  const fewest = h("span"),
    most = h("span"),
    bar = h("canvas", { class: "lf-scale", width: 64, height: 1, "aria-hidden": "true" });
  bar.getContext("2d")?.putImageData(
    new ImageData(
      heatPixels(
        Float64Array.from({ length: 64 }, (_, k) => k),
        64,
        1,
        0,
        63,
        false,
      ),
      64,
      1,
    ),
    0,
    0,
  );
  const entry = (/** @type {(Node|string)[]} */ ...parts) =>
    h("span", { class: "lf-legend-entry" }, ...parts);
  const legend = h(
    "p",
    { class: "lf-legend" },
    entry(fewest, bar, most),
    entry(h("span", { class: "lf-hatched" }), "diverges"),
    entry(h("span", { class: "lf-plain" }), "not within the budget"),
  );
  const side = h("div", { class: "lf-stack" });
  fig.pictures.append(h("div", {}, map.box, legend), side);
  const plane = fig.plot({
    parent: side,
    label: "The surface seen from above, and the path of the picked setting",
    x: { domain: SURFACES[fig.get("surface")].domain[0], hidden: true },
    y: { domain: SURFACES[fig.get("surface")].domain[1], hidden: true },
    equal: true,
    margin: { top: 1, right: 1, bottom: 1, left: 1 },
  });
  const contours = plane.contours({ count: 9, cells: 110 });
  const minima = plane.marks({ class: "lf-minimum", shape: "cross", radius: 4, layer: "back" });
  const fall = fig.plot({
    parent: side,
    label: "Distance to the minimum against the step",
    x: { domain: [0, fig.get("steps")], label: "step", count: 4 },
    y: { type: "log", domain: [1e-7, 10], label: "distance (start = 1)", count: 4 },
    height: (width) => clamp(width * 0.6, 150, 210),
    margin: { top: 26, left: 42, right: 10 },
  });
  const goal = fall.line({ class: "lf-guide", layer: "back" }),
    reach = fall.line({ class: "lf-guide", layer: "back" });
  /** The run wears the look of its rule's family. @type {Map<string, any>} */
  const looks = new Map();
  const lookOf = (/** @type {string} */ family) => {
    if (!looks.has(family))
      looks.set(family, {
        path: plane.line({ look: family }),
        dots: plane.marks({ look: family, radius: 2.2 }),
        curve: fall.line({ look: family }),
      });
    return looks.get(family);
  };
  lookOf(RULES[fig.get("rule")].family);
  const startHandle = plane.handle({
    label: "Start of the path",
    bounds: () => /** @type {any} */ (SURFACES[fig.get("surface")].domain),
    set: (x, y) => fig.set({ start: [x, y] }),
    words: (x, y) => `x ${show(x)}, y ${show(y)}`,
  });
  plane.onPick((x, y) => fig.set({ start: [x, y] }));
  const cross = map.handle({
    label: "Learning rate and momentum",
    set: place,
    bounds: () => /** @type {any} */ ([rateRange(setup()), [0, TOP]]),
    words: (lr, beta) => `learning rate ${show(lr)}, momentum ${show(beta)}: ${told()}`,
  });

  // ---- controls: the dial, the rate, the conditioning, the rule
  const dial = rotary();
  fig.slider({
    name: "lr",
    label: QUANTITIES.lr.name,
    symbol: QUANTITIES.lr.symbol,
    type: "log",
    range: () => rateRange(setup()),
  });
  const kappa = fig.slider({
    label: QUANTITIES.kappa.name,
    symbol: QUANTITIES.kappa.symbol,
    type: "log",
    bounds: [1, 1000],
    get: () => fig.get("kappa"),
    // The rate keeps its place in the picture: what counts is rate times curvature.
    set: (value) => {
      const now = setup();
      fig.set({
        kappa: value,
        steps: Math.max(now.steps, budget({ ...now, kappa: value })),
        ...(now.surface === "ravine" && now.rule in CONVENTIONS ? { lr: (now.lr * now.kappa) / value } : {}),
      });
    },
  });
  /** The setting in the middle of the new map's valley, so that a change of rule or surface begins with a run that converges. @param {Partial<any>} change */
  const move = (change) => {
    const next = { ...setup(), ...change },
      curved = curvatures(next);
    const lr = curved
      ? stabilityEdge(next.rule, curved[1], fig.get("beta")) / 4
      : bestOf(next.surface, next.rule).lr;
    fig.set({ ...change, steps: budget(next), lr: Number(clamp(lr, ...rateRange(next)).toPrecision(3)) });
  };
  fig.select({
    name: "rule",
    label: "rule",
    options: DIALS.map((name) => ({ value: name, label: RULES[name].title })),
    set: (rule) => move({ rule }),
  });
  fig.select({
    name: "surface",
    label: "surface",
    options: FIELDS.map((name) => ({ value: name, label: SURFACES[name].title })),
    set: (surface) => move({ surface, start: SURFACES[surface].start }),
    fold: true,
  });
  fig.slider({ name: "steps", label: "budget of steps", type: "log", fold: true });
  fig.slider({ name: "tol", label: "converged: distance below", type: "log", fold: true });
  fig.button({
    label: "Best cell",
    icon: "target",
    press: () => {
      finish();
      if (best) fig.set({ lr: best.lr, beta: best.beta });
      else fig.say("No setting of this map converges within the budget: give it more steps.");
    },
  });
  const saySteps = fig.readout("steps to converge"),
    sayBest = fig.readout("best on this map"),
    sayMemory = fig.readout("memory 1/(1 − β)");

  /** A half-turn of an arc, from 0 to TOP, with a knob: the momentum alone. */
  function rotary() {
    const R = 74,
      cx = 100,
      cy = 92,
      angle = (/** @type {number} */ beta) => Math.PI * (1 - beta / TOP);
    const spot = (/** @type {number} */ beta, /** @type {number} */ r) => [
      cx + r * Math.cos(angle(beta)),
      cy - r * Math.sin(angle(beta)),
    ];
    const arc = (/** @type {number} */ to) => {
      const [x0, y0] = spot(0, R),
        [x1, y1] = spot(to, R);
      return `M${x0},${y0}A${R},${R} 0 0 1 ${x1.toFixed(2)},${y1.toFixed(2)}`;
    };
    const full = s("path", { class: "lf-arc", d: arc(TOP) }),
      part = s("path", { class: "lf-arc lf-arc-now" });
    const ticks = [0, 0.5, 0.9, 0.99].flatMap((beta) => {
      const [x0, y0] = spot(beta, R + 7),
        [x1, y1] = spot(beta, R + 12),
        [x, y] = spot(beta, R + 20);
      return [
        s("path", { class: "lf-tick-mark", d: `M${x0},${y0}L${x1},${y1}` }),
        s("text", {
          class: "lf-text",
          x,
          y: y + (beta === 0 || beta === TOP ? 14 : 3),
          "text-anchor": beta < 0.4 ? "middle" : beta > 0.95 ? "middle" : beta > 0.8 ? "start" : "middle",
          text: String(beta),
        }),
      ];
    });
    const value = s("text", { class: "lf-dial-value", x: cx, y: cy - 14, "text-anchor": "middle" });
    const name = s("text", { class: "lf-text", x: cx, y: cy + 6, "text-anchor": "middle" });
    const knob = s(
      "g",
      {
        class: "lf-handle",
        tabindex: 0,
        role: "slider",
        "aria-label": "momentum, the beta dial",
        "aria-valuemin": 0,
        "aria-valuemax": TOP,
      },
      s("circle", { class: "lf-hit", r: 24 }),
      s("circle", { class: "lf-focus", r: 16 }),
      s("circle", { class: "lf-ring", r: 10 }),
      s("circle", { class: "lf-core", r: 3 }),
    );
    const svg = s(
      "svg",
      { class: "lf-rotary", viewBox: "-6 -12 212 128", role: "group", "aria-label": "the beta dial" },
      full,
      part,
      ...ticks,
      value,
      name,
      knob,
    );
    fig.controls.append(h("div", { class: "lf-control lf-rotary-box", "data-control": "beta" }, svg));
    const set = (/** @type {number} */ beta) => fig.set({ beta: clamp(Number(beta.toFixed(3)), 0, TOP) });
    let held = false;
    const turn = (/** @type {PointerEvent} */ event) => {
      const r = svg.getBoundingClientRect(),
        x = -6 + ((event.clientX - r.left) / r.width) * 212 - cx,
        y = cy - (-12 + ((event.clientY - r.top) / r.height) * 128);
      let a = Math.atan2(y, x);
      if (a < -Math.PI / 2) a = Math.PI; // below the arc: the nearer end
      set(TOP * (1 - clamp(a, 0, Math.PI) / Math.PI));
    };
    fig.life.on(svg, "pointerdown", (event) => {
      if (event.button !== 0) return;
      const r = svg.getBoundingClientRect(),
        unit = r.width / 212,
        far =
          Math.hypot(event.clientX - r.left - (cx + 6) * unit, event.clientY - r.top - (cy + 12) * unit) /
          unit;
      if (!knob.contains(event.target) && (far < R - 24 || far > R + 24)) return;
      held = true;
      svg.setPointerCapture(event.pointerId);
      knob.classList.add("is-held");
      knob.focus({ preventScroll: true });
      event.preventDefault();
      turn(event);
    });
    fig.life.on(svg, "pointermove", (event) => {
      if (held) turn(event);
    });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"])
      fig.life.on(svg, type, () => {
        held = false;
        knob.classList.remove("is-held");
      });
    fig.life.on(knob, "keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const by = {
        ArrowLeft: -0.01,
        ArrowDown: -0.01,
        ArrowRight: 0.01,
        ArrowUp: 0.01,
        PageUp: 0.1,
        PageDown: -0.1,
        Home: -1,
        End: 1,
      }[/** @type {"Home"} */ (event.key)];
      if (!by) return;
      event.preventDefault();
      set(fig.get("beta") + by * (event.shiftKey && Math.abs(by) === 0.01 ? 10 : 1));
    });
    return {
      update(/** @type {number} */ beta, /** @type {string} */ family, /** @type {string} */ symbol) {
        const [x, y] = spot(beta, R);
        part.setAttribute("d", arc(beta));
        knob.setAttribute("transform", `translate(${x.toFixed(2)} ${y.toFixed(2)})`);
        knob.setAttribute("aria-valuenow", String(beta));
        knob.setAttribute("aria-valuetext", `${show(beta)}, a memory of ${show(1 / (1 - beta))} gradients`);
        for (const node of [part, knob, value]) node.setAttribute("data-look", family);
        value.textContent = `${symbol} = ${beta.toFixed(3).replace(/0$/, "")}`;
        name.textContent = "momentum";
      },
    };
  }

  // ---- the map: coarse at once, then fine in slices while nothing moves
  let grid = { n: 0, xs: new Float64Array(), ys: new Float64Array(), steps: new Float32Array() },
    mapKey = "",
    fineRows = 0,
    job = /** @type {(() => void)|null} */ (null);
  let best = /** @type {ReturnType<typeof bestCell>} */ (null),
    next = grid,
    mapTime = 0;
  const options = (/** @type {any} */ state, /** @type {any} */ { xs, ys }) => ({
    start: state.start,
    steps: state.steps,
    tol: state.tol,
    params: paramsOf(state),
    xName: "lr",
    xs,
    yName: memory(state.rule),
    ys,
  });
  function makeMap() {
    const state = setup(),
      key = JSON.stringify([
        state.surface,
        state.rule,
        state.surface === "ravine" ? state.kappa : 0,
        state.start,
        state.steps,
        state.tol,
      ]);
    if (key === mapKey) return;
    mapKey = key;
    const began = performance.now(),
      made = axes(state, COARSE);
    grid = {
      n: COARSE,
      ...made,
      steps: stepsMap(RULES[state.rule], SURFACES[state.surface], options(state, made)),
    };
    mapTime = performance.now() - began;
    show_();
    job?.();
    job = fig.life.after(160, beginFine);
  }
  function beginFine() {
    const made = axes(setup(), FINE);
    next = { n: FINE, ...made, steps: new Float32Array(FINE * FINE) };
    fineRows = 0;
    job = fig.life.frame(slice);
  }
  /** Some rows of the fine map, as many as fit into a few milliseconds. */
  function slice() {
    job = null;
    const state = setup(),
      began = performance.now();
    do {
      const to = Math.min(fineRows + 4, FINE);
      next.steps.set(
        stepsMap(RULES[state.rule], SURFACES[state.surface], {
          ...options(state, next),
          rows: [fineRows, to],
        }),
        fineRows * FINE,
      );
      fineRows = to;
    } while (fineRows < FINE && performance.now() - began < 6);
    if (fineRows < FINE) {
      job = fig.life.frame(slice);
      return;
    }
    grid = next;
    show_();
    fig.redraw();
  }
  /** The fine map at once: before its best cell is asked for. */
  function finish() {
    if (grid.n === FINE || !mapKey) return;
    job?.();
    job = null;
    if (next.n !== FINE || next === grid || fineRows === 0 || fineRows === FINE) {
      const made = axes(setup(), FINE);
      next = { n: FINE, ...made, steps: new Float32Array(FINE * FINE) };
      fineRows = 0;
    }
    const state = setup();
    next.steps.set(
      stepsMap(RULES[state.rule], SURFACES[state.surface], {
        ...options(state, next),
        rows: [fineRows, FINE],
      }),
      fineRows * FINE,
    );
    fineRows = FINE;
    grid = next;
    show_();
    fig.redraw();
  }
  function show_() {
    best = bestCell(grid.steps, grid.xs, grid.ys);
    heat.update(grid.steps, grid.n, grid.n, Math.max(1, best?.steps ?? 1), fig.get("steps"));
  }
  map.onTheme(show_);

  let run = /** @type {any} */ (null),
    outcome = /** @type {number|null} */ (null);
  const told = () =>
    !run
      ? ""
      : run.divergedAt
        ? `diverges at step ${run.divergedAt}`
        : outcome === null
          ? `more than ${fig.get("steps")} steps`
          : `${outcome} steps`;

  fig.draw(() => {
    const state = setup(),
      { surface, rule, lr, beta, start, steps, tol } = state,
      field = SURFACES[surface],
      params = paramsOf(state),
      family = RULES[rule].family;
    const range = rateRange(state),
      curved = curvatures(state);
    map.setDomain(range, [0, TOP]);
    makeMap();
    run = descend(RULES[rule], field, { start, steps, hyper: { lr, [memory(rule)]: beta }, params });
    const errors = relativeError(field, run.points) ?? new Float64Array(run.n + 1);
    run.errors = errors;
    outcome = run.divergedAt ? null : stepsTo(errors, tol);

    // the map and what theory says about it
    kappa.node.hidden = surface !== "ravine";
    across.update([range[0], beta, range[1], beta]);
    down.update([lr, 0, lr, TOP]);
    cross.update(clamp(lr, ...range), beta);
    cross.node.setAttribute("data-look", family);
    if (best) bestMark.update([best.lr, best.beta]);
    else bestMark.clear();
    if (curved) {
      const curve = (/** @type {(beta: number) => number} */ f, low = 0) =>
        Float64Array.from({ length: 2 * 200 }, (_, k) => {
          const b = low + ((TOP - low) * (k >> 1)) / 199;
          return k % 2 ? b : f(b);
        });
      edge.update(curve((b) => stabilityEdge(rule, curved[1], b)));
      flat.update(curve((b) => criticalRate(rule, curved[0], b)));
      nameEdge(stabilityEdge(rule, curved[1], 0.08), 0.08);
      nameFlat((b) => criticalRate(rule, curved[0], b), range);
    } else for (const part of [edge, flat, edgeName, flatName]) part.clear();

    // the run
    plane.setDomain(.../** @type {[any, any]} */ (field.domain));
    contours.update((x, y) => field.value(x, y, { ...field.params, ...params }), `${surface},${state.kappa}`);
    minima.update(field.minima.flat());
    startHandle.update(start[0], start[1]);
    for (const [name, look] of looks)
      if (name !== family) for (const part of Object.values(look)) part.clear();
    const look = lookOf(family);
    look.path.update(run.points);
    look.dots.update(run.points);
    fall.setDomain([0, steps], [10 ** Math.floor(Math.log10(tol) - 0.5), 10]);
    look.curve.update(
      Float64Array.from({ length: 2 * (run.n + 1) }, (_, k) => (k % 2 ? errors[k >> 1] : k >> 1)),
    );
    goal.update([0, tol, steps, tol]);
    if (outcome === null) reach.clear();
    else reach.update([outcome, 1e-13, outcome, 10]);

    dial.update(beta, family, QUANTITIES[memory(rule)].symbol);
    saySteps(told());
    sayBest(
      best ? `${show(best.steps)} steps at η ${show(best.lr)}, β ${show(best.beta)}` : "none converges",
    );
    fewest.textContent = best ? show(best.steps) : "1";
    most.textContent = `${show(steps)} steps`;
    sayMemory(`${show(1 / (1 - beta))} gradients`);
    fig.speak(
      `Learning rate ${show(lr)}, momentum ${show(beta)}: ${told()}. ${best ? `Best on this map: ${best.steps} steps.` : ""}`,
    );
  });

  /** The stability edge's name, on the hatched side, as long as the room there. @param {number} lr @param {number} beta */
  function nameEdge(lr, beta) {
    const room = map.inner.right - map.x(lr);
    if (room < 40) edgeName.clear();
    else edgeName.update(lr, beta, room > 96 ? "stability edge" : "edge", 7, 4);
  }
  /** The critical curve's name, above it near its left end. @param {(beta: number) => number} curve @param {[number, number]} range */
  function nameFlat(curve, [low, high]) {
    const want = low * (high / low) ** 0.04;
    let beta = TOP;
    while (beta > 0 && curve(beta) < want) beta -= 0.005;
    if (beta <= 0.02) flatName.clear();
    else flatName.update(want, beta, "critical damping", 0, map.y(beta) - map.inner.top < 24 ? 20 : -8);
  }

  fig.numbers(() => ({
    path: Array.from(run.points),
    errors: Array.from(run.errors),
    divergedAt: run.divergedAt || null,
    steps_to: outcome,
    map: {
      n: grid.n,
      xs: Array.from(grid.xs),
      ys: Array.from(grid.ys),
      steps: Array.from(grid.steps, (v) => (Number.isNaN(v) ? "diverged" : v === Infinity ? "more" : v)),
      fine: grid.n === FINE,
      ms: mapTime,
    },
    best,
  }));
  return fig.start();
}
