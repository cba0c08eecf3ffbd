// What the live engine computes, for tests/test_codegen.py to compare.
//
// Reads {base, steps, paths, maps, twins} from standard input and writes the answers to standard
// output.  `base` is the folder that holds kit/engine.js and generated/.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const asked = JSON.parse(readFileSync(0, "utf8"));
const base = pathToFileURL(asked.base + "/");
const { RULES } = await import(new URL("generated/rules.js", base));
const { SURFACES } = await import(new URL("generated/surfaces.js", base));
const engine = await import(new URL("kit/engine.js", base));

/** One step through the plain functions, from any state. */
function step({ rule, surface, params, theta, state, hyper, t }) {
  const r = RULES[rule],
    s = SURFACES[surface],
    axes = theta.map((_, i) => i);
  const of = (i) => state.map((slot) => slot[i]);
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

const path = ({ rule, surface, ...options }) => {
  const out = engine.descend(RULES[rule], SURFACES[surface], options);
  return { points: [...out.points], values: [...out.values], divergedAt: out.divergedAt };
};
const map = ({ rule, surface, ...options }) => [...engine.stepsMap(RULES[rule], SURFACES[surface], options)];

/** Whether two runs hold the same bits in everything they return. */
function same(a, b) {
  if (ArrayBuffer.isView(a)) return a.length === b.length && a.every((x, i) => Object.is(x, b[i]));
  if (a && typeof a === "object") return Object.keys(a).every((key) => same(a[key], b[key]));
  return Object.is(a, b);
}

/** The compiled loop against the plain fall-back: the labels of those that differ. */
function differ(kind, tasks) {
  const run = ({ rule, surface, ...options }) => engine[kind](RULES[rule], SURFACES[surface], options);
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
