// The phase portrait: a ball with friction, as a curve (the differential equation) and as dots (heavy ball's steps).
// Python side: momentum_lib/widgets/phase.py

import { clamp, h as element, pythonFloat, s, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
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

// ---------------------------------------------------------------------------------------------------- pure numbers

/** @param {string} potential @param {number} x */
export const height = (potential, x) => SURFACES[POTENTIALS[potential].surface].value(x, 0, {});
/** @param {string} potential @param {number} x */
const slope = (potential, x) => SURFACES[POTENTIALS[potential].surface].gradient(x, 0, {})[0];
/** Kinetic and potential energy, mass one. @param {string} potential @param {number} x @param {number} w */
export const energy = (potential, x, w) => (w * w) / 2 + height(potential, x);

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
  const hyper = { lr: h * h, beta: 1 - friction * h },
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

/** x'' + friction x' + curvature x = 0 from (x0, w0), at time t: (x, x'), in closed form. @param {number} curvature @param {number} friction @param {[number, number]} start @param {number} t */
export function oscillator(curvature, friction, [x0, w0], t) {
  const gap = curvature - (friction * friction) / 4,
    root = Math.sqrt(Math.abs(gap)),
    fade = Math.exp((-friction * t) / 2);
  const c = gap >= 0 ? Math.cos(root * t) : Math.cosh(root * t);
  const sn = root * t < 1e-9 ? t : (gap >= 0 ? Math.sin(root * t) : Math.sinh(root * t)) / root;
  return [
    fade * (x0 * c + (w0 + (friction * x0) / 2) * sn),
    fade * (w0 * c - (curvature * x0 + (friction * w0) / 2) * sn),
  ];
}

/** The differential equation at times 0, dt, 2 dt, ...: the closed form in the bowl, else the classical Runge-Kutta method. @param {string} potential @param {[number, number]} start @param {number} friction @param {number} dt @param {number} n */
export function curve(potential, [x0, w0], friction, dt, n) {
  const out = new Float64Array(2 * (n + 1));
  if (potential === "bowl") {
    for (let k = 0; k <= n; k++) out.set(oscillator(1, friction, [x0, w0], k * dt), 2 * k);
    return out;
  }
  const pull = (/** @type {number} */ x, /** @type {number} */ w) => -friction * w - slope(potential, x);
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
export const critical = (potential) => 2 * Math.sqrt(POTENTIALS[potential].curvature);

/** The time step beyond which heavy ball leaves the minimum: h^2 curvature = 2 (1 + beta) with beta = 1 - friction h. @param {string} potential @param {number} friction */
export function edge(potential, friction) {
  const { curvature } = POTENTIALS[potential];
  return (Math.sqrt(friction * friction + 4 * curvature) - friction) / curvature;
}

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

// ------------------------------------------------------------------------------------------------------ the figure

/** @param {{model: import("./kit/types.js").Model, el: HTMLElement}} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "A ball with friction: the curve is the ball, the dots are heavy ball",
    python: ({ potential, start, friction, h, time }) => `import numpy as np
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
`,
  });
  fig.root.classList.add("lf-phase");
  const frame = () => POTENTIALS[fig.get("potential")].frame;
  /** The start lies in the picture, whatever an address says. */
  const stayInside = () => {
    const [x, w] = fig.get("start"),
      [[left, right], [low, high]] = frame();
    fig.set({ start: [clamp(x, left, right), clamp(w, low, high)] });
  };
  stayInside();
  fig.watch((names) => {
    if (names.includes("potential") || names.includes("start")) stayInside();
  });

  // ---- pictures: the plane of position and velocity; beside it position and energy over time
  const plane = fig.plot({
    label:
      "Position to the right, velocity upwards: the ball's curve, heavy ball's dots, and the flow behind them",
    x: { domain: frame()[0], label: "position x", count: 5 },
    y: { domain: frame()[1], label: "velocity w", count: 5 },
    height: (width) => clamp(width * 0.92, 260, 430),
    margin: { top: 26, left: 34, right: 8 },
  });
  const streaks = s("path", { class: "lf-flow", "aria-hidden": "true" }),
    heads = s("path", { class: "lf-flow-head", "aria-hidden": "true" });
  plane.layers.back.append(streaks, heads);
  const across = plane.line({ class: "lf-guide", layer: "back" }),
    rest = plane.marks({ class: "lf-minimum", shape: "cross", radius: 4, layer: "back" });
  const ball = plane.line({ look: "ink", class: "lf-ball" }),
    run = plane.line({ look: "momentum", class: "lf-faint" }),
    marks = plane.marks({ look: "momentum", radius: 2.7 });
  const now = plane.marks({ look: "momentum", radius: 5.5, layer: "front" });
  const side = element("div", { class: "lf-stack" });
  fig.pictures.append(side);
  const position = fig.plot({
    parent: side,
    label: "Position against time",
    x: { domain: [0, fig.get("time")], count: 4 },
    y: { domain: frame()[0], label: "position x", count: 3 },
    height: (width) => clamp(width * 0.5, 135, 180),
    margin: { top: 26, left: 34, right: 10 },
  });
  const level = position.line({ class: "lf-guide", layer: "back" }),
    ballOver = position.line({ look: "ink", class: "lf-ball" }),
    dotsOver = position.marks({ look: "momentum", radius: 2.2 });
  const energies = fig.plot({
    parent: side,
    label: "Energy against time: potential below, kinetic on top of it, their sum",
    x: { domain: [0, fig.get("time")], label: "time", count: 4 },
    y: { domain: [0, 1], label: "energy", count: 3 },
    height: (width) => clamp(width * 0.58, 165, 215),
    margin: { top: 26, left: 34, right: 10 },
  });
  const low = energies.line({ look: "gradient", class: "lf-area" }),
    high = energies.line({ look: "momentum", class: "lf-area" });
  const total = energies.line({ look: "ink", class: "lf-ball" }),
    dotsTotal = energies.marks({ look: "momentum", radius: 2.2 });
  const kineticName = energies.text({ look: "momentum", anchor: "end" }),
    potentialName = energies.text({ look: "gradient", anchor: "end" });
  const names = [
    plane.text({ class: "lf-direct", anchor: "end" }),
    plane.text({ look: "momentum", anchor: "end" }),
  ];

  const handle = plane.handle({
    label: "Start: position and velocity",
    bounds: frame,
    set: (x, w) => fig.set({ start: [Number(x.toPrecision(4)), Number(w.toPrecision(4))] }),
    words: (x, w) => `position ${show(x)}, velocity ${show(w)}`,
  });
  plane.onPick((x, w) => fig.set({ start: [Number(x.toPrecision(4)), Number(w.toPrecision(4))] }));

  // ---- controls
  fig.slider({
    name: "friction",
    label: "friction",
    symbol: "γ",
    range: () => [0, 2 * critical(fig.get("potential")) > 12 ? 12 : 2 * critical(fig.get("potential"))],
    marks: () => [{ value: critical(fig.get("potential")), label: "critical" }],
    words: (v) => `${show(v)}, ${regime(fig.get("potential"), v)}`,
  });
  fig.slider({
    name: "h",
    label: "time step",
    symbol: "h",
    type: "log",
    range: () => [0.02, Math.min(2.5, 1.5 * edge(fig.get("potential"), fig.get("friction")))],
    marks: () => [
      {
        value: edge(fig.get("potential"), fig.get("friction")),
        label: "edge",
        side: "end",
        class: "lf-mark-edge",
      },
    ],
    words: (v) => `${show(v)}: learning rate ${show(v * v)}, momentum ${show(1 - fig.get("friction") * v)}`,
  });
  fig.segments({
    name: "potential",
    label: "the ball rolls in",
    options: Object.entries(POTENTIALS).map(([value, { label }]) => ({ value, label })),
    set: (potential) => fig.set({ potential, ...POTENTIALS[potential].begin }),
  });
  fig.slider({ name: "time", label: "time shown", type: "log", fold: true });
  const time = fig.player({ length: () => drawn.n, seconds: () => Math.min(9, 2 + drawn.n / 25) });
  fig.onReset(() => time.end());
  const sayRate = fig.readout(`${QUANTITIES.lr.name} η = h²`),
    sayBeta = fig.readout(`${QUANTITIES.beta.name} β = 1 − γh`, { look: "momentum" }),
    sayRegime = fig.readout("the ball"),
    sayGap = fig.readout("dots leave the curve by"),
    sayRises = fig.readout("dots’ energy rises in");

  // ---- numbers
  let drawn = /** @type {any} */ ({ n: 0 });
  function compute() {
    const { potential, start, friction, h, time: end } = fig.snapshot(),
      { n, m } = grid(h, end);
    const { points, divergedAt } = dots(potential, start, friction, h, n),
      fine = curve(potential, start, friction, h / m, n * m),
      steps = points.length / 2 - 1;
    const own = Float64Array.from({ length: steps + 1 }, (_, k) =>
      energy(potential, points[2 * k], points[2 * k + 1]),
    );
    let gap = 0;
    for (let k = 0; k <= steps; k++) gap = Math.max(gap, Math.abs(points[2 * k] - fine[2 * k * m]));
    const kinetic = new Float64Array(n * m + 1),
      stored = new Float64Array(n * m + 1);
    for (let k = 0; k <= n * m; k++) {
      kinetic[k] = fine[2 * k + 1] ** 2 / 2;
      stored[k] = height(potential, fine[2 * k]);
    }
    drawn = {
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
      lr: h * h,
      beta: 1 - friction * h,
    };
  }

  /** The flow as short strokes of equal length, each ending in a dot: drawn again when friction, potential or size change. */
  let flowKey = "";
  function flow(/** @type {string} */ potential, /** @type {number} */ friction) {
    const [[x0, x1], [w0, w1]] = frame(),
      key = [potential, friction, plane.width, plane.height].join();
    if (key === flowKey) return;
    flowKey = key;
    const across_ = x1 - x0,
      tall = w1 - w0,
      columns = Math.round((plane.inner.right - plane.inner.left) / 32),
      rows = Math.round((plane.inner.bottom - plane.inner.top) / 32),
      parts = [],
      ends = [];
    for (let i = 0; i < columns; i++)
      for (let j = 0; j < rows; j++) {
        let x = x0 + ((i + 0.5 + (j % 2 ? 0.25 : -0.25)) * across_) / columns,
          w = w0 + ((j + 0.5) * tall) / rows,
          d = "";
        for (let k = 0; k <= 8; k++) {
          d += `${k ? "L" : "M"}${plane.x(x).toFixed(1)},${plane.y(w).toFixed(1)}`;
          const dx = w / across_,
            dw = (-friction * w - slope(potential, x)) / tall,
            speed = Math.hypot(dx, dw) || 1,
            step = 0.95 / (8 * columns);
          const half = [x + (across_ * step * dx) / speed / 2, w + (tall * step * dw) / speed / 2];
          const hx = half[1] / across_,
            hw = (-friction * half[1] - slope(potential, half[0])) / tall,
            pace = Math.hypot(hx, hw) || 1;
          if (k < 8) {
            x += (across_ * step * hx) / pace;
            w += (tall * step * hw) / pace;
          }
        }
        parts.push(d);
        const px = plane.x(x),
          py = plane.y(w);
        if (
          px > plane.inner.left &&
          px < plane.inner.right &&
          py > plane.inner.top &&
          py < plane.inner.bottom
        )
          ends.push(`M${(px - 1.5).toFixed(1)},${py.toFixed(1)}a1.5,1.5 0 1 0 3,0a1.5,1.5 0 1 0 -3,0`);
      }
    streaks.setAttribute("d", parts.join(""));
    heads.setAttribute("d", ends.join(""));
  }

  fig.draw(() => {
    compute();
    const { potential, start, friction, h, time: end } = fig.snapshot(),
      { points, fine, own, m } = drawn,
      [xs, ws] = frame(),
      head = time.head();
    const field = SURFACES[POTENTIALS[potential].surface],
      until = Math.min(head * m, fine.length / 2 - 1),
      whole = head >= drawn.n ? fine.length / 2 - 1 : until;
    plane.setDomain(xs, ws);
    position.setDomain([0, end], xs);
    const top = 1.08 * Math.max(drawn.kinetic[0] + drawn.stored[0], 1e-6);
    energies.setDomain([0, end], [0, top]);
    flow(potential, friction);
    across.update([xs[0], 0, xs[1], 0]);
    rest.update(field.minima.flatMap((minimum) => [minimum[0], 0]));
    ball.update(fine, whole);
    run.update(points, head);
    marks.update(points, head);
    if (head < drawn.n) now.update(points.slice(2 * head, 2 * head + 2));
    else now.clear();
    handle.update(start[0], start[1]);

    /** @param {(k: number) => number} f @param {number} from @param {number} to @param {number} step */
    const over = (f, from, to, step) =>
      Float64Array.from({ length: 2 * (Math.floor((to - from) / step) + 1) }, (_, k) =>
        k % 2 ? f(from + step * (k >> 1)) : (step * (k >> 1) * h) / m,
      );
    const some = Math.max(1, Math.floor((m * drawn.n) / 1500)),
      sum = (/** @type {number} */ k) => drawn.kinetic[k] + drawn.stored[k];
    level.update([0, 0, end, 0]);
    ballOver.update(over((k) => fine[2 * k], 0, whole, some));
    dotsOver.update(
      Float64Array.from({ length: 2 * (head + 1) }, (_, k) => (k % 2 ? points[k - 1] : (k >> 1) * h)),
    );
    const stored = over((k) => drawn.stored[k], 0, whole, some),
      summed = over(sum, 0, whole, some),
      last = summed[summed.length - 2];
    low.update(between([0, 0, last, 0], stored));
    high.update(between(stored, summed));
    total.update(summed);
    dotsTotal.update(
      Float64Array.from({ length: 2 * (head + 1) }, (_, k) => (k % 2 ? own[k >> 1] : (k >> 1) * h)),
    );
    kineticName.update(end, top, "kinetic", 0, 16);
    potentialName.update(end, top, "potential", 0, 33);
    names[0].update(xs[1], ws[1], "curve: the ball, exactly", -4, 12);
    names[1].update(xs[1], ws[1], "dots: heavy ball", -4, 28);
    // many dots: smaller, or they hide the curve
    for (const part of [plane, position, energies])
      part.layers.marks.classList.toggle("lf-many", drawn.n > 250);

    const beta = drawn.beta,
      gone = drawn.divergedAt;
    sayRate(show(drawn.lr));
    sayBeta(beta < 0 ? `${show(beta)}: negative` : show(beta));
    sayRegime(regime(potential, friction));
    sayGap(gone ? `everything: they diverge` : show(drawn.gap, 2));
    sayRises(drawn.rises === 0 ? "no step" : `${drawn.rises} of ${drawn.n} steps`);
    fig.speak(
      `Friction ${show(friction)}, time step ${show(h)}: learning rate ${show(drawn.lr)}, momentum ${show(beta)}. The ball ${regime(potential, friction)}; the dots ${gone ? `diverge at step ${gone}` : `leave its curve by ${show(drawn.gap, 2)}`}.`,
    );
  });

  fig.numbers(() => ({
    path: Array.from(drawn.points),
    curve: Array.from(
      drawn.fine.filter((/** @type {number} */ _, /** @type {number} */ k) => (k >> 1) % drawn.m === 0),
    ),
    energies: Array.from(drawn.own),
    kinetic: Array.from(drawn.kinetic),
    stored: Array.from(drawn.stored),
    gap: Number.isFinite(drawn.gap) ? drawn.gap : null,
    rises: drawn.rises,
    lr: drawn.lr,
    beta: drawn.beta,
    divergedAt: drawn.divergedAt || null,
    regime: regime(fig.get("potential"), fig.get("friction")),
    edge: edge(fig.get("potential"), fig.get("friction")),
    head: time.head(),
  }));
  return fig.start();
}
