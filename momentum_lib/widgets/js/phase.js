// The phase portrait: a ball with friction, as a curve (the differential equation) and as dots (heavy ball's steps).
// Python side: momentum_lib/widgets/phase.py

import { series } from "./kit/curve.js";
import { clamp, h as element, pythonFloat, s, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import {
  ballWithFriction,
  criticalFriction,
  kineticEnergy,
  longestStep,
  settingOfBall,
} from "./generated/theory.js";
import { between } from "./kit/geometry.js";
import { choice, number, point } from "./kit/state.js";

/**
 * What the ball rolls in: the surface whose text it is (the bowl along its first axis), the curvature at its minimum, the
 * plane that is shown, and where a change to it begins.
 * @type {Record<string, {surface: string, python: string, label: string, curvature: number, frame: [[number, number], [number, number]], begin: {start: [number, number], friction: number, h: number}}>}
 */
export const POTENTIALS = {
  bowl: {
    surface: "bowl",
    python: "quadratic([1.0])",
    label: "bowl",
    curvature: 1,
    frame: [
      [-3, 3],
      [-3, 3],
    ],
    begin: { start: [-2.4, 0], friction: 0.5, h: 0.3 },
  },
  double_well: {
    surface: "double_well",
    python: "double_well",
    label: "double well",
    curvature: 2,
    frame: [
      [-2, 2],
      [-1.75, 1.75],
    ],
    begin: { start: [-1.8, 0], friction: 0.25, h: 0.25 },
  },
  lessard: {
    surface: "lessard",
    python: "lessard",
    label: "Lessard’s",
    curvature: 25,
    frame: [
      [-3.5, 4.5],
      [-18, 18],
    ],
    begin: { start: [3.3, 0], friction: 5 / 3, h: 1 / 3 },
  },
};

export const STATE = {
  potential: choice("bowl", Object.keys(POTENTIALS)),
  start: point(
    [-2.4, 0],
    [
      [-3.5, 4.5],
      [-18, 18],
    ],
  ),
  friction: number(0.5, 0, 12),
  h: number(0.3, 0.01, 2.5),
  time: number(20, 1, 100),
};

/** The longest time between two points of the curve. */
export const FINE = 0.01;
const LIMIT = 1e6;
/** Pieces of a stroke of the flow; so many points of the curve over time are more than a picture has pixels. */
const PIECES = 5,
  OVER = 500;

/** @typedef {import("./kit/types.js").Pair} Pair */
/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} PhaseFigure */
/** @typedef {import("./kit/types.js").Plot} Plot */
/** @typedef {ReturnType<typeof measure>} Drawn */

// ---------------------------------------------------------------------------------------------------- pure numbers

/** @param {string} potential @param {number} x */
export const height = (potential, x) => SURFACES[POTENTIALS[potential].surface].value(x, 0, {});
/** @param {string} potential @param {number} x */
const slope = (potential, x) => SURFACES[POTENTIALS[potential].surface].gradient(x, 0, {})[0];
/** Kinetic and potential energy, mass one. @param {string} potential @param {number} x @param {number} w */
export const energy = (potential, x, w) => kineticEnergy(w, 1) + height(potential, x);

/** How many dots after the first, and how many points of the curve from one dot to the next. @param {number} h @param {number} time */
export const grid = (h, time) => ({
  n: Math.max(1, Math.floor(time / h + 1e-9)),
  m: Math.ceil(h / FINE - 1e-9),
});

/**
 * Heavy ball with rate h^2 and momentum 1 - friction h, as flat (position, velocity) pairs; the velocity is the last step
 * over h. A run beyond 1e6 is cut, and `divergedAt` says where.
 * @param {string} potential @param {[number, number]} start @param {number} friction @param {number} h @param {number} n
 */
export function dots(potential, [x0, w0], friction, h, n) {
  const [lr, beta] = settingOfBall(friction, h),
    hyper = { lr, beta },
    out = new Float64Array(2 * (n + 1));
  let x = x0,
    state = [-w0 / h];
  out.set([x0, w0]);
  for (let k = 1; k <= n; k++) {
    [x, state] = RULES.heavy_ball.step(x, slope(potential, x), k, state, hyper);
    if (!(Math.abs(x) <= LIMIT)) return { points: out.slice(0, 2 * k), divergedAt: k };
    out[2 * k] = x;
    out[2 * k + 1] = -h * state[0];
  }
  return { points: out, divergedAt: 0 };
}

/** The differential equation at times 0, dt, 2 dt, ...: the closed form in the bowl, else the classical Runge-Kutta method. @param {string} potential @param {[number, number]} start @param {number} friction @param {number} dt @param {number} n */
export function curve(potential, [x0, w0], friction, dt, n) {
  const out = new Float64Array(2 * (n + 1));
  if (potential === "bowl") {
    for (let k = 0; k <= n; k++) out.set(ballWithFriction(1, friction, k * dt, x0, w0), 2 * k);
    return out;
  }
  const pull = (/** @type {number} */ at, /** @type {number} */ speed) =>
    -friction * speed - slope(potential, at);
  let x = x0,
    w = w0;
  out.set([x, w]);
  for (let k = 1; k <= n; k++) {
    const a1 = pull(x, w),
      w2 = w + (dt / 2) * a1,
      a2 = pull(x + (dt / 2) * w, w2),
      w3 = w + (dt / 2) * a2,
      a3 = pull(x + (dt / 2) * w2, w3),
      w4 = w + dt * a3,
      a4 = pull(x + dt * w3, w4);
    x += (dt / 6) * (w + 2 * w2 + 2 * w3 + w4);
    w += (dt / 6) * (a1 + 2 * a2 + 2 * a3 + a4);
    out[2 * k] = x;
    out[2 * k + 1] = w;
  }
  return out;
}

/** The friction at which the ball neither creeps nor swings. @param {string} potential */
export const critical = (potential) => criticalFriction(POTENTIALS[potential].curvature);

/** The time step beyond which heavy ball leaves the minimum. @param {string} potential @param {number} friction */
export const edge = (potential, friction) => longestStep(POTENTIALS[potential].curvature, friction);

/** How the ball comes to rest, near the minimum. @param {string} potential @param {number} friction */
export function regime(potential, friction) {
  const ratio = friction / critical(potential);
  return friction === 0
    ? "swings for ever"
    : Math.abs(ratio - 1) < 0.005
      ? "critically damped"
      : ratio < 1
        ? "swings: under-damped"
        : "creeps: over-damped";
}

/** In how many steps the energy of the dots rises, by more than rounding. @param {ArrayLike<number>} energies */
export function rises(energies) {
  let count = 0;
  for (let k = 1; k < energies.length; k++)
    if (energies[k] > energies[k - 1] + 1e-12 * (1 + energies[0])) count++;
  return count;
}

/** The ball and the dots of one state, and what is read from them. @param {State} state */
function measure({ potential, start, friction, h, time }) {
  const { n, m } = grid(h, time),
    begin = /** @type {Pair} */ (start),
    [lr, beta] = settingOfBall(friction, h),
    { points, divergedAt } = dots(potential, begin, friction, h, n),
    fine = curve(potential, begin, friction, h / m, n * m),
    steps = points.length / 2 - 1;
  const own = Float64Array.from({ length: steps + 1 }, (_, k) =>
    energy(potential, points[2 * k], points[2 * k + 1]),
  );
  let gap = 0;
  for (let k = 0; k <= steps; k++) gap = Math.max(gap, Math.abs(points[2 * k] - fine[2 * k * m]));
  const kinetic = new Float64Array(n * m + 1),
    stored = new Float64Array(n * m + 1);
  for (let k = 0; k <= n * m; k++) {
    kinetic[k] = kineticEnergy(fine[2 * k + 1], 1);
    stored[k] = height(potential, fine[2 * k]);
  }
  return {
    n: steps,
    m,
    h,
    points,
    divergedAt,
    fine,
    own,
    kinetic,
    stored,
    gap: divergedAt ? Infinity : gap,
    rises: rises(own),
    lr,
    beta,
  };
}

/**
 * The flow as short strokes of equal length, each a few points of (x, w), placed in a lattice so wide and so high.
 * @param {string} potential @param {number} friction @param {number} columns @param {number} rows
 */
function strokes(potential, friction, columns, rows) {
  const [[x0, x1], [w0, w1]] = POTENTIALS[potential].frame,
    wide = x1 - x0,
    tall = w1 - w0,
    step = 0.95 / (PIECES * columns),
    found = [];
  /** The way from a place, of length one in units of the frame. @param {number} x @param {number} w @param {number} length */
  const way = (x, w, length) => {
    const dx = w / wide,
      dw = (-friction * w - slope(potential, x)) / tall,
      size = length / (Math.sqrt(dx * dx + dw * dw) || 1);
    return [wide * dx * size, tall * dw * size];
  };
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < rows; j++) {
      let x = x0 + ((i + 0.5 + (j % 2 ? 0.25 : -0.25)) * wide) / columns,
        w = w0 + ((j + 0.5) * tall) / rows;
      const stroke = [x, w];
      for (let k = 0; k < PIECES; k++) {
        const [hx, hw] = way(x, w, step / 2),
          [dx, dw] = way(x + hx, w + hw, step);
        stroke.push((x += dx), (w += dw));
      }
      found.push(stroke);
    }
  return found;
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @param {State} state */
function python({ potential, start, friction, h, time }) {
  return `import numpy as np
from momentum_lib import rules, surfaces

f = surfaces.${POTENTIALS[potential].python}
friction, h = ${pythonFloat(friction)}, ${pythonFloat(h)}
setting = {"lr": h**2, "beta": 1 - friction * h}
x, w = np.array([${pythonFloat(start[0])}]), ${pythonFloat(start[1])}
v, path = np.array([-w / h]), [[x[0], w]]
for t in range(1, ${grid(h, time).n + 1}):
    x, (v,) = rules.heavy_ball.step(x, f.gradient(x), (v,), setting, t)
    if not abs(x[0]) <= 1e6:
        print(f"diverged at step {t}")
        break
    path.append([x[0], -h * v[0]])  # position and velocity
print(path[-1])
`;
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "A ball with friction: the curve is the ball, the dots are heavy ball",
    python,
  });
  fig.root.classList.add("lf-phase");
  /** The start lies in the picture, whatever an address says. */
  const stayInside = () => {
    const [x, w] = fig.get("start"),
      [[left, right], [low, high]] = frameOf(fig);
    fig.set({ start: [clamp(x, left, right), clamp(w, low, high)] });
  };
  stayInside();
  fig.watch((names) => {
    if (names.includes("potential") || names.includes("start")) stayInside();
  });

  const plane = addPlane(fig),
    side = element("div", { class: "lf-stack" });
  fig.pictures.append(side);
  const position = addPosition(fig, side),
    energies = addEnergies(fig, side);
  addControls(fig);
  const drawn = { now: measure(fig.snapshot()) };
  const time = fig.player({
    length: () => drawn.now.n,
    seconds: () => Math.min(9, 2 + drawn.now.n / 25),
  });
  fig.onReset(() => time.end());
  const say = addReadouts(fig);

  fig.draw(() => {
    const state = fig.snapshot(),
      now = (drawn.now = measure(state)),
      head = time.head(),
      last = now.fine.length / 2 - 1,
      until = head >= now.n ? last : Math.min(head * now.m, last);
    plane(state, now, head, until);
    position(state, now, head, until);
    energies(state, now, head, until);
    say(state, now);
  });
  fig.numbers(() => {
    const { points, fine, own, kinetic, stored, gap, divergedAt, m, ...now } = drawn.now,
      { potential, friction } = fig.snapshot();
    return {
      path: Array.from(points),
      curve: Array.from(fine.filter((_, k) => (k >> 1) % m === 0)),
      energies: Array.from(own),
      kinetic: Array.from(kinetic),
      stored: Array.from(stored),
      gap: Number.isFinite(gap) ? gap : null,
      rises: now.rises,
      lr: now.lr,
      beta: now.beta,
      divergedAt: divergedAt || null,
      regime: regime(potential, friction),
      edge: edge(potential, friction),
      head: time.head(),
    };
  });
  return fig.start();
}

/** The part of the plane that is shown. @param {PhaseFigure} fig */
const frameOf = (fig) => POTENTIALS[fig.get("potential")].frame;
/** Many dots are smaller, or they hide the curve. @param {Plot} plot @param {Drawn} now */
const sizeDots = (plot, { n }) => plot.layers.marks.classList.toggle("lf-many", n > 250);

/** Position to the right, velocity upwards. @param {PhaseFigure} fig */
function addPlane(fig) {
  const plane = fig.plot({
    label:
      "Position to the right, velocity upwards: the ball's curve, heavy ball's dots, and the flow behind them",
    x: { domain: frameOf(fig)[0], label: "position x", count: 5 },
    y: { domain: frameOf(fig)[1], label: "velocity w", count: 5 },
    height: (width) => clamp(width * 0.92, 260, 430),
    margin: { top: 26, left: 34, right: 8 },
  });
  const flow = addFlow(plane),
    across = plane.line({ class: "lf-guide", layer: "back" }),
    rest = plane.marks({ class: "lf-minimum", shape: "cross", radius: 4, layer: "back" }),
    ball = plane.line({ look: "ink", class: "lf-ball" }),
    run = plane.line({ look: "momentum", class: "lf-faint", path: true }),
    marks = plane.marks({ look: "momentum", radius: 2.7 }),
    pen = plane.marks({ look: "momentum", radius: 5.5, layer: "front" });
  plane.key([
    { words: "— curve: the ball, exactly", look: "ink" },
    { words: "• dots: heavy ball", look: "momentum" },
  ]);
  const put = (/** @type {number} */ x, /** @type {number} */ w) =>
    fig.set({ start: [Number(x.toPrecision(4)), Number(w.toPrecision(4))] });
  const handle = plane.handle({
    label: "Start: position and velocity",
    starts: true,
    bounds: () => frameOf(fig),
    set: put,
    words: (x, w) => `position ${show(x)}, velocity ${show(w)}`,
  });
  plane.onPick(put);
  /** @param {State} state @param {Drawn} now @param {number} head @param {number} until */
  return ({ potential, start, friction }, now, head, until) => {
    const [xs, ws] = POTENTIALS[potential].frame;
    plane.setDomain(xs, ws);
    flow(potential, friction);
    across.update([xs[0], 0, xs[1], 0]);
    rest.update(SURFACES[POTENTIALS[potential].surface].minima.flatMap((minimum) => [minimum[0], 0]));
    ball.update(now.fine, until);
    run.update(now.points, head);
    marks.update(now.points, head);
    if (head < now.n) pen.update(now.points.slice(2 * head, 2 * head + 2));
    else pen.clear();
    handle.update(start[0], start[1]);
    sizeDots(plane, now);
  };
}

/** The flow behind the plane: strokes that end in a dot, drawn again when potential, friction or size change. @param {Plot} plane */
function addFlow(plane) {
  const streaks = s("path", { class: "lf-flow", "aria-hidden": "true" }),
    heads = s("path", { class: "lf-flow-head", "aria-hidden": "true" }),
    kept = { key: "" };
  plane.layers.back.append(streaks, heads);
  const tenths = (/** @type {number} */ pixel) => Math.round(10 * pixel) / 10;
  return (/** @type {string} */ potential, /** @type {number} */ friction) => {
    const key = [potential, friction, plane.width, plane.height].join();
    if (key === kept.key) return;
    kept.key = key;
    const { left, right, top, bottom } = plane.inner;
    let lines = "",
      ends = "";
    for (const stroke of strokes(
      potential,
      friction,
      Math.round((right - left) / 32),
      Math.round((bottom - top) / 32),
    )) {
      let x = 0,
        y = 0;
      for (let k = 0; k < stroke.length; k += 2) {
        x = tenths(plane.x(stroke[k]));
        y = tenths(plane.y(stroke[k + 1]));
        lines += `${k ? "L" : "M"}${x},${y}`;
      }
      if (x > left && x < right && y > top && y < bottom)
        ends += `M${tenths(x - 1.5)},${y}a1.5,1.5 0 1 0 3,0a1.5,1.5 0 1 0 -3,0`;
    }
    streaks.setAttribute("d", lines);
    heads.setAttribute("d", ends);
  };
}

/** Something of the curve against time, from the start to its point `until`. @param {(k: number) => number} f @param {Drawn} now @param {number} until */
function over(f, { h, m, n }, until) {
  const each = Math.max(1, Math.floor((m * n) / OVER));
  return series(
    Array.from({ length: Math.floor(until / each) + 1 }, (_, k) => f(each * k)),
    undefined,
    (each * h) / m,
  );
}

/** @param {PhaseFigure} fig @param {HTMLElement} parent */
function addPosition(fig, parent) {
  const position = fig.plot({
    parent,
    label: "Position against time",
    x: { domain: [0, fig.get("time")], count: 4 },
    y: { domain: frameOf(fig)[0], label: "position x", count: 3 },
    height: (width) => clamp(width * 0.5, 135, 180),
    share: { column: 0.45 },
    margin: { top: 26, left: 34, right: 10 },
  });
  const level = position.line({ class: "lf-guide", layer: "back" }),
    ball = position.line({ look: "ink", class: "lf-ball" }),
    marks = position.marks({ look: "momentum", radius: 2.2 });
  /** @param {State} state @param {Drawn} now @param {number} head @param {number} until */
  return ({ potential, h, time }, now, head, until) => {
    position.setDomain([0, time], POTENTIALS[potential].frame[0]);
    level.update([0, 0, time, 0]);
    ball.update(over((k) => now.fine[2 * k], now, until));
    marks.update(
      series(
        now.points.filter((_, k) => k % 2 === 0),
        head,
        h,
      ),
    );
    sizeDots(position, now);
  };
}

/** @param {PhaseFigure} fig @param {HTMLElement} parent */
function addEnergies(fig, parent) {
  const energies = fig.plot({
    parent,
    label: "Energy against time: potential below, kinetic on top of it, their sum",
    x: { domain: [0, fig.get("time")], label: "time", count: 4 },
    y: { domain: [0, 1], label: "energy", count: 3 },
    height: (width) => clamp(width * 0.58, 165, 215),
    share: { column: 0.52 },
    margin: { top: 26, left: 34, right: 10 },
  });
  const low = energies.line({ look: "gradient", class: "lf-area" }),
    high = energies.line({ look: "momentum", class: "lf-area" }),
    total = energies.line({ look: "ink", class: "lf-ball" }),
    marks = energies.marks({ look: "momentum", radius: 2.2 });
  energies.key([
    { words: "■ kinetic", look: "momentum" },
    { words: "■ potential", look: "gradient" },
  ]);
  /** @param {State} state @param {Drawn} now @param {number} head @param {number} until */
  return ({ h, time }, now, head, until) => {
    const top = 1.08 * Math.max(now.kinetic[0] + now.stored[0], 1e-6),
      stored = over((k) => now.stored[k], now, until),
      summed = over((k) => now.kinetic[k] + now.stored[k], now, until),
      last = summed[summed.length - 2];
    energies.setDomain([0, time], [0, top]);
    low.update(between([0, 0, last, 0], stored));
    high.update(between(stored, summed));
    total.update(summed);
    marks.update(series(now.own, head, h));
    sizeDots(energies, now);
  };
}

/** @param {PhaseFigure} fig */
function addControls(fig) {
  const here = () => fig.get("potential"),
    highest = () => edge(here(), fig.get("friction"));
  fig.slider({
    name: "friction",
    label: "friction",
    symbol: "γ",
    range: () => [0, Math.min(12, 2 * critical(here()))],
    marks: () => [{ value: critical(here()), label: "critical" }],
    words: (v) => `${show(v)}, ${regime(here(), v)}`,
  });
  fig.slider({
    name: "h",
    label: "time step",
    symbol: "h",
    type: "log",
    range: () => [0.02, Math.min(2.5, 1.5 * highest())],
    marks: () => [{ value: highest(), label: "edge", side: "end", class: "lf-mark-edge" }],
    words: (v) => {
      const [lr, beta] = settingOfBall(fig.get("friction"), v);
      return `${show(v)}: learning rate ${show(lr)}, momentum ${show(beta)}`;
    },
  });
  fig.segments({
    name: "potential",
    label: "the ball rolls in",
    options: Object.entries(POTENTIALS).map(([value, { label }]) => ({ value, label })),
    set: (potential) => fig.set({ potential, ...POTENTIALS[potential].begin }),
  });
  fig.slider({ name: "time", label: "time shown", type: "log", fold: true });
}

/** @param {PhaseFigure} fig */
function addReadouts(fig) {
  const sayRate = fig.readout(`${QUANTITIES.lr.name} η = h²`),
    sayBeta = fig.readout(`${QUANTITIES.beta.name} β = 1 − γh`, { look: "momentum" }),
    sayRegime = fig.readout("the ball"),
    sayGap = fig.readout("dots leave the curve by"),
    sayRises = fig.readout("dots’ energy rises in");
  /** @param {State} state @param {Drawn} now */
  return ({ potential, friction, h }, { lr, beta, gap, divergedAt, n, rises: count }) => {
    sayRate(show(lr));
    sayBeta(beta < 0 ? `${show(beta)}: negative` : show(beta));
    sayRegime(regime(potential, friction));
    sayGap(divergedAt ? "everything: they diverge" : show(gap, 2));
    sayRises(count === 0 ? "no step" : `${count} of ${n} steps`);
    fig.speak(
      `Friction ${show(friction)}, time step ${show(h)}: learning rate ${show(lr)}, momentum ${show(beta)}. The ball ${regime(potential, friction).replace(/^critically/, "is critically")}; the dots ${divergedAt ? `diverge at step ${divergedAt}` : `leave its curve by ${show(gap, 2)}`}.`,
    );
  };
}
