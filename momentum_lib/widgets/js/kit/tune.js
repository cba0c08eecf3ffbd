// A rule's own best setting, found where the reader stands. Python side: momentum_lib/widgets/tuning.py, the same search.

import { descend, relativeError, stepsMap } from "./engine.js";
import { CONVENTIONS } from "../generated/conventions.js";
import { RULES } from "../generated/rules.js";
import { SURFACES } from "../generated/surfaces.js";
import { TUNED } from "../generated/tuned.js";

/** The share of the first distance to get to; where no setting does within BUDGET steps, the next one counts. */
export const TOLERANCES = [1e-6, 1e-4, 1e-2, 0.1, 0.5];
export const BUDGET = 2000;
const ADAPTIVE_TOP = 1,
  TOP = 0.995,
  ROUNDS = 5;
export const RATES = [-5, -4, -3, -2, -1, 0, 1].flatMap((e) =>
  [1, 1.2, 1.5, 1.8, 2.2, 2.7, 3.3, 3.9, 4.7, 5.6, 6.8, 8.2].map((m) => Number(`${m}e${e}`)),
);
export const MOMENTA = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99];

/**
 * What is searched beside the rate: the rule's momentum, else the memory of its squares; undefined where it has neither.
 * @param {import("./engine.js").Rule} rule
 * @returns {string|undefined}
 */
export const memory = (rule) => rule.momentum ?? ("beta2" in rule.hyper ? "beta2" : undefined);

/** @param {{family: string}} rule */
const highest = (rule) =>
  rule.family === "adaptive" || rule.family === "sign" ? ADAPTIVE_TOP : RATES[RATES.length - 1];

/**
 * The rule whose runs are this one's, once learning rate and momentum are converted; the rule itself where there is none.
 * @param {import("./engine.js").Rule} rule
 */
export function leader(rule) {
  const stands = CONVENTIONS[rule.name];
  if (!stands) return rule;
  return stands.measures === "here"
    ? RULES.heavy_ball
    : stands.weight === "1 - beta"
      ? RULES.nesterov_torch
      : rule;
}

/** A leader's setting in the rule's own units. @param {import("./engine.js").Rule} rule @param {Record<string, number>} setting */
function inUnitsOf(rule, { lr, beta }) {
  const unit = CONVENTIONS[rule.name].weight === "1 - beta" ? 1 - beta : 1;
  return { lr: Number((lr / unit).toPrecision(12)), beta };
}

/** Sorted, each once. @param {number[]} values */
const distinct = (values) => [...new Set(values)].sort((a, b) => a - b);

/**
 * The setting with the fewest steps to the tightest tolerance that some setting reaches; null on a surface without minima.
 * @param {import("./engine.js").Rule} rule
 * @param {import("./engine.js").Surface} surface
 * @param {number[]} start
 * @param {Record<string, number>} [params] of the surface
 * @returns {Record<string, number>|null}
 */
export function tune(rule, surface, start, params = {}) {
  if (!surface.minima.length || surface.minima.some((m) => m[0] === start[0] && m[1] === start[1]))
    return null;
  const first = leader(rule);
  if (first !== rule) {
    const found = tune(first, surface, start, params);
    return found && inUnitsOf(rule, found);
  }
  const name = memory(rule),
    setting = (/** @type {number} */ lr, /** @type {number} */ beta) =>
      name ? { lr, [name]: beta } : { lr };
  /** @param {number[]} xs @param {number[]} ys @param {number} tol */
  const search = (xs, ys, tol) => {
    // A rule without momentum takes its rate along both axes of a map one row high.
    const map = name
      ? stepsMap(rule, surface, { start, steps: BUDGET, tol, params, xName: "lr", xs, yName: name, ys })
      : Float32Array.from(xs, (lr) => {
          const run = descend(rule, surface, { start, steps: BUDGET, hyper: { lr }, params });
          return run.divergedAt ? NaN : firstWithin(relativeError(surface, run.points), tol);
        });
    let best = /** @type {Record<string, number>|null} */ (null),
      least = Infinity;
    for (let i = 0; i < xs.length; i++)
      for (let j = 0; j < (name ? ys.length : 1); j++) {
        const found = map[j * xs.length + i];
        if (found < least) {
          least = found;
          best = setting(xs[i], ys[j]);
        }
      }
    return best
      ? { steps: least, best }
      : tol === TOLERANCES[TOLERANCES.length - 1]
        ? { steps: Infinity, best: nearestEnd(xs, name ? ys : [0]) }
        : null;
  };
  /** @param {number[]} xs @param {number[]} ys */
  const nearestEnd = (xs, ys) => {
    let best = setting(xs[0], ys[0]),
      least = Infinity;
    for (const lr of xs)
      for (const beta of ys) {
        const run = descend(rule, surface, { start, steps: BUDGET, hyper: setting(lr, beta), params });
        const end = run.divergedAt
          ? Infinity
          : /** @type {Float64Array} */ (relativeError(surface, run.points))[run.n];
        if (end < least) {
          least = end;
          best = setting(lr, beta);
        }
      }
    return best;
  };
  for (const tol of TOLERANCES) {
    let found = search(
      RATES.filter((lr) => lr <= highest(rule)),
      MOMENTA,
      tol,
    );
    if (!found) continue;
    const around = [-6, -5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6];
    for (let round = 0; round < ROUNDS; round++) {
      const { lr, [name ?? ""]: beta = 0 } = found.best;
      const rates = distinct(
        around.map((k) => Math.min(Number((lr * (1 + k / 50)).toPrecision(3)), highest(rule))),
      );
      const momenta = distinct(
        around.map((k) => Math.min(Math.max(Number((beta + k / 100).toFixed(3)), 0), TOP)),
      );
      const closer = search(rates, momenta, tol);
      if (!closer || closer.steps >= found.steps) break;
      found = closer;
    }
    return found.best;
  }
  return null;
}

/** The one rate at which all rules run on a surface without a minimum, where the table names none. */
const PACE = 0.02;

/**
 * A rule's best setting from the surface's own start: from the table, or found now for what is newer than the table.
 * @param {string} surface
 * @param {string} rule
 * @returns {Record<string, number>}
 */
export function bestOf(surface, rule) {
  const row = (TUNED[surface] ??= {}),
    name = memory(RULES[rule]);
  return (row[rule] ??=
    tune(RULES[rule], SURFACES[surface], SURFACES[surface].start) ??
    (name ? { lr: PACE, [name]: 0.9 } : { lr: PACE }));
}

/** @param {Float64Array|null} error @param {number} tol */
function firstWithin(error, tol) {
  if (!error) return Infinity;
  let last = error.length - 1;
  while (last >= 0 && error[last] <= tol) last--;
  return last === error.length - 1 ? Infinity : last + 1;
}
