// A small network as what is descended: all its weights learn, step by step, with any rule. Pure.

import { LEARNT, SHOWN } from "../kit/digits.js";
import { spotsOf, stepVector } from "../kit/engine.js";
import { chebyshev, network, rowsWhenAsked } from "../kit/network.js";
import { drawNoise } from "../kit/noise.js";
import { memory } from "../kit/tune.js";

/** @typedef {import("../kit/network.js").Rows} Rows */
/** @typedef {import("../kit/types.js").Hyper} Hyper */
/** @typedef {import("../kit/types.js").Rule} Rule */
/** @typedef {ReturnType<typeof begin>} Training */
/**
 * @typedef {object} Net
 * @property {string} title
 * @property {string} learns what the weights learn, in a sentence
 * @property {number[]} sizes
 * @property {"squared"|"cross-entropy"} loss
 * @property {Rows} data what is learnt
 * @property {Rows} judged by which settings are chosen
 * @property {number} steps of a training, at first
 * @property {number} most of these
 * @property {number} low the lowest loss that a prediction's axis shows, as a share of the first
 * @property {Record<string, number>} rates about where the learning rate of a family is good
 * @property {string} python the network and its data
 */

/** How many of the digits are learnt, all of them in every step. */
const ROWS = 100;
/** @param {Rows} all @param {number} inputs of a row @param {number} rows */
const first = (all, inputs, rows) =>
  rowsWhenAsked(rows, () => ({ x: all.x.subarray(0, inputs * rows), y: all.y.subarray(0, rows) }));
/** How many points of the curve are learnt: of all twenty the left and the right half mirror each other, and the gradients of the
 * biases would be rounding alone, which no two machines share. */
const POINTS = 19;
const CURVE = first(chebyshev(), 1, POINTS);

/** The networks of the course's chapter on them. @type {Record<string, Net>} */
export const NETS = {
  digits: {
    title: "Digits network",
    learns: `${ROWS} handwritten digits`,
    sizes: [64, 32, 10],
    loss: "cross-entropy",
    data: first(LEARNT, 64, ROWS),
    judged: SHOWN,
    steps: 60,
    most: 200,
    low: 1e-3,
    rates: { gradient: 1, averaged: 1, momentum: 0.3, nesterov: 0.3, adaptive: 0.01, sign: 0.003 },
    python: `networks.Network((64, 32, 10), "cross-entropy"), networks.digits(${LEARNT.rows}, 297).train.take(slice(0, ${ROWS}))`,
  },
  curve: {
    title: "Curve network",
    learns: `a curve through ${POINTS} points`,
    sizes: [1, 12, 12, 1],
    loss: "squared",
    data: CURVE,
    judged: CURVE,
    steps: 300,
    most: 1000,
    low: 1e-2,
    rates: { gradient: 0.3, averaged: 0.3, momentum: 0.1, nesterov: 0.1, adaptive: 0.02, sign: 0.003 },
    python: `networks.Network((1, 12, 12, 1)), networks.chebyshev().take(slice(0, ${POINTS}))`,
  },
};

/** Made when first asked for. @type {Map<string, import("../kit/network.js").Network>} */
const made = new Map();
/** @param {string} name */
export function netOf(name) {
  const known = made.get(name) ?? network(NETS[name].sizes, NETS[name].loss);
  made.set(name, known);
  return known;
}

/** How many steps a state may have. @param {import("./types.js").Ground} ground */
export const mostSteps = (ground) => (ground.kind === "net" ? NETS[ground.name].most : 1000);
/** The draw of a network's first weights that a start stands for. @param {ArrayLike<number>} start */
export const drawOf = (start) => Math.max(1, Math.round(start[0]));

/** A setting to begin with. @param {string} name @param {Rule} rule @returns {Hyper} */
export function usualSetting(name, rule) {
  const lr = NETS[name].rates[rule.family] ?? 0.1,
    fades = memory(rule);
  return fades && rule.momentum ? { lr, [fades]: 0.8 } : { lr };
}

/** A loss so many times the first one is beyond all bounds. */
const GONE = 1e3;
/** How many weights are watched for the view with the equations. */
const WATCHED = 2;

/**
 * A training before its first step.
 * @param {string} name
 * @param {Rule} rule
 * @param {Hyper} hyper all of the rule's
 * @param {number} draw of the first weights
 * @param {{spread: number, draws: Float64Array}|null} [noise] that every gradient carries, a draw a weight
 */
export function begin(name, rule, hyper, draw, noise = null) {
  const net = netOf(name),
    { data } = NETS[name],
    theta = net.start(draw),
    room = () => new Float64Array(net.count),
    slots = Object.values(rule.slots).map((how) => (how === 0 ? room() : theta.slice())),
    value = net.loss(theta, data),
    grad = room();
  net.lossAndGradient(theta, data, grad);
  const steep = Array.from(grad.keys()).sort((a, b) => Math.abs(grad[b]) - Math.abs(grad[a]));
  return {
    net,
    data,
    rule,
    hyper,
    noise,
    theta,
    slots,
    grad,
    spot: room(),
    t: 0,
    /** The weights that the rule reports after each step, and the loss there. */
    points: [theta.slice()],
    values: [value],
    /** The steepest weights at the start, and what became of these few. */
    watched: steep.slice(0, WATCHED).sort((a, b) => a - b),
    seen: /** @type {{grad: number[], theta: number[], slots: number[][]}[]} */ ([]),
    /** The step that left the finite world; 0 where none did. */
    gone: 0,
  };
}

/** One step. @param {Training} run */
function step(run) {
  const { net, data, rule, hyper, theta, slots, grad, spot, noise, watched } = run,
    t = run.t + 1;
  net.lossAndGradient(spotsOf("look", rule, theta, slots, t, hyper, spot), data, grad);
  if (noise)
    for (let i = 0, at = (run.t * grad.length) % noise.draws.length; i < grad.length; i++)
      grad[i] += noise.spread * noise.draws[at++];
  const of = (/** @type {Float64Array} */ all) => watched.map((i) => all[i]),
    slope = of(grad);
  stepVector(rule, theta, grad, slots, t, hyper);
  const point = spotsOf("read", rule, theta, slots, t, hyper, spot).slice(),
    value = net.loss(point, data);
  if (!(value <= GONE * run.values[0])) {
    run.gone = t;
    return;
  }
  run.t = t;
  run.points.push(point);
  run.values.push(value);
  run.seen.push({ grad: slope, theta: of(point), slots: slots.map(of) });
}

/** Whether a training has so many steps, or no more come. @param {Training} run @param {number} steps */
export const isDone = (run, steps) => run.gone > 0 || run.t >= steps;
/** So many steps in all. @param {Training} run @param {number} steps */
export function advance(run, steps) {
  while (!isDone(run, steps)) step(run);
}

/** What became of two weights, as a run of the plane has it. @param {Training} run @param {number} steps @returns {import("../kit/types.js").Run} */
export function watchedRun({ watched, seen, rule, points, values, gone }, steps) {
  const n = Math.min(steps, seen.length),
    upTo = seen.slice(0, n),
    begins = watched.map((i) => points[0][i]),
    flat = (/** @type {number[][]} */ rows) => Float64Array.from(rows.flat());
  return {
    points: flat([begins, ...upTo.map(({ theta }) => theta)]),
    values: Float64Array.from(values.slice(0, n + 1)),
    state: Object.fromEntries(
      Object.entries(rule.slots).map(([name, how], k) => [
        name,
        flat([how === 0 ? watched.map(() => 0) : begins, ...upTo.map(({ slots }) => slots[k])]),
      ]),
    ),
    gradients: flat(upTo.map(({ grad }) => grad)),
    divergedAt: gone && gone <= steps ? gone : 0,
    n,
  };
}

/** Draws of noise for so many steps of a network. @param {string} name @param {number} steps @param {number} seed */
export const noiseOf = (name, steps, seed) => drawNoise(netOf(name).count * steps, seed);

// ---------------------------------------------------------------------------------------------- a rule's own best setting

const RATES = [-4, -3, -2, -1, 0].flatMap((e) => [Number(`1e${e}`), Number(`3e${e}`)]),
  MOMENTA = [0, 0.5, 0.8, 0.9, 0.95],
  NEAR = [0.56, 1.8];

/** How low a setting brings the loss on what settings are judged by. @param {string} name @param {Rule} rule @param {Hyper} hyper @param {number} draw @param {number} steps */
function reached(name, rule, hyper, draw, steps) {
  const run = begin(name, rule, /** @type {Hyper} */ ({ ...rule.hyper, ...hyper }), draw);
  advance(run, steps);
  const { judged, data } = NETS[name];
  if (run.gone) return Infinity;
  return judged === data ? run.values[run.t] : run.net.loss(run.points[run.t], judged);
}

/**
 * The best of some sixty settings: a coarse net of rates and momenta, then the rates and momenta about its best. One training at a
 * time: who asks may do other things between two of them.
 * @param {Rule} rule
 * @param {{net: string, draw: number, steps: number}} work
 * @returns {Generator<void, Hyper>}
 */
export function* searchNet(rule, { net, draw, steps }) {
  const fades = rule.momentum ? memory(rule) : undefined;
  let best = usualSetting(net, rule),
    least = Infinity;
  function* all(/** @type {number[]} */ rates, /** @type {number[]} */ momenta) {
    for (const beta of fades ? momenta : [0])
      for (const rate of rates) {
        const lr = Number(rate.toPrecision(2)),
          setting = /** @type {Hyper} */ (fades ? { lr, [fades]: beta } : { lr }),
          found = reached(net, rule, setting, draw, steps);
        if (found < least) [best, least] = [setting, found];
        yield;
      }
  }
  yield* all(RATES, MOMENTA);
  const middle = best.lr,
    at = fades ? MOMENTA.indexOf(best[fades]) : 0,
    between = [at - 1, at + 1].flatMap((k) =>
      k in MOMENTA ? [Number(((MOMENTA[k] + MOMENTA[at]) / 2).toFixed(3))] : [],
    );
  yield* all([middle, ...NEAR.map((factor) => middle * factor)], fades ? [MOMENTA[at], ...between] : [0]);
  return best;
}
