// The hill roller: heavy ball in a rough landscape, and where its energy goes, step by step.
// Python side: momentum_lib/widgets/roller.py

import { clamp, many, pythonFloat, show } from "./kit/dom.js";
import { createFigure } from "./kit/figure.js";
import { QUANTITIES } from "./generated/look.js";
import { RULES } from "./generated/rules.js";
import { SURFACES } from "./generated/surfaces.js";
import { between } from "./kit/geometry.js";
import { LEARNING_RATE } from "./kit/sliders.js";
import { choice, integer, number } from "./kit/state.js";
import { frictionShare, kineticEnergy } from "./generated/theory.js";

/**
 * The landscapes: the surface (one with two coordinates is cut along its first axis), its parameters, what is shown of it,
 * the slider's learning rates, and where a change to it begins.
 * @type {Record<string, {surface: string, params: Record<string, number>, python: string, label: string, frame: [[number, number], [number, number]], rates: [number, number], begin: {start: number, lr: number, beta: number, steps: number}}>}
 */
export const LANDSCAPES = {
  ripples: {
    surface: "rippled_bowl",
    params: { ripple: 0.2, frequency: 8 },
    python: "rippled_bowl(ripple=0.2, frequency=8)",
    label: "ripples",
    frame: [
      [-3.5, 3.5],
      [0, 6.8],
    ],
    rates: [1e-3, 0.15],
    begin: { start: 3, lr: 0.01, beta: 0.9, steps: 80 },
  },
  plateau: {
    surface: "plateau",
    params: SURFACES.plateau.params,
    python: "plateau",
    label: "plateau",
    frame: [
      [-4.5, 4.5],
      [0, 1.2],
    ],
    rates: [0.01, 4],
    begin: { start: -3.5, lr: 0.5, beta: 0.9, steps: 100 },
  },
  crevice: {
    surface: "crevice",
    params: SURFACES.crevice.params,
    python: "crevice",
    label: "crevice",
    frame: [
      [-2.5, 5.5],
      [0, 11],
    ],
    rates: [2e-4, 0.05],
    begin: { start: -2, lr: 0.002, beta: 0.95, steps: 150 },
  },
};

export const STATE = {
  landscape: choice("ripples", Object.keys(LANDSCAPES)),
  start: number(3, -4.5, 5.5),
  lr: number(0.01, 2e-4, 4),
  beta: number(0.9, 0, 0.999),
  steps: integer(80, 10, 2000),
};

/** How many steps a run may take to come to rest. */
export const LONG = 20000;
const LIMIT = 1e6;

// ---------------------------------------------------------------------------------------------------- pure numbers

/** @param {string} landscape @param {number} x */
export const height = (landscape, x) =>
  SURFACES[LANDSCAPES[landscape].surface].value(x, 0, LANDSCAPES[landscape].params);
/** @param {string} landscape @param {number} x */
export const slope = (landscape, x) =>
  SURFACES[LANDSCAPES[landscape].surface].gradient(x, 0, LANDSCAPES[landscape].params)[0];

/**
 * Valleys and ridges inside the frame: where the slope turns to rising, and to falling; by bisection.
 * @param {string} landscape @param {number} [parts] pieces of the frame among which they are sought
 */
export function restPoints(landscape, parts = 2000) {
  const [low, high] = LANDSCAPES[landscape].frame[0],
    valleys = /** @type {number[]} */ ([]),
    ridges = /** @type {number[]} */ ([]);
  const at = (/** @type {number} */ k) => low + ((high - low) * k) / parts,
    found = Float64Array.from({ length: parts + 1 }, (_, k) => slope(landscape, at(k)));
  for (let k = 0; k < parts; k++) {
    if (found[k] === 0) {
      if (k) (found[k - 1] < 0 ? valleys : ridges).push(at(k));
      continue;
    }
    if (found[k + 1] === 0 || found[k] < 0 === found[k + 1] < 0) continue; // a zero begins the next piece
    let a = at(k),
      b = at(k + 1);
    for (let turn = 0; turn < 50; turn++) {
      const middle = (a + b) / 2;
      if (slope(landscape, middle) < 0 === found[k] < 0) a = middle;
      else b = middle;
    }
    (found[k] < 0 ? valleys : ridges).push((a + b) / 2);
  }
  return { valleys, ridges };
}

/** Heavy ball from rest: its positions; cut where they pass 1e6. @param {string} landscape @param {number} start @param {number} lr @param {number} beta @param {number} steps */
export function roll(landscape, start, lr, beta, steps) {
  const path = new Float64Array(steps + 1),
    hyper = { lr, beta };
  let x = start,
    state = [0];
  path[0] = x;
  for (let t = 1; t <= steps; t++) {
    [x, state] = RULES.heavy_ball.step(x, slope(landscape, x), t, state, hyper);
    if (!(Math.abs(x) <= LIMIT)) return path.slice(0, t);
    path[t] = x;
  }
  return path;
}

/**
 * The energy of a run, step by step: potential f; kinetic step^2/(2 lr); what friction has taken so far, (1 - beta^2) of the
 * kinetic energy at the start of each step; and what steps of finite length have added, which makes the books balance:
 * potential + kinetic + friction = energy at the start + finite.
 * @param {string} landscape @param {Float64Array} path @param {number} lr @param {number} beta
 */
export function books(landscape, path, lr, beta) {
  const potential = path.map((x) => height(landscape, x)),
    kinetic = path.map((x, k) => (k ? kineticEnergy(x - path[k - 1], lr) : 0));
  const share = frictionShare(beta),
    friction = new Float64Array(path.length);
  for (let k = 1; k < path.length; k++) friction[k] = friction[k - 1] + share * kinetic[k - 1];
  return {
    potential,
    kinetic,
    friction,
    finite: potential.map((p, k) => p + kinetic[k] + friction[k] - potential[0]),
  };
}

/**
 * The valley in which a long run comes to rest, and the first step from which it stays there; null where it does not rest.
 * @param {Float64Array} long @param {{valleys: number[], ridges: number[]}} points
 */
export function rest(long, { valleys, ridges }) {
  const end = long[long.length - 1];
  if (long.length <= LONG || Math.abs(end - long[long.length - 2]) >= 1e-9 || !valleys.length)
    return { valley: null, entered: null };
  const valley = valleys.reduce((a, b) => (Math.abs(b - end) < Math.abs(a - end) ? b : a));
  if (Math.abs(valley - end) >= 1e-4) return { valley: null, entered: null };
  const low = Math.max(-Infinity, ...ridges.filter((r) => r < valley)),
    high = Math.min(Infinity, ...ridges.filter((r) => r > valley));
  let entered = long.length;
  while (entered > 0 && long[entered - 1] > low && long[entered - 1] < high) entered--;
  return { valley, entered };
}

// ------------------------------------------------------------------------------------------------------ the figure

/** @typedef {import("./kit/types.js").Values<typeof STATE>} State */
/** @typedef {import("./kit/types.js").Figure<typeof STATE>} RollerFigure */
/** @typedef {ReturnType<typeof addHill>} Hill */
/** @typedef {ReturnType<typeof addEnergy>} Energy */
/** @typedef {ReturnType<typeof compute>} Drawn */
/** @typedef {ReturnType<typeof restPoints>} RestPoints */

/** @param {RollerFigure} fig */
const here = (fig) => LANDSCAPES[fig.get("landscape")];

/** @param {State} state */
const python = ({ landscape, start, lr, beta, steps }) => `import numpy as np
from momentum_lib import descend, rules, surfaces

f = surfaces.${LANDSCAPES[landscape].python}
start = np.zeros(f.dim)
start[0], lr, beta = ${pythonFloat(start)}, ${pythonFloat(lr)}, ${pythonFloat(beta)}
path = descend(rules.heavy_ball, f, start, steps=${steps}, lr=lr, beta=beta)
x, potential = path.points[:, 0], path.values
kinetic = np.diff(x, prepend=x[0]) ** 2 / (2 * lr)
friction = np.append(0, np.cumsum((1 - beta**2) * kinetic[:-1]))
finite = potential + kinetic + friction - potential[0]
print(f"at {x[-1]:.3f}: potential {potential[-1]:.3f}, kinetic {kinetic[-1]:.3f},")
print(f"taken by friction {friction[-1]:.3f}, added by finite steps {finite[-1]:+.3f}")
`;

/** The run, its books, and the valley in which it comes to rest. @param {State} state @param {RestPoints} points */
function compute({ landscape, start, lr, beta, steps }, points) {
  const long = roll(landscape, start, lr, beta, LONG),
    path = long.slice(0, steps + 1);
  return {
    n: path.length - 1,
    path,
    ...books(landscape, path, lr, beta),
    ...rest(long, points),
    divergedAt: long.length <= LONG ? long.length : null,
  };
}

/** Valleys and ridges of the landscape now shown, found once for each. */
function landscapePoints() {
  const kept = { landscape: "", points: /** @type {RestPoints} */ ({ valleys: [], ridges: [] }) };
  return (/** @type {string} */ landscape) => {
    if (landscape !== kept.landscape) Object.assign(kept, { landscape, points: restPoints(landscape) });
    return kept.points;
  };
}

/** The start lies in the picture, whatever an address says. @param {RollerFigure} fig */
function keepStartInside(fig) {
  const stayInside = () => fig.set({ start: clamp(fig.get("start"), ...here(fig).frame[0]) });
  stayInside();
  fig.watch((changed) => {
    if (changed.includes("landscape") || changed.includes("start")) stayInside();
  });
}

/** The landscape and the ball. @param {RollerFigure} fig */
function addHill(fig) {
  const plot = fig.plot({
    label: "The landscape, its height upwards, and the ball",
    x: { domain: here(fig).frame[0], label: "position θ" },
    y: { domain: here(fig).frame[1], label: "f(θ)", count: 4 },
    height: (width) => clamp(width * 0.46, 230, 330),
    margin: { top: 26, left: 34, right: 10 },
  });
  plot.box.classList.add("lf-wide");
  const startAt = (/** @type {number} */ x) => fig.set({ start: Number(x.toPrecision(4)) });
  const parts = {
    plot,
    outline: "",
    ground: plot.line({ class: "lf-ground", layer: "back" }),
    surface: plot.line({ class: "lf-hill", layer: "back" }),
    trail: plot.marks({ look: "momentum", class: "lf-trail", radius: 2.6 }),
    ball: plot.marks({ look: "momentum", radius: 7, layer: "front" }),
    handle: plot.handle({
      label: "Start: where the ball is let go",
      starts: true,
      axis: "x",
      set: startAt,
      words: (x, y) => `position ${show(x)}, height ${show(y)}`,
    }),
  };
  plot.onPick(startAt);
  return parts;
}

/** The energy, step by step. @param {RollerFigure} fig */
function addEnergy(fig) {
  const plot = fig.plot({
    label:
      "Energy against steps: potential, kinetic on top of it, and on top of both what friction has taken",
    x: { domain: [0, 1], label: "step" },
    y: { domain: [0, 1], label: "energy", count: 4 },
    later: true,
    height: (width) => clamp(width * 0.36, 200, 270),
    margin: { top: 26, left: 34, right: 10 },
  });
  plot.key([
    { words: "■ potential", look: "gradient" },
    { words: "■ kinetic", look: "momentum" },
    { words: "■ taken by friction" },
  ]);
  return {
    plot,
    low: plot.line({ look: "gradient", class: "lf-area" }),
    middle: plot.line({ look: "momentum", class: "lf-area" }),
    high: plot.line({ class: "lf-taken" }),
    total: plot.line({ class: "lf-ball" }),
    begin: plot.line({ class: "lf-guide" }),
    level: plot.text({ anchor: "end" }),
  };
}

/** @param {RollerFigure} fig */
function addControls(fig) {
  fig.slider({
    ...LEARNING_RATE,
    range: () => here(fig).rates,
  });
  fig.slider({
    name: "beta",
    label: QUANTITIES.beta.name,
    symbol: QUANTITIES.beta.symbol,
    look: "momentum",
    type: "near-one",
  });
  fig.segments({
    name: "landscape",
    label: "landscape",
    options: Object.entries(LANDSCAPES).map(([value, { label }]) => ({ value, label })),
    set: (landscape) => fig.set({ landscape, ...LANDSCAPES[landscape].begin }),
  });
  fig.slider({ name: "steps", label: "steps shown", type: "log", fold: true });
}

/** Places 0 to `n`, each by its two coordinates, as flat pairs. @param {number} n @param {(k: number) => number} x @param {(k: number) => number} y */
const pairs = (n, x, y) =>
  Float64Array.from({ length: 2 * (n + 1) }, (_, k) => (k % 2 ? y(k >> 1) : x(k >> 1)));

/** @param {Hill} hill @param {State} state @param {Drawn} drawn @param {number} head @param {number} ball the step at which the ball is drawn */
function drawHill(hill, { landscape, start }, { path, potential }, head, ball) {
  const { plot } = hill,
    [across, up] = LANDSCAPES[landscape].frame;
  plot.setDomain(across, up);
  const key = [landscape, plot.width, plot.height].join();
  if (key !== hill.outline) {
    hill.outline = key;
    const [low, high] = across,
      at = (/** @type {number} */ k) => low + ((high - low) * k) / 600,
      line = pairs(600, at, (k) => height(landscape, at(k)));
    hill.surface.update(line);
    hill.ground.update(between([low, up[0], high, up[0]], line));
  }
  hill.trail.update(
    pairs(
      head,
      (k) => path[k],
      (k) => potential[k],
    ),
  );
  hill.ball.update([path[ball], potential[ball]]);
  hill.handle.update(start, potential[0]);
}

/** @param {Energy} energy @param {Drawn} drawn @param {number} head */
function drawEnergy(energy, { n, potential, kinetic, finite }, head) {
  const begin = potential[0],
    top = Math.max(begin, ...finite.map((added) => begin + added)),
    edge = 1.2 * Math.max(top, 1e-9);
  energy.plot.setDomain([0, n], [0, edge]);
  const upTo = (/** @type {(k: number) => number} */ y) => pairs(head, (k) => k, y),
    first = upTo((k) => potential[k]),
    second = upTo((k) => potential[k] + kinetic[k]),
    third = upTo((k) => begin + finite[k]);
  energy.low.update(between([0, 0, head, 0], first));
  energy.middle.update(between(first, second));
  energy.high.update(between(second, third));
  energy.total.update(third);
  energy.begin.update([0, begin, n, begin]);
  energy.level.update(n, begin, "dotted: the energy at the start", -4, -5);
}

/** The valley in words. @param {string} landscape @param {Drawn} drawn @param {RestPoints} points */
function valleyWords(landscape, { divergedAt, valley }, { valleys }) {
  if (divergedAt) return "nowhere: it diverges";
  if (valley === null) return "none yet";
  const lowest = Math.min(...valleys.map((x) => height(landscape, x)));
  return `${show(Math.abs(valley) < 1e-9 ? 0 : valley)}, ${height(landscape, valley) <= lowest ? "the lowest" : "not the lowest"}`;
}

/**
 * An energy beside the energy at the start: its share of it, or, where steps of finite length have added more than that, how
 * many times as much.
 * @param {number} part @param {number} begin
 */
export function beside(part, begin) {
  const ratio = part / begin;
  if (!(begin > 0) || !Number.isFinite(ratio)) return show(part);
  return `${show(part)} (${ratio > 1.005 ? `${show(ratio, 2)} times the start’s` : `${Math.round(100 * ratio)} %`})`;
}

/** @param {RollerFigure} fig */
function addReadouts(fig) {
  const sayValley = fig.readout("comes to rest in"),
    sayEntered = fig.readout("enters it at step"),
    sayKept = fig.readout("has, of its energy"),
    sayTaken = fig.readout("friction took"),
    sayFinite = fig.readout("finite steps added");
  return (/** @type {Drawn} */ drawn, /** @type {string} */ words, /** @type {number} */ head) => {
    const { potential, kinetic, friction, finite, valley, entered } = drawn,
      begin = potential[0];
    sayValley(words);
    sayEntered(entered === null ? "–" : entered === 0 ? "0: it starts in it" : String(entered));
    sayKept(beside(potential[head] + kinetic[head], begin));
    sayTaken(beside(friction[head], begin));
    sayFinite(`${finite[head] >= 0 ? "+" : "−"}${show(Math.abs(finite[head]), 2)}`);
    const how = entered ? `which it enters for good at step ${entered}` : "in which it starts",
      rests =
        valley === null
          ? "The ball does not come to rest"
          : `The ball comes to rest in the valley at ${words}, ${how}`;
    fig.speak(
      `${rests}. Of its energy ${show(begin)}, friction took ${show(friction[head])} in ${many(head, "step")}.`,
    );
  };
}

/** @param {import("./kit/types.js").Context} context */
export function render({ model, el }) {
  const fig = createFigure({
    model,
    el,
    state: STATE,
    title: "The hill roller: which valley, and where the energy went",
    python,
  });
  fig.root.classList.add("lf-roller");
  keepStartInside(fig);
  const hill = addHill(fig),
    energy = addEnergy(fig),
    pointsOf = landscapePoints();
  addControls(fig);
  let drawn = compute(fig.snapshot(), pointsOf(fig.get("landscape")));
  const time = fig.player({ length: () => drawn.n, seconds: () => Math.min(9, 2 + drawn.n / 40) });
  fig.onReset(() => time.end());
  const tell = addReadouts(fig);

  fig.draw(() => {
    const state = fig.snapshot(),
      points = pointsOf(state.landscape);
    drawn = compute(state, points);
    const head = time.head();
    // Until it is let go, the ball is on the slope, where the ring is.
    fig.root.classList.toggle("is-waiting", time.waiting());
    drawHill(hill, state, drawn, head, time.waiting() ? 0 : head);
    drawEnergy(energy, drawn, head);
    tell(drawn, valleyWords(state.landscape, drawn, points), head);
  });
  fig.numbers(() => ({
    path: Array.from(drawn.path),
    potential: Array.from(drawn.potential),
    kinetic: Array.from(drawn.kinetic),
    friction: Array.from(drawn.friction),
    finite: Array.from(drawn.finite),
    kept: drawn.potential[drawn.n] + drawn.kinetic[drawn.n],
    valleys: pointsOf(fig.get("landscape")).valleys,
    valley: drawn.valley,
    entered: drawn.entered,
    divergedAt: drawn.divergedAt,
    head: time.head(),
  }));
  return fig.start();
}
