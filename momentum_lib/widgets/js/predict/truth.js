// The curve that a drawn one is compared with, computed here by the library's rules. Python side: momentum_lib/widgets/predict.py

import { many } from "../kit/dom.js";
import { descend, relativeError, stepsTo } from "../kit/engine.js";
import { filter } from "../kit/measure.js";
import { drawNoise } from "../kit/noise.js";
import { RULES } from "../generated/rules.js";
import { SURFACES } from "../generated/surfaces.js";
import { momentumEdge } from "../generated/theory.js";

/**
 * A run to be drawn, as the notation of predict.py says it.
 * @typedef {object} Spec
 * @property {"distance"|"velocity"|"spread"|"steps"} show
 * @property {string} rule
 * @property {number} steps
 * @property {string} label
 * @property {number} low
 * @property {number} high
 * @property {boolean} log
 * @property {Record<string, number>} hyper
 * @property {Record<string, number>} params
 * @property {string} surface
 * @property {number[]} start
 * @property {string} gradients
 * @property {string} look
 *
 * @typedef {{x: number[], y: number[]}} Curve
 */

const WALKERS = 600,
  SEED = 8,
  RATES = 240,
  MOMENTA = Array.from({ length: 20 }, (_, k) => k * 0.05);

/** A rule's hyper-parameters: its own, then what is given. @param {Spec} spec */
const hyperOf = ({ rule, hyper }) =>
  /** @type {Record<string, number>} */ ({ ...RULES[rule].hyper, ...hyper });

/** The distance to the minimum at each step. @param {Spec} spec @returns {Curve} */
function distance(spec) {
  const field = SURFACES[spec.surface];
  const { points } = descend(RULES[spec.rule], field, {
    start: spec.start,
    steps: spec.steps,
    hyper: spec.hyper,
    params: { ...field.params, ...spec.params },
  });
  const y = Array.from(relativeError(field, points) ?? []);
  return { x: y.map((_, k) => k), y };
}

/**
 * The same run in the playground, to be predicted there; null where it is none on a surface.
 * @param {Spec} spec
 * @returns {Partial<import("../play/types.js").PlayState>|null}
 */
export function played(spec) {
  if (spec.show !== "distance") return null;
  const place = SURFACES[spec.surface],
    [x, y = 1.2] = spec.start; // a surface of a line has a bowl across there
  return {
    view: "predict",
    surface: { kind: "library", name: spec.surface, params: { ...place.params, ...spec.params } },
    rules: [{ rule: spec.rule, hyper: hyperOf(spec) }],
    picked: 0,
    starts: [[x, y]],
    steps: spec.steps,
  };
}

/** The velocity after each gradient. @param {Spec} spec @returns {Curve} */
function velocity({ rule, gradients, steps, hyper }) {
  const grads = Array.from({ length: steps }, (_, k) => (gradients === "ones" || k % 2 === 0 ? 1 : -1)),
    y = Array.from(filter(RULES[rule], grads, hyper.beta));
  return { x: y.map((_, k) => k + 1), y };
}

/** The variance of many points on a bowl of curvature 1, each with its own noise. @param {Spec} spec @returns {Curve} */
function spread(spec) {
  const rule = RULES[spec.rule],
    hyper = hyperOf(spec),
    noise = drawNoise(WALKERS * spec.steps, SEED),
    theta = new Float64Array(WALKERS),
    slots = Array.from({ length: WALKERS }, () => Object.keys(rule.slots).map(() => 0)),
    y = [0];
  for (let t = 0; t < spec.steps; t++) {
    let sum = 0;
    for (let i = 0; i < WALKERS; i++) {
      [theta[i], slots[i]] = rule.step(theta[i], theta[i] + noise[t * WALKERS + i], t + 1, slots[i], hyper);
      sum += theta[i] * theta[i];
    }
    y.push(sum / WALKERS);
  }
  return { x: y.map((_, k) => k), y };
}

/** The fewest steps to a millionth at a momentum, over all learning rates below the edge. @param {Spec} spec @param {number} beta */
function fewest({ rule, params, start, steps }, beta) {
  const edge = momentumEdge(params.kappa, beta),
    memory = RULES[rule].momentum ?? "beta",
    field = SURFACES.ravine;
  let best = steps;
  for (let k = 1; k < RATES; k++) {
    const { points } = descend(RULES[rule], field, {
      start,
      steps: best,
      hyper: { lr: (edge * k) / RATES, [memory]: beta },
      params: { ...field.params, ...params },
    });
    best = stepsTo(relativeError(field, points)) ?? best;
  }
  return best;
}

/** The run's own curve. @param {Spec} spec @returns {Curve} */
export function truth(spec) {
  if (spec.show === "distance") return distance(spec);
  if (spec.show === "velocity") return velocity(spec);
  if (spec.show === "spread") return spread(spec);
  return { x: MOMENTA, y: MOMENTA.map((beta) => fewest(spec, beta)) };
}

// ------------------------------------------------------------------------------------------------------ comparing

/** The one number of a curve that is compared; null where it never gets there. @param {string} ask @param {Curve} curve @returns {number|null} */
export function measure(ask, { x, y }) {
  if (ask === "at the end") return y[y.length - 1];
  if (ask === "highest") return Math.max(...y);
  if (ask === "lowest at") return x[y.indexOf(Math.min(...y))];
  let last = -1; // it has to stay there
  for (let k = 0; k < y.length; k++) if (!(y[k] <= 1e-6)) last = k;
  return last + 1 < y.length ? x[last + 1] : null;
}

/** Where a drawn curve lies. @param {string} ask @param {number|null} yours @param {number|null} theirs @returns {"low"|"close"|"high"} */
export function compare(ask, yours, theirs) {
  const a = yours ?? Infinity,
    b = theirs ?? Infinity;
  if (ask === "lowest at") return Math.abs(a - b) < 0.15 ? "close" : a < b ? "low" : "high";
  return a < 0.8 * b ? "low" : a > 1.25 * b ? "high" : "close";
}

/** How a drawn curve compares, in a sentence. @param {string} ask @param {number|null} yours @param {number|null} theirs @param {(value: number) => string} show */
export function sentence(ask, yours, theirs, show) {
  if (ask === "at the end") return `You end at ${show(yours ?? 0)}; the run ends at ${show(theirs ?? 0)}.`;
  if (ask === "highest")
    return `Your curve climbs to ${show(yours ?? 0)}; the run's climbs to ${show(theirs ?? 0)}.`;
  if (ask === "lowest at")
    return `You put the lowest point at ${show(yours ?? 0)}; it is at ${show(theirs ?? 0)}.`;
  const you =
      yours === null
        ? "Your curve does not come to a millionth"
        : `You drew ${many(Math.round(yours), "step")} to a millionth`,
    never = yours === null ? "nor does the run" : "the run does not get there",
    it = theirs === null ? `${never}, in the steps shown` : `the run takes ${show(Math.round(theirs))}`;
  return `${you}; ${it}.`;
}
