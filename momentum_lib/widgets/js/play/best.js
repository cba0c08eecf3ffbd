// Each rule's own best setting, searched from where the ball now starts, and kept.

import { RULES } from "../generated/rules.js";
import { tune } from "../kit/tune.js";
import { searchKey } from "./scene.js";

/** @typedef {import("../kit/types.js").Hyper} Hyper */
/** @typedef {import("./types.js").Scene} Scene */

/**
 * @param {import("../kit/dom.js").Life} life
 * @param {(done: number, of: number) => void} progress called as searches end; the last time with `done` = `of`
 */
export function createBest(life, progress) {
  /** @type {Map<string, Hyper>} */
  const found = new Map();
  /** The last setting of a rule on a surface, from wherever. @type {Map<string, Hyper>} */
  const latest = new Map();
  let stop = () => {};

  /** Search what this scene's rules lack, one rule a frame so that the page stays alive. @param {Scene} scene */
  function search({ lanes, surface, params, key, state }) {
    stop();
    const start = state.starts[0],
      rules = [...lanes.map(({ rule }) => rule), RULES.gradient_descent],
      missing = rules.filter(
        (rule, k) => rules.indexOf(rule) === k && !found.has(searchKey(rule, key, start)),
      );
    let at = 0;
    if (!missing.length || !surface.minima.length) return;
    const next = () => {
      progress(at, missing.length);
      const rule = missing[at];
      if (!rule) return;
      stop = life.after(0, () => {
        const setting = tune(rule, surface, start, params);
        if (setting) {
          found.set(searchKey(rule, key, start), setting);
          latest.set(`${rule.name}|${key}`, setting);
        }
        at += 1;
        next();
      });
    };
    stop = life.after(120, next);
  }
  return {
    found: (/** @type {string} */ key) => found.get(key),
    latest: (/** @type {string} */ rule, /** @type {string} */ key) => latest.get(`${rule}|${key}`),
    search,
  };
}
