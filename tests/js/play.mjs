// Checks of what a reader types in the playground that need many small steps, for tests/test_play_grammar.py.
import * as grammar from "../../momentum_lib/widgets/js/play/grammar.js";
import { surfaceFrom } from "../../momentum_lib/widgets/js/play/formula.js";
import { readRule, ruleFrom } from "../../momentum_lib/widgets/js/play/rule_text.js";
import { RULES } from "../../momentum_lib/widgets/js/generated/rules.js";
import { SURFACES } from "../../momentum_lib/widgets/js/generated/surfaces.js";
import { TYPED } from "../../momentum_lib/widgets/js/generated/typed.js";
import { descend, forbidCompiling, stepsMap } from "../../momentum_lib/widgets/js/kit/engine.js";

/** @typedef {import("../../momentum_lib/widgets/js/kit/types.js").Rule} Rule */
/** @typedef {import("../../momentum_lib/widgets/js/kit/types.js").Surface} Surface */

/** Random numbers from 0 to 1, the same each time. @param {number} seed */
function random(seed) {
  let s = seed;
  return () => {
    s = (Math.imul(s ^ (s >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return (s >>> 0) / 4294967296;
  };
}

const PIECES = [
  ..."x|y|1|2.5|.5|1e3|+|-|*|/|^|**|(|)|(|)|,|<|>=|==|sin|cos(|exp(|max(|where(|sqrt|tanh(|e|pi".split("|"),
  ..."constructor|__proto__|this|globalThis|Function|x.y|toString|valueOf|new |return ".split("|"),
  ..."`|\"|'|;|{|}|[|]|=|=>|\\|//|/*|$|\n|\u2028|\u03c0|\u0441os(|\u2212".split("|"),
  ..."theta|grad|v|lr|t|look|v_0|theta = |v = ".split("|"),
  "|",
];
const PRINTED =
  /^(?:Math\.(?:sin|cos|tan|exp|log|sqrt|abs|tanh|sign|max|min|pow)|square|cube|[xy]|[\d.]+(?:e[+-]?\d+)?|[-+*/(),<>=?: ])*$/;

/** So many random texts, half of them formulas and half rules: how many are read, and all that is odd. @param {number} count */
export function fuzz(count) {
  const next = random(12345),
    odd = /** @type {string[]} */ ([]),
    out = { formulas: 0, rules: 0, odd, untouched: false };
  const globals = () =>
    [globalThis, Object.prototype, Math].map((one) => Reflect.ownKeys(one).map(String).join());
  const before = JSON.stringify(globals()),
    limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0; // most texts are refused, and where from is of no interest
  function text() {
    let made = "";
    for (let k = 1 + Math.floor(next() * 9); k > 0; k--)
      made += PIECES[Math.floor(next() * PIECES.length)] + (next() < 0.3 ? " " : "");
    return made;
  }
  /** @param {string} typed @param {() => void} read */
  function attempt(typed, read) {
    try {
      read();
    } catch (error) {
      if (!(error instanceof grammar.TextError) || !error.message.endsWith("."))
        odd.push(`${typed} -> ${error}`);
    }
  }
  for (let k = 0; k < count / 2; k++) {
    const typed = text();
    attempt(typed, () => {
      const tree = grammar.parse(typed),
        value = grammar.reckon(tree)({ x: 0.3, y: 0.7 }),
        code = grammar.print(
          tree,
          grammar.javaScript((name) => name),
        );
      out.formulas++;
      if (typeof value !== "number" || !PRINTED.test(code)) odd.push(code);
      else if (k % 10 === 0 && !Object.is(grammar.compiled(["x", "y"], `return ${code}`)?.(0.3, 0.7), value))
        odd.push(`${code} is not ${value}`);
    });
    const rule = k % 2 ? `v = beta*v + ${text()}\ntheta = theta - lr*v` : `theta = theta - ${text()}`;
    attempt(rule, () => {
      const { lines, memories } = readRule(rule);
      out.rules++;
      if (!lines.every(({ name }) => grammar.isName(name)) || memories.length > 6) odd.push(rule);
    });
  }
  Error.stackTraceLimit = limit;
  out.untouched = before === JSON.stringify(globals());
  return out;
}

/** The surface of a text that is known to be one. @param {string} text */
function surfaceOf(text) {
  const { surface, error } = surfaceFrom(text);
  if (error) throw new Error(`${text}: ${error.text}`);
  return surface;
}

/** The largest gap between slopes and central differences of sixth order, relative to 1 and the sizes; away from kinks. @param {string} text */
export function slopeGap(text) {
  const { value, gradient } = surfaceOf(text),
    next = random(7),
    h = 1e-3;
  let worst = 0;
  for (let k = 0; k < 200; k++) {
    const x = 4 * next() - 2,
      y = 3 * next() - 1.5;
    gradient(x, y, {}).forEach((slope, i) => {
      const f = (/** @type {number} */ by) => value(x + (i ? 0 : by * h), y + (i ? by * h : 0), {});
      const bend = f(-3) - 2 * f(0) + f(3) - 9 * (f(-1) - 2 * f(0) + f(1));
      if (Math.abs(bend) > 1e-7 * (1 + Math.abs(f(0)))) return;
      const finite = (45 * (f(1) - f(-1)) - 9 * (f(2) - f(-2)) + f(3) - f(-3)) / (60 * h);
      worst = Math.max(worst, Math.abs(finite - slope) / (1 + Math.abs(slope) + Math.abs(f(0))));
    });
  }
  return worst;
}

/** The largest gap, relative to 1 and the sizes, between a typed surface and the library's: of the value and both slopes. @param {string} name @param {string} text */
export function libraryGap(name, text) {
  const ours = surfaceOf(text),
    theirs = SURFACES[name],
    next = random(9);
  let worst = 0;
  for (let k = 0; k < 200; k++) {
    const x = 4 * next() - 2,
      y = 4 * next() - 2,
      f = theirs.value(x, y, theirs.params),
      g = theirs.gradient(x, y, theirs.params),
      own = ours.gradient(x, y, {}),
      size = 1 + Math.hypot(...g);
    worst = Math.max(
      worst,
      Math.abs(ours.value(x, y, {}) - f) / (1 + Math.abs(f)),
      ...g.map((v, i) => Math.abs(v - own[i]) / size),
    );
  }
  return worst;
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
const same = (a, b) => a.length === b.length && Array.from(a).every((v, i) => Object.is(v, b[i]));

/** A typed rule of the library beside the library's own: all in which they differ, in paths (compiled and plain) and in maps. @param {string} name @param {string} place */
function differences(name, place) {
  const library = RULES[name],
    surface = SURFACES[place],
    { rule, error } = ruleFrom(TYPED[name]);
  if (error) return [error.text];
  const hyper = /** @type {Record<string, number>} */ ({
      ...library.hyper,
      lr: place === "ravine" ? 0.01 : 0.0005,
    }),
    options = { hyper, steps: 80, extras: true },
    want = descend(library, surface, options),
    wrong = want.n === 80 ? [] : ["the library's path is short"];
  for (const forbid of [false, true]) {
    forbidCompiling(forbid);
    const got = descend(rule, surface, options);
    if (!same(want.points, got.points) || !same(want.values, got.values))
      wrong.push(`path, plain: ${forbid}`);
    for (const slot of Object.keys(library.slots))
      if (!same(want.state[slot], got.state[slot])) wrong.push(slot);
  }
  forbidCompiling(false);
  const yName = Object.keys(library.hyper).reverse()[0],
    axes = { xName: "lr", xs: [1e-4, 1e-3, 1e-2], yName, ys: [0.1, 0.5, 0.9], hyper, steps: 60, tol: 0.9 };
  if (yName !== "lr" && !same(stepsMap(library, surface, axes), stepsMap(rule, surface, axes)))
    wrong.push("map");
  const shape = (/** @type {Rule} */ one) =>
    JSON.stringify([Object.entries(one.slots), Object.keys(one.hyper).sort(), one.usesT]);
  if (shape(rule) !== shape(library)) wrong.push(shape(rule));
  return wrong;
}

/** Every rule of the library, typed, on two surfaces: what differs. */
export const typedDifferences = () =>
  Object.keys(TYPED).flatMap((name) =>
    ["ravine", "rosenbrock"].flatMap((place) => differences(name, place).map((what) => [name, place, what])),
  );

/** The rules whose typed text is shown in other lines than the library's. */
export const shownOtherwise = () =>
  Object.keys(TYPED).filter((name) => ruleFrom(TYPED[name]).rule?.lines.join() !== RULES[name].lines.join());
