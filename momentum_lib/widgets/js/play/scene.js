// From the state to what all views show: the surface, the rules with their settings, their runs. Pure.

import { RULES } from "../generated/rules.js";
import { SURFACES } from "../generated/surfaces.js";
import { show } from "../kit/dom.js";
import { descend, relativeError, stepsTo } from "../kit/engine.js";
import { nameOf } from "../kit/looks.js";
import { drawNoise } from "../kit/noise.js";
import { BUDGET, bestOf, memory } from "../kit/tune.js";
import { surfaceFrom } from "./formula.js";
import { framed } from "../kit/geometry.js";
import { PLANES, drawn, lowest, withNoise } from "./ground.js";
import { usualSetting } from "./net.js";
import { createNetScenes } from "./net_scene.js";
import { ruleFrom } from "./rule_text.js";

/** @typedef {import("../kit/types.js").Box} Box */
/** @typedef {import("../kit/types.js").Hyper} Hyper */
/** @typedef {import("../kit/types.js").Pair} Pair */
/** @typedef {import("../kit/types.js").Rule} Rule */
/** @typedef {import("../kit/types.js").Surface} Surface */
/** @typedef {import("./types.js").Lane} Lane */
/** @typedef {import("./types.js").PlayState} PlayState */
/** @typedef {import("./types.js").Runner} Runner */
/** @typedef {import("./types.js").Scene} Scene */

/** The goal: a millionth of the first distance. */
export const GOAL = 1e-6;
/** How many rules at most. */
export const MOST_RULES = 6;
/** How many starts at most. */
export const MOST_STARTS = 5;
/** What a hyper-parameter may be where it is not a share below one. @type {Record<string, Pair>} */
const WIDER = { lr: [1e-6, 100], eps: [0, 1], dampening: [0, 1] };
export const boundsOf = (/** @type {string} */ name) =>
  Object.hasOwn(WIDER, name) ? WIDER[name] : /** @type {Pair} */ ([0, 0.9999]);

/**
 * What the state's surface is, with the sentence of what is wrong where a text is; then the last good one stays.
 * @typedef {{surface: Surface, params: import("../kit/types.js").Params, key: string, error: string, net: string}} Resolved `net`: the
 *   network's name, "" where it is none; its surface is the plane's, made with the paths
 */

/** Remember the last answer of a function of one plain value. @template A, B @param {(a: A) => B} make */
export function once(make) {
  let key = "",
    /** @type {B|undefined} */ kept;
  return (/** @type {A} */ a) => {
    const now = JSON.stringify(a);
    if (kept === undefined || now !== key) {
      kept = make(a);
      key = now;
    }
    return kept;
  };
}

/** @param {import("./types.js").Ground} ground @param {Resolved|null} good what stays while a text is wrong @returns {Resolved} */
export function resolve(ground, good) {
  if (ground.kind === "drawn") {
    const land = drawn(ground.bumps);
    return { surface: land, params: land.params, key: JSON.stringify(ground), error: "", net: "" };
  }
  if (ground.kind === "formula") {
    const { surface: typed, error } = surfaceFrom(ground.text);
    if (!typed) return { ...(good ?? library("ravine", {})), error: error.text };
    typed.minima = lowest(typed, {}, typed.domain);
    return { surface: typed, params: {}, key: typed.name, error: "", net: "" };
  }
  if (ground.kind === "net")
    return { ...library("ravine", {}), key: JSON.stringify(ground), net: ground.name };
  return library(ground.name, ground.params);
}
/** @param {string} name @param {import("../kit/types.js").Params} own @returns {Resolved} */
function library(name, own) {
  const surface = PLANES[name] ?? PLANES.ravine,
    params = { ...surface.params, ...own };
  return { surface, params, key: JSON.stringify([surface.name, params]), error: "", net: "" };
}

/** The rules of typed texts, kept: each text is read once. @type {Map<string, {rule: Rule, error: string}>} */
const typedRules = new Map();

/** @param {Runner} runner @returns {{rule: Rule, error: string}} */
function ruleOf(runner) {
  if (runner.text === undefined) return { rule: RULES[runner.rule ?? ""] ?? RULES.heavy_ball, error: "" };
  const known = typedRules.get(runner.text);
  if (known) return known;
  const { rule, error } = ruleFrom(runner.text),
    found = {
      rule: rule ? { ...rule, title: "Your own rule", text: runner.text } : RULES.gradient_descent,
      error: error?.text ?? "",
    };
  if (typedRules.size > 500) typedRules.clear();
  typedRules.set(runner.text, found);
  return found;
}

/** Which of the runners with the same rule this is, and how many there are. @param {Runner[]} rules @param {number} index */
function twin(rules, index) {
  const same = rules.flatMap((one, k) =>
    one.rule === rules[index].rule && one.text === rules[index].text ? [k] : [],
  );
  return { at: same.indexOf(index), of: same.length };
}
/** A rule's name; where it runs twice, with the momentum that tells the two apart. @param {Runner[]} rules @param {number} index @param {Rule} rule @param {Hyper} hyper */
function titleOf(rules, index, rule, hyper) {
  const name = memory(rule);
  return twin(rules, index).of > 1
    ? `${nameOf(rule)} ${show(name ? hyper[name] : hyper.lr, 2)}`
    : nameOf(rule);
}
const TWINS = ["", "9 5", "2 5", "12 4 2 4", "5 3", "1 3"];
/** @param {Runner[]} rules @param {number} index @param {Rule} rule */
const dashOf = (rules, index, rule) => TWINS[twin(rules, index).at] || rule.dash;

/** The rate that all rules share: a fifth of gradient descent's best. @param {Hyper} best of gradient descent @param {Resolved} here */
const shared = (best, { surface, net }) =>
  Number((best.lr / (net || surface.minima.length ? 5 : 1)).toPrecision(3));

/** A search from this start, in a few words that say whether another one is the same. @param {Rule} rule @param {string} key of the surface @param {Pair} start */
export const searchKey = (rule, key, start) => `${rule.name}|${key}|${start.map((v) => v.toPrecision(4))}`;

/** Where the pace of a rule begins as long as nothing was searched. @param {Rule} rule @param {Resolved} here */
function guess(rule, { surface, net }) {
  if (net) return usualSetting(net, rule);
  if (SURFACES[surface.name] && RULES[rule.name]) return bestOf(surface.name, rule.name);
  const name = memory(rule);
  return /** @type {Hyper} */ (name ? { lr: 0.05, [name]: 0.8 } : { lr: 0.05 });
}

/**
 * A scene maker that keeps what did not change.
 * @param {{found: (key: string) => Hyper|undefined, latest: (rule: string, key: string) => Hyper|undefined}} best what was searched
 * @param {Parameters<typeof createNetScenes>[0]} [page] for networks, which learn on from frame to frame
 */
export function createScenes(best, page) {
  const nets = createNetScenes(page);
  let good = /** @type {Resolved|null} */ (null);
  const ground = once((/** @type {import("./types.js").Ground} */ one) => {
    const found = resolve(one, good);
    if (!found.error) good = found;
    return found;
  });

  /** All numbers of a rule now. @param {PlayState} state @param {Rule} rule @param {Hyper} own @param {Resolved} here */
  function hyperOf(state, rule, own, here) {
    const place = placeOf(here, state),
      start = state.starts[0],
      of = (/** @type {Rule} */ one) =>
        best.found(searchKey(one, place, start)) ?? best.latest(one.name, place) ?? guess(one, here);
    const base = state.fair === "best" ? of(rule) : { lr: shared(of(RULES.gradient_descent), here) };
    /** @type {Hyper} */
    const full = {};
    for (const [name, fallback] of Object.entries(rule.hyper))
      full[name] = own[name] ?? base[name] ?? fallback ?? 0.1;
    return full;
  }

  /** The run of a rule from each start. @param {PlayState} state @param {Resolved} here @param {Rule} rule @param {Hyper} hyper @param {Float64Array|null} draws of noise */
  function runsOf(state, { surface, params }, rule, hyper, draws) {
    return state.starts.map((start) => {
      const place = draws ? withNoise({ ...surface, params }, state.noise, draws) : surface;
      return descend(rule, place, {
        start,
        steps: state.steps,
        hyper,
        params: draws ? place.params : params,
      });
    });
  }

  /** @param {PlayState} state @param {number} shape of the picture, width over height @param {boolean} [whole] a network learns to the end before it is shown @returns {Scene} */
  return function scene(state, shape, whole) {
    const here = ground(state.surface),
      { surface, params, net } = here,
      draws = state.noise > 0 && !net ? drawNoise(2 * state.steps, state.seed) : null;
    const wrong = { surface: here.error, rule: "" };
    const set = state.rules.map((runner, index) => {
      const { rule, error } = ruleOf(runner);
      if (index === state.picked) wrong.rule = error;
      return { rule, hyper: hyperOf(state, rule, runner.hyper, here) };
    });
    const trainings = net ? set.map(({ rule, hyper }) => nets.trained(net, state, rule, hyper)) : [],
      seen = net ? nets.seen(net, state, trainings, shape, whole) : null;
    const lanes = set.map(({ rule, hyper }, index) => {
      const runs = seen ? seen.runs[index] : runsOf(state, here, rule, hyper, draws);
      return {
        index,
        rule,
        title: titleOf(state.rules, index, rule, hyper),
        dash: dashOf(state.rules, index, rule),
        hyper,
        own: Object.keys(state.rules[index].hyper).length > 0,
        runs,
        end: seen ? endOf(runs[0]) : ending(rule, here, state, hyper, runs[0]),
      };
    });
    const place = placeOf(here, state),
      picked = Math.min(state.picked, lanes.length - 1);
    return {
      state,
      surface: seen?.surface ?? surface,
      net: seen && {
        name: net,
        trainings,
        share: seen.share(trainings[picked][0]),
        done: seen.done,
      },
      params: net ? {} : params,
      box: seen?.box ?? framed(surface.domain, shape),
      key: seen?.key ?? here.key,
      place,
      lanes,
      picked: lanes[picked],
      wrong,
    };
  };
}

/** Which surface this is for what is searched on it: a network's search hangs on the number of steps, too. @param {Resolved} here @param {PlayState} state */
const placeOf = ({ key, net }, { steps }) => (net ? `${key} ${steps}` : key);
/** How a training ends. @param {import("../kit/types.js").Run} run @returns {import("./types.js").Ending} */
const endOf = ({ divergedAt, values, n }) => ({ steps: null, divergedAt, loss: values[n] });

/** How a run ends within the whole budget, without noise. @param {Rule} rule @param {Resolved} here @param {PlayState} state @param {Hyper} hyper @param {import("../kit/types.js").Run} drawnRun @returns {import("./types.js").Ending} */
function ending(rule, { surface, params }, state, hyper, drawnRun) {
  const long = descend(rule, surface, { start: state.starts[0], steps: BUDGET, hyper, params });
  return {
    steps: long.divergedAt ? null : stepsTo(relativeError(surface, long.points), GOAL),
    divergedAt: long.divergedAt,
    loss: drawnRun.values[drawnRun.n],
  };
}
