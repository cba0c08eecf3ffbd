// The beta dial: a map of steps to converge over (learning rate, momentum), and the run of the setting you pick on it.
// Python side: momentum_lib/widgets/dial.py

import { curve, series } from "./kit/curve.js";
import { clamp, h, many, pythonFloat, pythonNumber, show } from "./kit/dom.js";
import { descend, relativeError, stepsMap, stepsTo } from "./kit/engine.js";
import { perFamily } from "./kit/family.js";
import { createFigure } from "./kit/figure.js";
import { addRotary } from "./kit/rotary.js";
import { addSettingsMap, cells } from "./kit/settings_map.js";
import { CONVENTIONS } from "./generated/conventions.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { LEARNING_RATE } from "./kit/sliders.js";
import { choice, integer, number, point } from "./kit/state.js";
import { bestOf } from "./kit/tune.js";
import { inPieces } from "./kit/work.js";
import { FORMS, criticalRate as critical, momentumEdge, totalWeight } from "./generated/theory.js";

/** Surfaces with a minimum to converge to; rules with one momentum. */
export const FIELDS = Object.keys(SURFACES).filter(
  (name) => SURFACES[name].dim === 2 && SURFACES[name].minima.length,
);
export const DIALS = Object.keys(RULES).filter((name) => RULES[name].momentum);
/** The name of the momentum on the dial. @param {string} rule @returns {string} */
export const memory = (rule) => /** @type {string} */ (RULES[rule].momentum);
const TOP = 0.99;

export const STATE = {
  surface: choice("ravine", FIELDS),
  rule: choice("heavy_ball", DIALS),
  kappa: number(25, 1, 1000),
  lr: number(0.04, 1e-6, 100),
  beta: number(0.8, 0, TOP),
  start: point(SURFACES.ravine.start, [
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

/** The rate above which the rule diverges at this curvature. @param {string} rule @param {number} curvature @param {number} beta */
export const stabilityEdge = (rule, curvature, beta) =>
  momentumEdge(curvature, beta, FORMS[rule].ahead, FORMS[rule].averaged);

/** The rate at which a direction of this curvature is critically damped: it neither creeps nor swings. @param {string} rule @param {number} curvature @param {number} beta */
export const criticalRate = (rule, curvature, beta) =>
  critical(curvature, beta, FORMS[rule].ahead, FORMS[rule].averaged);

/** The ends of the rate axis. @param {Setup} setup @returns {[number, number]} */
export function rateRange(setup) {
  const curved = curvatures(setup),
    averaged = FORMS[setup.rule]?.averaged ?? false;
  const top = curved ? (averaged ? 60 : 6) / curved[1] : bestOf(setup.surface, setup.rule).lr * 8;
  return [top / (curved && averaged ? 10 * SPAN : SPAN), top];
}

/** The grid of the map. @param {Setup} setup @param {number} n */
export const axes = (setup, n) => cells(rateRange(setup), TOP, n);

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

// ------------------------------------------------------------------------------------------------------ the figure

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} DialFigure */
/** @typedef {{lr: number, beta: number, steps: number}|null} Best */
/** @typedef {ReturnType<typeof measure>} Drawn */
/** @typedef {{n: number, xs: Float64Array, ys: Float64Array, steps: Float32Array}} Grid */

/** The surface's parameters. @param {{surface: string, kappa: number}} state @returns {import("./kit/types.js").Params} */
const paramsOf = ({ surface, kappa }) => (surface === "ravine" ? { kappa } : {});
/** Where the surface lies in the picture. @param {DialFigure} fig */
const domainOf = (fig) =>
  /** @type {[[number, number], [number, number]]} */ (SURFACES[fig.get("surface")].domain);

/** The same in the playground. @param {State} state @returns {Partial<import("./play/types.js").PlayState>} */
const playground = ({ surface, rule, kappa, lr, beta, start, steps }) => ({
  view: "settings",
  surface: { kind: "library", name: surface, params: surface === "ravine" ? { kappa } : {} },
  rules: [{ rule, hyper: { lr, ...(RULES[rule].momentum ? { [RULES[rule].momentum]: beta } : {}) } }],
  picked: 0,
  starts: [start],
  steps,
});

/** @param {State} state */
function python(state) {
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
}

/** The run of one state and when it has converged. @param {State} state */
function measure(state) {
  const { surface, rule, lr, beta, start, steps, tol } = state,
    field = SURFACES[surface],
    hyper = { lr, [memory(rule)]: beta },
    run = descend(RULES[rule], field, { start, steps, hyper, params: paramsOf(state) }),
    errors = relativeError(field, run.points) ?? new Float64Array(run.n + 1),
    outcome = run.divergedAt ? null : stepsTo(errors, tol);
  const told = run.divergedAt
    ? `diverges at step ${run.divergedAt}`
    : outcome === null
      ? `more than ${many(steps, "step")}`
      : many(outcome, "step");
  return { run, errors, outcome, told };
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "Turn the beta dial: how many steps a learning rate and a momentum need together",
    python,
    playground,
  });
  fig.root.classList.add("lf-dial");
  /** The start lies in the picture, whatever an address says. */
  const stayInside = () => {
    const [x, y] = fig.get("start"),
      [[left, right], [low, high]] = domainOf(fig);
    fig.set({ start: [clamp(x, left, right), clamp(y, low, high)] });
  };
  stayInside();
  fig.watch((names) => {
    if (names.includes("surface") || names.includes("start")) stayInside();
  });

  const drawn = { now: measure(fig.snapshot()) };
  const map = addMap(fig, () => drawn.now.told),
    side = h("div", { class: "lf-stack" });
  fig.pictures.append(side);
  const plane = addPlane(fig, side),
    fall = addFall(fig, side),
    dial = addRotary(fig, {
      name: "beta",
      label: "the beta dial",
      unit: "momentum",
      top: TOP,
      ticks: [0, 0.5, 0.9, 0.99],
      get: () => fig.get("beta"),
      set: (beta) => fig.set({ beta }),
      words: (beta) => `${show(beta)}, a memory of ${many(totalWeight(beta), "gradient")}`,
    }),
    kappa = addControls(fig, map),
    say = addReadouts(fig);

  fig.draw(() => {
    const state = fig.snapshot(),
      { surface, rule, beta } = state;
    const now = (drawn.now = measure(state));
    map.draw(state);
    kappa.hidden = surface !== "ravine";
    plane(state, now);
    fall(state, now);
    dial(beta, RULES[rule].family, QUANTITIES[memory(rule)].symbol);
    say(state, now, map.best());
  });
  fig.numbers(() => {
    const { n, xs, ys, steps, ms } = map.grid();
    fig.flush();
    const { run, errors, outcome } = drawn.now;
    return {
      path: Array.from(run.points),
      errors: Array.from(errors),
      divergedAt: run.divergedAt || null,
      steps_to: outcome,
      map: {
        n,
        xs: Array.from(xs),
        ys: Array.from(ys),
        steps: Array.from(steps, (v) => (Number.isNaN(v) ? "diverged" : v === Infinity ? "more" : v)),
        fine: n === FINE,
        ms,
      },
      best: map.best(),
    };
  });
  return fig.start();
}

/** Steps to converge of every setting, and what theory says about it. @param {DialFigure} fig @param {() => string} told how the picked run ends */
function addMap(fig, told) {
  const map = addSettingsMap(fig, {
    label: "Map of steps to converge: learning rate to the right, momentum upwards",
    rates: () => rateRange(fig.snapshot()),
    top: TOP,
    height: (width) => clamp(width * 0.86, 300, 460),
    plain: true,
    kinds: ["lf-hatched diverges", "lf-plain not within the budget"],
    pick: ({ lr, beta }) => fig.set({ lr: Number(lr.toPrecision(4)), beta: Number(beta.toFixed(4)) }),
    words: (lr, beta) => `learning rate ${show(lr)}, momentum ${show(beta)}: ${told()}`,
  });
  const { plot } = map,
    edge = plot.line({ class: "lf-theory" }),
    flat = plot.line({ class: "lf-theory lf-theory-flat" }),
    edgeName = plot.text({ class: "lf-on-map", anchor: "start" }),
    flatName = plot.text({ class: "lf-on-map" }),
    cross = map.cross(),
    search = createSearch(fig, ({ n, steps }, best) =>
      map.paint(steps, n, n, Math.max(1, best?.steps ?? 1), fig.get("steps")),
    );
  plot.onTheme(search.repaint);
  /** The stability edge's name, on the hatched side, as long as the room there. @param {number} lr @param {number} beta */
  function nameEdge(lr, beta) {
    const room = plot.inner.right - plot.x(lr);
    if (room < 40) edgeName.clear();
    else edgeName.update(lr, beta, room > 96 ? "stability edge" : "edge", 7, 4);
  }
  /** The critical curve's name, above it near its left end. @param {(beta: number) => number} rate @param {[number, number]} range */
  function nameFlat(rate, [low, high]) {
    const want = low * (high / low) ** 0.04;
    let beta = TOP;
    while (beta > 0 && rate(beta) < want) beta -= 0.005;
    if (beta <= 0.02) flatName.clear();
    else flatName.update(want, beta, "critical damping", 0, plot.y(beta) - plot.inner.top < 24 ? 20 : -8);
  }
  /** @param {State} state */
  function drawTheory(state) {
    const curved = curvatures(state),
      { rule } = state;
    if (!curved) {
      for (const part of [edge, flat, edgeName, flatName]) part.clear();
      return;
    }
    const edgeAt = (/** @type {number} */ beta) => stabilityEdge(rule, curved[1], beta),
      flatAt = (/** @type {number} */ beta) => criticalRate(rule, curved[0], beta);
    edge.update(curve(edgeAt, [0, TOP], 199, { upright: true }));
    flat.update(curve(flatAt, [0, TOP], 199, { upright: true }));
    nameEdge(edgeAt(0.08), 0.08);
    nameFlat(flatAt, rateRange(state));
  }
  return {
    ...search,
    /** @param {State} state */
    draw(state) {
      plot.setDomain(rateRange(state), [0, TOP]);
      search.update(state);
      const best = search.best();
      map.best(best);
      map.scale(best ? show(best.steps) : "1", many(state.steps, "step"));
      cross(state, RULES[state.rule].family);
      drawTheory(state);
    },
  };
}

/** What a map depends on. @param {State} state */
const keyOf = ({ surface, rule, kappa, start, steps, tol }) =>
  JSON.stringify([surface, rule, surface === "ravine" ? kappa : 0, start, steps, tol]);

/** A map of so many cells a side, none of them filled. @param {State} state @param {number} n */
const emptyGrid = (state, n) => ({
  n,
  ...axes(state, n),
  steps: new Float32Array(n * n),
  state,
  key: keyOf(state),
  rows: 0, // those that are filled
  ms: 0, // and how long that took
});

/** Fill some more rows of a grid. @param {ReturnType<typeof emptyGrid>} grid @param {number} more */
function fillRows(grid, more) {
  const { xs, ys, n, steps, state, rows } = grid,
    began = performance.now(),
    to = Math.min(rows + more, n);
  const found = stepsMap(RULES[state.rule], SURFACES[state.surface], {
    start: state.start,
    steps: state.steps,
    tol: state.tol,
    params: paramsOf(state),
    xName: "lr",
    xs,
    yName: memory(state.rule),
    ys,
    rows: [rows, to],
  });
  steps.set(found, rows * n);
  grid.rows = to;
  grid.ms += performance.now() - began;
}

/**
 * The search for the best cell, between the frames: a coarse map of what was asked for last, and a fine one when nothing has
 * moved for a moment. One that is begun is finished, so that a map follows a hand however fast that is.
 * @param {DialFigure} fig @param {(grid: Grid, best: Best) => void} paint
 */
function createSearch(fig, paint) {
  const now = {
    key: "",
    grid: emptyGrid(fig.snapshot(), COARSE), // the one that is shown
    next: /** @type {ReturnType<typeof emptyGrid>|null} */ (null), // the one that is being filled
    best: /** @type {Best} */ (null),
    still: () => {},
  };
  const repaint = () => {
    now.best = bestCell(now.grid.steps, now.grid.xs, now.grid.ys);
    paint(now.grid, now.best);
  };
  /** Whether the map that is shown is another state's, or not filled. */
  const owes = () => now.grid.key !== now.key || now.grid.rows < now.grid.n;
  /** Fill the next map; whether one is still owed. @param {() => boolean} over */
  function fill(over) {
    now.next ??= emptyGrid(fig.snapshot(), COARSE);
    while (now.next.rows < now.next.n && !over()) fillRows(now.next, 4);
    if (now.next.rows < now.next.n) return true;
    now.grid = now.next;
    now.next = null;
    repaint();
    return owes();
  }
  const goOn = inPieces(fig.life, (over) => {
    const left = fill(over);
    if (!now.next) fig.redraw();
    return left;
  });
  /** The coarse map of the state now. */
  function catchUp() {
    while (owes()) fill(() => false);
  }
  const refine = () => {
    catchUp();
    now.next = emptyGrid(fig.snapshot(), FINE);
  };
  function refineSoon() {
    now.still();
    now.still = fig.life.after(160, () => {
      refine();
      goOn();
    });
  }
  fig.early(() => {
    now.key = keyOf(fig.snapshot());
    catchUp();
    refineSoon();
  });
  return {
    grid() {
      if (owes()) fig.redraw();
      catchUp();
      return now.grid;
    },
    best: () => now.best,
    repaint,
    /** The fine map at once: before its best cell is asked for. */
    finish() {
      now.still();
      catchUp();
      if (now.grid.n === FINE) return;
      if (now.next?.n !== FINE) refine();
      fill(() => false);
      fig.redraw();
    },
    /** @param {State} state */
    update(state) {
      const key = keyOf(state);
      if (key === now.key) return;
      now.key = key;
      if (now.next?.n === FINE) now.next = null;
      refineSoon();
      goOn();
    },
  };
}

/** The surface seen from above, and the path of the picked setting. @param {DialFigure} fig @param {HTMLElement} parent */
function addPlane(fig, parent) {
  const [x, y] = domainOf(fig),
    plane = fig.plot({
      parent,
      label: "The surface seen from above, and the path of the picked setting",
      x: { domain: x, hidden: true },
      y: { domain: y, hidden: true },
      equal: true,
      margin: { top: 1, right: 1, bottom: 1, left: 1 },
      share: { column: 0.5, phone: 0.22 },
    }),
    contours = plane.contours({ count: 9, cells: 110 }),
    minima = plane.marks({ class: "lf-minimum", shape: "cross", radius: 4, layer: "back" }),
    lookOf = perFamily((look) => ({
      path: plane.line({ look, path: true }),
      dots: plane.marks({ look, radius: 2.2 }),
    })),
    put = (/** @type {number} */ left, /** @type {number} */ up) => fig.set({ start: [left, up] });
  lookOf(RULES[fig.get("rule")].family);
  const handle = plane.handle({
    label: "Start of the path",
    bounds: () => domainOf(fig),
    set: put,
    words: (left, up) => `x ${show(left)}, y ${show(up)}`,
  });
  plane.onPick(put);
  /** @param {State} state @param {Drawn} now */
  return (state, { run }) => {
    const { surface, rule, start, kappa } = state,
      field = SURFACES[surface],
      params = { ...field.params, ...paramsOf(state) };
    plane.setDomain(...domainOf(fig));
    contours.update((left, up) => field.value(left, up, params), `${surface},${kappa}`);
    minima.update(field.minima.flat());
    handle.update(start[0], start[1]);
    const look = lookOf(RULES[rule].family);
    look.path.update(run.points);
    look.dots.update(run.points);
  };
}

/** Distance to the minimum against the step. @param {DialFigure} fig @param {HTMLElement} parent */
function addFall(fig, parent) {
  const fall = fig.plot({
    parent,
    label: "Distance to the minimum against the step",
    x: { domain: [0, fig.get("steps")], label: "step", count: 4 },
    y: { type: "log", domain: [1e-7, 10], label: "distance (start = 1)", count: 4 },
    height: (width) => clamp(width * 0.6, 150, 210),
    share: { column: 0.46 },
    margin: { top: 26, left: 42, right: 10 },
  });
  const goal = fall.line({ class: "lf-guide", layer: "back" }),
    reach = fall.line({ class: "lf-guide", layer: "back" }),
    lookOf = perFamily((look) => ({ errors: fall.line({ look }) }));
  /** @param {State} state @param {Drawn} now */
  return ({ rule, steps, tol }, { errors, outcome }) => {
    fall.setDomain([0, steps], [10 ** Math.floor(Math.log10(tol) - 0.5), 10]);
    lookOf(RULES[rule].family).errors.update(series(errors));
    goal.update([0, tol, steps, tol]);
    if (outcome === null) reach.clear();
    else reach.update([outcome, 1e-13, outcome, 10]);
  };
}

/** Sliders and menus; returns the condition number's, which the ravine alone has. @param {DialFigure} fig @param {{finish: () => void, best: () => Best}} map */
function addControls(fig, map) {
  fig.slider({
    ...LEARNING_RATE,
    range: () => rateRange(fig.snapshot()),
  });
  const kappa = fig.slider({
    label: QUANTITIES.kappa.name,
    symbol: QUANTITIES.kappa.symbol,
    type: "log",
    bounds: [1, 1000],
    get: () => fig.get("kappa"),
    // The rate keeps its place in the picture: what counts is rate times curvature.
    set: (value) => {
      const now = fig.snapshot();
      fig.set({
        kappa: value,
        steps: Math.max(now.steps, budget({ ...now, kappa: value })),
        ...(now.surface === "ravine" && now.rule in CONVENTIONS ? { lr: (now.lr * now.kappa) / value } : {}),
      });
    },
  });
  fig.select({
    name: "rule",
    label: "rule",
    options: DIALS.map((name) => ({ value: name, label: RULES[name].title })),
    set: (rule) => move(fig, { rule }),
  });
  fig.select({
    name: "surface",
    label: "surface",
    options: FIELDS.map((name) => ({ value: name, label: SURFACES[name].title })),
    set: (surface) =>
      move(fig, { surface, start: /** @type {[number, number]} */ (SURFACES[surface].start) }),
    fold: true,
  });
  fig.slider({ name: "steps", label: "budget of steps", type: "log", fold: true });
  fig.slider({ name: "tol", label: "converged: distance below", type: "log", fold: true });
  fig.button({
    label: "Best cell",
    icon: "target",
    press: () => {
      map.finish();
      const best = map.best();
      if (best) fig.set({ lr: best.lr, beta: best.beta });
      else fig.say("No setting of this map converges within the budget: give it more steps.");
    },
  });
  return kappa.node;
}

/**
 * Another rule or surface, with the setting in the middle of the new map's valley, so that it begins with a run that converges.
 * @param {DialFigure} fig @param {Partial<State>} change
 */
function move(fig, change) {
  const next = { ...fig.snapshot(), ...change },
    curved = curvatures(next),
    lr = curved
      ? stabilityEdge(next.rule, curved[1], fig.get("beta")) / 4
      : bestOf(next.surface, next.rule).lr;
  fig.set({ ...change, steps: budget(next), lr: Number(clamp(lr, ...rateRange(next)).toPrecision(3)) });
}

/** @param {DialFigure} fig */
function addReadouts(fig) {
  const saySteps = fig.readout("steps to converge"),
    sayBest = fig.readout("best on this map"),
    sayMemory = fig.readout("memory 1/(1 − β)");
  /** @param {State} state @param {Drawn} now @param {Best} best */
  return ({ lr, beta }, { told }, best) => {
    saySteps(told);
    sayBest(
      best ? `${many(best.steps, "step")} at η ${show(best.lr)}, β ${show(best.beta)}` : "none converges",
    );
    sayMemory(many(totalWeight(beta), "gradient"));
    fig.speak(
      `Learning rate ${show(lr)}, momentum ${show(beta)}: ${told}. ${best ? `Best on this map: ${many(best.steps, "step")}.` : ""}`,
    );
  };
}
