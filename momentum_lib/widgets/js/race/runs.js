// The runs of the race: each rule's path from the start, how it ends, and the loss axis on which they fit.

import { RULES } from "../generated/rules.js";
import { SURFACES } from "../generated/surfaces.js";
import { show } from "../kit/dom.js";
import { descend, relativeError, stepsTo } from "../kit/engine.js";
import { inSentence } from "../kit/looks.js";
import { BUDGET, TOLERANCES } from "../kit/tune.js";
import { frameOf, settingOf } from "./setup.js";

/** @typedef {import("../kit/types.js").Pair} Pair */
/** @typedef {import("../kit/types.js").Hyper} Hyper */
/** @typedef {import("../kit/types.js").Surface} Surface */
/**
 * A run that is drawn, and what becomes of it within the whole budget: the step at which it diverges, at which it leaves
 * the picture, and from which it stays at the goal; null where it never does.
 * @typedef {import("../kit/types.js").Run & {hyper: Hyper, neverAt: number|null, leavesAt: number|null, stepsTo: number|null}} Racer
 */

/** The goal: the share of the first distance to get to. */
export const TOLERANCE = TOLERANCES[0];

/** Whether losses have a floor on this surface: without one, runs are told by when they leave the picture. @param {string} surface */
export const hasFloor = (surface) => SURFACES[surface].minima.length > 0;

/** The first step at which a path lies outside the box; null if it stays. @param {ArrayLike<number>} points @param {number} n @param {Pair[]} box */
function leaves(points, n, [[left, right], [low, high]]) {
  for (let k = 0; k <= n; k++) {
    const x = points[2 * k],
      y = points[2 * k + 1];
    if (!(x >= left && x <= right && y >= low && y <= high)) return k;
  }
  return null;
}

/** @param {string} rule @param {Hyper} hyper @param {{surface: string, start: number[], steps: number}} state @returns {Racer} */
function race(rule, hyper, { surface, start, steps }) {
  const field = SURFACES[surface];
  const run = descend(RULES[rule], field, { start, steps, hyper });
  const long = descend(RULES[rule], field, { start, steps: BUDGET, hyper });
  return {
    ...run,
    hyper,
    neverAt: long.divergedAt || null,
    leavesAt: leaves(long.points, long.n, frameOf(surface)),
    stepsTo:
      long.divergedAt || !hasFloor(surface) ? null : stepsTo(relativeError(field, long.points), TOLERANCE),
  };
}

/** The loss axis: ten powers of ten from the start down, or the frame's own range where the loss has no floor. @param {string} surface @param {number[]} start @returns {Pair} */
function lossRange(surface, start) {
  const field = SURFACES[surface],
    f = (/** @type {number} */ x, /** @type {number} */ y) => field.value(x, y, field.params),
    first = f(start[0], start[1]);
  if (hasFloor(surface)) {
    const top = 10 ** Math.ceil(Math.log10(Math.max(first, 1e-6) * 1.5));
    return [top * 1e-10, top];
  }
  const low = Math.min(first, ...border(frameOf(surface)).map(([x, y]) => f(x, y)));
  return [low, first + 0.15 * (first - low)];
}

/** Points round a box, twenty steps a side. @param {Pair[]} box @returns {Pair[]} */
const border = ([[x0, x1], [y0, y1]]) =>
  Array.from({ length: 21 }, (_, k) => [x0 + ((x1 - x0) * k) / 20, y0 + ((y1 - y0) * k) / 20]).flatMap(
    ([x, y]) =>
      /** @type {Pair[]} */ ([
        [x, y0],
        [x, y1],
        [x0, y],
        [x1, y],
      ]),
  );

/** How a run ended, for the board. @param {Racer} run @param {boolean} floor */
export function outcome(run, floor) {
  if (!floor) return run.leavesAt === null ? "stays" : show(run.leavesAt);
  if (run.neverAt) return `diverged at step ${run.neverAt}`;
  return run.stepsTo === null ? `over ${show(BUDGET)}` : show(run.stepsTo);
}

/** What became of the runs, in a sentence. @param {[string, Racer][]} named each with its rule @param {boolean} floor */
export function sentence(named, floor) {
  const told = named.map(([name, run]) => {
    if (!floor)
      return `${inSentence(name)} ${run.leavesAt === null ? "stays in the picture" : `leaves the picture at step ${run.leavesAt}`}`;
    if (run.neverAt) return `${inSentence(name)} diverges at step ${run.neverAt}`;
    return `${inSentence(name)} ${run.stepsTo === null ? `more than ${BUDGET}` : run.stepsTo}`;
  });
  const said = floor
    ? `Steps to a millionth of the first distance: ${told.join(", ")}.`
    : `${told.join(", ")}.`;
  return said[0].toUpperCase() + said.slice(1);
}

/**
 * The runs now shown, computed again where something that they depend on changed.
 * @param {import("../race.js").RaceFigure} fig
 */
export function createRuns(fig) {
  const kept = {
    key: "",
    levels: /** @type {Pair} */ ([0, 1]),
    racers: /** @type {Record<string, Racer>} */ ({}),
  };
  return {
    of: (/** @type {string} */ rule) => kept.racers[rule],
    levels: () => kept.levels,
    update() {
      const state = fig.snapshot(),
        { surface, start, steps, rules } = state;
      const settings = rules.map((rule) => settingOf(state, rule));
      const key = JSON.stringify([surface, start, steps, rules, settings]);
      if (key === kept.key) return;
      kept.key = key;
      kept.racers = Object.fromEntries(rules.map((rule, k) => [rule, race(rule, settings[k], state)]));
      kept.levels = lossRange(surface, start);
    },
  };
}
/** @typedef {ReturnType<typeof createRuns>} Runs */
