// Addresses of the playground, damaged at random: what is read of them, for tests/test_play_link.py.
import { FIRST, VERSION, toHash } from "../../momentum_lib/widgets/js/kit/playground.js";
import { RULES } from "../../momentum_lib/widgets/js/generated/rules.js";
import { fromHash } from "../../momentum_lib/widgets/js/play/link.js";
import { PLANES } from "../../momentum_lib/widgets/js/play/ground.js";
import { NETS } from "../../momentum_lib/widgets/js/play/net.js";
import { createScenes } from "../../momentum_lib/widgets/js/play/scene.js";

/** @typedef {import("../../momentum_lib/widgets/js/play/types.js").PlayState} PlayState */

/** @param {number} seed */
function random(seed) {
  let s = seed;
  return () => {
    s = (Math.imul(s ^ (s >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return (s >>> 0) / 4294967296;
  };
}

/** States of every kind. */
const STATES = [
  FIRST,
  { ...FIRST, surface: { kind: "library", name: "rosenbrock", params: { b: 10 } }, fair: "same", noise: 0.5 },
  {
    ...FIRST,
    surface: { kind: "formula", text: "x^2 + 3*y^2", params: {} },
    starts: [
      [1, 1],
      [-1, 0.5],
    ],
  },
  { ...FIRST, surface: { kind: "drawn", bumps: [[0.5, 0.2, -1.5, 0.8]] }, view: "flow", steps: 200 },
  { ...FIRST, surface: { kind: "net", name: "curve" }, starts: [[2, 0]], steps: 3 },
  { ...FIRST, rules: [{ text: "v = beta*v + grad\ntheta = theta - lr*v", hyper: { lr: 0.1 } }], picked: 0 },
  {
    ...FIRST,
    rules: [
      { rule: "adam", hyper: { lr: 0.1, beta1: 0.5 } },
      { rule: "lion", hyper: {} },
    ],
    picked: 1,
  },
];
/** @type {any[]} */
const ODD = [
  null, true, false, 0, -1, 1e308, -1e308, 1e-320, 0.5, "", "constructor", "__proto__", "x;alert(1)", "fetch('/')", "x^2", "</script>", "heavy_ball",
  "ravine", "theta = theta - this", "javascript:1", [], [[]], [[[]]], [1, 2], [1, 2, 3, 4], ["x", "y"], {}, { kind: "library" }, { kind: "formula" },
  { kind: "drawn", bumps: [[1, 2, 3]] }, { kind: "net", name: "x" }, { rule: "toString" }, { rule: "heavy_ball", hyper: { lr: "1", constructor: 1 } },
  { text: 5 }, { text: "theta = theta - lr*grad", hyper: { lr: 1e300, toString: 2 } }, "a".repeat(500), Array(50).fill([0, 0]),
]; // prettier-ignore

const between = (/** @type {unknown} */ v, /** @type {number} */ low, /** @type {number} */ high) =>
  typeof v === "number" && v >= low && v <= high;
const finite = (/** @type {object} */ of) => Object.values(of).every(Number.isFinite);

/** @param {PlayState["surface"]} surface */
function isGround(surface) {
  if (surface.kind === "library") return Object.hasOwn(PLANES, surface.name) && finite(surface.params);
  if (surface.kind === "net") return Object.hasOwn(NETS, surface.name);
  if (surface.kind === "formula") return typeof surface.text === "string" && surface.text.length <= 800;
  return surface.kind === "drawn" && surface.bumps.every((one) => one.length === 4 && finite(one));
}
/** @param {PlayState["rules"][number]} runner */
const isRunner = ({ rule, text, hyper }) =>
  (rule === undefined ? typeof text === "string" && text.length <= 800 : Object.hasOwn(RULES, rule)) &&
  finite(hyper);

/** The parts of a state that was read that are not what they should be. @param {PlayState} state @returns {string[]} */
function faults({ view, surface, rules, picked, fair, starts, steps, noise, seed, ...rest }) {
  const whole = {
    view: ["map", "land", "curves", "settings", "flow", "steps", "predict"].includes(view),
    surface: isGround(surface),
    rules: between(rules.length, 1, 6) && rules.every(isRunner),
    picked: between(picked, 0, rules.length - 1),
    fair: fair === "best" || fair === "same",
    starts: between(starts.length, 1, 5) && starts.every((one) => one.length === 2 && finite(one)),
    numbers: between(steps, 1, 1000) && between(noise, 0, 5) && between(seed, 1, 99),
    rest: Object.keys(rest).length === 0,
  };
  return Object.entries(whole).flatMap(([part, right]) => (right ? [] : [part]));
}

/** So many damaged addresses: how many are read, all that is odd, and whether anything global changed. @param {number} count */
export function fuzz(count) {
  const next = random(99),
    any = (/** @type {any[]} */ list) => list[Math.floor(next() * list.length)],
    odd = /** @type {string[]} */ ([]),
    globals = () =>
      [globalThis, Object.prototype].map((one) => Reflect.ownKeys(one).map(String).join()).join(),
    before = globals(),
    scenes = createScenes({ found: () => undefined, latest: () => undefined }),
    out = { read: 0, odd, untouched: false };
  /** @param {any} value @returns {any} the value with something odd in it */
  function damaged(value) {
    if (value === null || typeof value !== "object" || next() < 0.25) return any(ODD);
    const copy = Array.isArray(value) ? [...value] : { ...value },
      key = any([...Object.keys(copy), ...Object.keys(copy), "constructor", "hyper", "length2"]);
    copy[key] = damaged(copy[key]);
    return copy;
  }
  for (let k = 0; k < count; k++) {
    const told = damaged(next() < 0.5 ? damaged(any(STATES)) : any(STATES));
    let text = `play=${VERSION}.${encodeURIComponent(JSON.stringify(told))}`;
    if (next() < 0.2) {
      const at = Math.floor(next() * text.length);
      text =
        text.slice(0, at) +
        any(["", "%", "%25", '"', "}", "__proto__", "\u2028", "&play=2", "+"]) +
        text.slice(at + 1);
    }
    try {
      const state = fromHash(text);
      if (!state) continue;
      out.read++;
      const wrong = faults(state);
      if (wrong.length) odd.push(`${wrong} of ${text}`);
      if (k % 40 === 0) scenes(state, 1.5);
    } catch (error) {
      odd.push(`${error} of ${text}`);
    }
  }
  out.untouched = before === globals();
  return out;
}

/** What does not come back from its own address. */
export const lost = () =>
  STATES.map((state) => [state, fromHash(`#${toHash(/** @type {PlayState} */ (state))}`)]).filter(
    ([a, b]) => JSON.stringify(a) !== JSON.stringify(b),
  );
