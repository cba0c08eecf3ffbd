// The playground in an address: a version, then what differs from the state with which the page opens. Read strictly: what is
// not a number in its bounds or a name that is known is left out, and nothing of it ever runs. Pure.

import { RULES } from "../generated/rules.js";
import { clamp } from "../kit/dom.js";
import { FIRST, VERSION } from "../kit/playground.js";
import { MOST_BUMPS, PLANES } from "./ground.js";
import { NETS, drawOf, mostSteps } from "./net.js";
import { MOST_RULES, MOST_STARTS, boundsOf } from "./scene.js";

/** @typedef {import("./types.js").PlayState} PlayState */
/** @typedef {import("../kit/types.js").Pair} Pair */

/** The longest text that is read. */
export const LONGEST = 2000;
const VIEWS = ["map", "land", "curves", "settings", "flow", "steps", "predict"];

const number = (
  /** @type {unknown} */ value,
  /** @type {Pair} */ [low, high],
  /** @type {number} */ fallback,
) => (typeof value === "number" && Number.isFinite(value) ? clamp(value, low, high) : fallback);
const whole = (/** @type {unknown} */ value, /** @type {Pair} */ ends, /** @type {number} */ fallback) =>
  Math.round(number(value, ends, fallback));
const list = (/** @type {unknown} */ value) => (Array.isArray(value) ? value : []);
const isObject = (/** @type {unknown} */ value) =>
  value !== null && typeof value === "object" && !Array.isArray(value);
/** The numbers of an object whose names are known. @param {any} value @param {string[]} names @param {(name: string) => Pair} ends */
const numbers = (value, names, ends) =>
  Object.fromEntries(
    names
      .filter((name) => isObject(value) && Object.hasOwn(value, name) && Number.isFinite(value[name]))
      .map((name) => [name, number(value[name], ends(name), 0)]),
  );

/** @param {any} value @returns {PlayState["surface"]|null} */
function ground(value) {
  if (!isObject(value)) return null;
  if (value.kind === "library" && Object.hasOwn(PLANES, value.name))
    return {
      kind: "library",
      name: value.name,
      params: numbers(value.params, Object.keys(PLANES[value.name].params), paramBounds),
    };
  if (value.kind === "net" && Object.hasOwn(NETS, value.name)) return { kind: "net", name: value.name };
  if (value.kind === "formula" && typeof value.text === "string")
    return { kind: "formula", text: value.text.slice(0, 400), params: {} };
  if (value.kind === "drawn")
    return {
      kind: "drawn",
      bumps: list(value.bumps)
        .filter((one) => Array.isArray(one) && one.length === 4 && one.every(Number.isFinite))
        .slice(0, MOST_BUMPS)
        .map(([x, y, tall, wide]) => [
          clamp(x, -5, 5),
          clamp(y, -5, 5),
          clamp(tall, -4, 4),
          clamp(wide, 0.1, 3),
        ]),
    };
  return null;
}
/** What a parameter of a surface may be. @param {string} name @returns {Pair} */
export const paramBounds = (name) =>
  /** @type {Record<string, Pair>} */ ({ kappa: [1, 1000], angle: [-3.2, 3.2] })[name] ?? [-100, 100];

/** @param {any} value @returns {PlayState["rules"]} */
const runners = (value) =>
  list(value)
    .filter((one) => isObject(one) && (Object.hasOwn(RULES, one.rule) || typeof one.text === "string"))
    .slice(0, MOST_RULES)
    .map(({ rule, text, hyper }) =>
      typeof text === "string"
        ? {
            text: text.slice(0, 400),
            hyper: numbers(hyper, Object.keys(isObject(hyper) ? hyper : {}).slice(0, 8), boundsOf),
          }
        : { rule, hyper: numbers(hyper, Object.keys(RULES[rule].hyper), boundsOf) },
    );

/** The starts as a surface has them: a network's are draws of its weights. @param {PlayState["surface"]} surface @param {PlayState["starts"]} starts @returns {PlayState["starts"]} */
const startsOn = ({ kind }, starts) => (kind === "net" ? starts.map((start) => [drawOf(start), 0]) : starts);

/** The state that a text tells; null where it is none of ours. @param {string} hash with or without "#" @returns {PlayState|null} */
export function fromHash(hash) {
  const text = new URLSearchParams(hash.replace(/^#/, "").replaceAll("+", "%2B")).get("play");
  if (!text?.startsWith(`${VERSION}.`) || text.length > LONGEST) return null;
  let told;
  try {
    told = JSON.parse(text.slice(VERSION.length + 1));
  } catch {
    return null;
  }
  if (!isObject(told)) return null;
  const surface = ground(told.surface) ?? FIRST.surface,
    rules = runners(told.rules),
    starts = list(told.starts)
      .filter((one) => Array.isArray(one) && one.length === 2 && one.every(Number.isFinite))
      .slice(0, MOST_STARTS)
      .map(([x, y]) => /** @type {Pair} */ ([clamp(x, -50, 50), clamp(y, -50, 50)])),
    runs = rules.length ? rules : FIRST.rules;
  return {
    view: VIEWS.includes(told.view) ? told.view : FIRST.view,
    surface,
    rules: runs,
    picked: whole(told.picked, [0, runs.length - 1], Math.min(FIRST.picked, runs.length - 1)),
    fair: told.fair === "same" ? "same" : "best",
    starts: startsOn(surface, starts.length ? starts : FIRST.starts),
    steps: whole(told.steps, [1, mostSteps(surface)], FIRST.steps),
    noise: number(told.noise, [0, 5], FIRST.noise),
    seed: whole(told.seed, [1, 99], FIRST.seed),
  };
}
