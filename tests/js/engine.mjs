// What the live engine computes, for tests/test_codegen.py to compare.
//
// Reads {base, steps, paths, maps, twins} from standard input and writes the answers to standard
// output.  `base` is the folder that holds kit/engine.js and generated/.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

/** @typedef {import("../../momentum_lib/widgets/js/kit/types.js").Hyper} Hyper */
/** @typedef {{rule: string, surface: string} & Record<string, any>} Task for one of the engine's functions */

const asked = JSON.parse(readFileSync(0, "utf8"));
/** A module of the folder in question. @param {string} file */
const load = (file) => import(new URL(file, pathToFileURL(asked.base + "/")).href);
/** @type {typeof import("../../momentum_lib/widgets/js/generated/rules.js")} */
const { RULES } = await load("generated/rules.js");
/** @type {typeof import("../../momentum_lib/widgets/js/generated/surfaces.js")} */
const { SURFACES } = await load("generated/surfaces.js");
/** @type {typeof import("../../momentum_lib/widgets/js/kit/engine.js")} */
const engine = await load("kit/engine.js");

/**
 * One step through the plain functions, from any state.
 * @param {{rule: string, surface: string, params: Record<string, number>, theta: number[], state: number[][], hyper: Hyper, t: number}} task
 */
function step({ rule, surface, params, theta, state, hyper, t }) {
  const r = RULES[rule],
    s = SURFACES[surface],
    axes = theta.map((_, i) => i);
  const of = (/** @type {number} */ i) => state.map((slot) => slot[i]);
  const look = axes.map((i) => r.lookAt(theta[i], of(i), hyper));
  const grad = s.gradient(look[0], look[1], params);
  const next = axes.map((i) => r.step(theta[i], grad[i], t, of(i), hyper));
  return {
    look,
    grad,
    value: s.value(theta[0], theta[1], params),
    theta: next.map(([point]) => point),
    state: state.map((_, k) => next.map(([, slots]) => slots[k])),
  };
}

/** @param {Task} task */
const path = ({ rule, surface, ...options }) => {
  const out = engine.descend(RULES[rule], SURFACES[surface], options);
  return { points: [...out.points], values: [...out.values], divergedAt: out.divergedAt };
};
/** @param {Task} task */
const map = ({ rule, surface, ...options }) => [
  ...engine.stepsMap(RULES[rule], SURFACES[surface], /** @type {any} */ (options)),
];

/** Whether two runs hold the same bits in everything they return. @param {any} a @param {any} b @returns {boolean} */
function same(a, b) {
  if (a instanceof Float64Array || a instanceof Float32Array)
    return (
      a.length === b.length &&
      a.every((/** @type {number} */ x, /** @type {number} */ i) => Object.is(x, b[i]))
    );
  if (a && typeof a === "object") return Object.keys(a).every((key) => same(a[key], b[key]));
  return Object.is(a, b);
}

/** The compiled loop against the plain fall-back: the labels of those that differ. @param {string} kind "descend" or "stepsMap" @param {Task[]} tasks */
function differ(kind, tasks) {
  const compute = /** @type {any} */ (engine)[kind];
  const run = (/** @type {Task} */ { rule, surface, ...options }) =>
    compute(RULES[rule], SURFACES[surface], options);
  engine.forbidCompiling(false);
  const fast = tasks.map(run);
  engine.forbidCompiling(true);
  const plain = tasks.map(run);
  engine.forbidCompiling(false);
  return tasks.filter((_, i) => !same(fast[i], plain[i]));
}

const answer = {
  steps: (asked.steps ?? []).map(step),
  paths: (asked.paths ?? []).map(path),
  maps: (asked.maps ?? []).map(map),
  twins: Object.entries(asked.twins ?? {}).flatMap(([kind, tasks]) => differ(kind, tasks)),
};
process.stdout.write(
  JSON.stringify(answer, (_, x) => (typeof x === "number" && !Number.isFinite(x) ? String(x) : x)),
);
